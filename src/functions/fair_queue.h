// FairQueue: the calls that wait for a worker, served so that neither a function nor a caller can keep the
// others waiting.
//
// Start-time fair queueing (Goyal, Vin, Cheng 1996) with one flow per function: a call is stamped with the
// virtual time at which its function's earlier calls will have been served, and the smallest stamp goes
// first. So every function with waiting calls gets the same share of worker time, whatever it asks for, and
// nobody starves. The cost of a call is what the function's recent calls took and is corrected when it ends.
//
// Within a flow the callers (sockets, or address and user of HTTP calls) take turns, one call each; calls of
// one caller keep their order. Counting calls is enough there, because calls of one function cost about the
// same. Functions come first, because what a call costs depends on its function: a thousand users of a slow
// one must not delay the single user of a fast one, which they would if callers shared the workers equally.
// The other way round a caller who uses many functions gets a share of each, but only one turn among the
// callers of each: somebody who wants one call waits for at most one call per function and per caller of his.
// Calls that wait for a shared run wait where its first caller queued.
//
// Not thread-safe: WorkerPool uses it under its lock.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "functions/pool_job.h"

namespace hull {

class FairQueue {
 public:
  // Calls of functions with a shorter typical run are known to be fast.
  static constexpr double kFastS = 0.03;

  void push(PoolJob job);
  // The first call in order for which `admit` holds.
  std::optional<PoolJob> pop(const std::function<bool(const PoolJob&)>& admit);
  // A call of the function has used a worker for so many seconds.
  void charge(const std::string& function, double seconds);
  // Its recent calls took less than kFastS each. False for a function without a history.
  bool known_fast(const std::string& function) const;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Removes everything.
  std::deque<PoolJob> take_all();

 private:
  struct Caller {
    std::string name;
    std::deque<PoolJob> jobs;  // never empty
  };
  struct Flow {
    std::list<Caller> turns;  // whose turn it is first
    std::unordered_map<std::string, std::list<Caller>::iterator> callers;
    double next_start = 0;  // virtual time, seconds of worker time
    double typical_s = 0;   // of its recent calls; 0: none has ended yet
  };
  using Flows = std::unordered_map<std::string, Flow>;
  using Order = std::set<std::pair<double, Flows::value_type*>>;

  static double expected_s(const Flow& flow);
  void forget_idle_flows();

  Flows flows_;
  Order waiting_;  // flows with jobs, by the stamp of their first one
  double now_ = 0;
  size_t size_ = 0;
};

}  // namespace hull
