// ActionPool: the workers of actions. An action mostly waits, so several share a process once a few processes
// exist.
//
// Each worker has a driver thread that reads its frames and hands them to the calls it holds; answers to
// operations come from any thread, straight through WorkerProcess::send. Workers retire when they have been
// idle for a while. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "functions/call.h"
#include "functions/snapshots.h"

namespace hull {

// One running action as its worker sees it. All functions are called on the driver thread (refused: on any
// thread), the last one exactly once: done, lost or refused, also after the start when the server stops.
class ActionCall {
 public:
  virtual ~ActionCall() = default;
  const uint64_t id;
  const std::shared_ptr<const Code> code;
  int64_t deadline_ns = 0;  // after it the worker is hung

  virtual void started(std::shared_ptr<WorkerProcess> worker) = 0;  // sends StartCall
  virtual void ops(const wire::OpBatch& batch) = 0;
  virtual void logs(const wire::LogLines& lines) = 0;
  virtual void done(const wire::CallDone& done) = 0;
  virtual void lost(bool hung) = 0;
  virtual void refused(Error error) = 0;

 protected:
  ActionCall(uint64_t id, std::shared_ptr<const Code> code) : id(id), code(std::move(code)) {}
};
using ActionCallPtr = std::shared_ptr<ActionCall>;

class ActionPool {
 public:
  ActionPool(WorkerStarter* starter, const Knobs* knobs);
  ~ActionPool();

  // Kills the workers: calls that run or wait are refused.
  void stop();
  void submit(ActionCallPtr call);

  struct Stats {
    size_t workers = 0, running = 0, rss_bytes = 0;
  };
  Stats stats();

 private:
  struct Worker {
    std::thread thread;
    std::shared_ptr<const Code> code;
    std::shared_ptr<WorkerProcess> process;  // null until started
    std::map<uint64_t, ActionCallPtr> calls;
    std::vector<ActionCallPtr> arriving;
    int64_t idle_since_ns = 0;
    bool retiring = false;  // takes no more calls
    bool exited = false;    // the thread is about to end
  };
  struct Waiting {
    ActionCallPtr call;
    int64_t since_ns = 0;
  };

  void dispatch_locked();
  Worker* worker_for_locked(const Code& code);
  void run(Worker& worker);
  bool drive(Worker& worker);
  void handle(Worker& worker, const wire::FromWorker& frame);
  void lose_all(Worker& worker, uint64_t hung_call, bool timed_out);
  ActionCallPtr find(Worker& worker, uint64_t id);
  void remove(Worker& worker, uint64_t id);
  void refuse_expired();

  WorkerStarter* const starter_;
  const Knobs* const knobs_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::deque<Waiting> waiting_;
  std::string current_key_;
  size_t running_ = 0;
  bool stopping_ = false;
};

}  // namespace hull
