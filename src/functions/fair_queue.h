// FairQueue: the calls that wait for a worker, served so that no function can keep the others waiting.
//
// Start-time fair queueing (Goyal, Vin, Cheng 1996) with one flow per function: a call is stamped with the
// virtual time at which its function's earlier calls will have been served, and the smallest stamp goes
// first. So every function with waiting calls gets the same share of worker time, whatever it asks for;
// calls of one function keep their order, and nobody starves. The cost of a call is what the function's
// recent calls took and is corrected when it ends.
//
// Not thread-safe: WorkerPool uses it under its lock.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
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
  struct Flow {
    std::deque<PoolJob> jobs;
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
