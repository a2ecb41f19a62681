// ActionPool: the processes of actions of one runtime (V8 workers, or executors of Node.js actions). An
// action mostly waits, so several share a process once a few processes exist.
//
// Each worker has a driver thread that reads its frames and hands them to the calls it holds; answers to
// operations come from any thread, straight through WorkerProcess::send. Workers retire when they have been
// idle for a while.
//
// A process whose JavaScript computes without pause keeps its other calls waiting. It is found by a ping that
// stays unanswered; then new calls go elsewhere, if need be to processes beyond the usual number, and its
// processor priority is lowered. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "functions/call.h"
#include "functions/code.h"
#include "functions/worker_process.h"

namespace hull {

// Where the processes of a pool come from. Thread-safe.
class ActionStarter {
 public:
  virtual ~ActionStarter() = default;
  // A process that has answered Ready. Blocking.
  virtual Result<std::unique_ptr<WorkerProcess>> start(const Code& code) = 0;
};

// In what the runtimes differ.
struct ActionPolicy {
  std::string_view kind;  // "actions": what a refusal calls them
  size_t max_concurrent = 1;
  size_t max_processes = 1;  // more only while some of them run old code or compute without pause
  size_t max_busy = 0;       // processes that compute and do not count against max_processes
  size_t max_rss = 0;        // bytes: a process that takes more is killed
  size_t full_rss = 0;       // a process that takes more gets no more calls
  double check_interval_s = 1;
  double idle_s = 60;
  bool keep_one = true;  // the last process stays, however long it is idle
  double user_timeout_s = 0;
  double hung_after_s = 0;  // past the time limit, which the process enforces as long as it can
  // Texts for a call that has lost its process.
  std::string hung_text, out_of_memory_text, crash_text;
};
ActionPolicy worker_action_policy(const Knobs& knobs);

// Why a call has lost its process.
enum class ActionLoss { kHung, kOutOfMemory, kCrashed };

// One running action as its worker sees it. All functions are called on the driver thread (refused: on any
// thread), the last one exactly once: done, lost or refused, also after the start when the server stops.
class ActionCall {
 public:
  virtual ~ActionCall() = default;
  const uint64_t id;
  const std::shared_ptr<const Code> code;
  bool unlimited = false;   // starts at once, however many are running; set before the submission
  int64_t deadline_ns = 0;  // after it the worker is hung
  const ActionPolicy* policy = nullptr;  // of the pool it was submitted to

  virtual void started(std::shared_ptr<WorkerProcess> worker) = 0;  // sends StartCall
  virtual void ops(const wire::OpBatch& batch) = 0;
  virtual void logs(const wire::LogLines& lines) = 0;
  virtual void done(const wire::CallDone& done) = 0;
  virtual void lost(ActionLoss why) = 0;
  virtual void refused(Error error) = 0;

 protected:
  ActionCall(uint64_t id, std::shared_ptr<const Code> code) : id(id), code(std::move(code)) {}
};
using ActionCallPtr = std::shared_ptr<ActionCall>;

class ActionPool {
 public:
  ActionPool(ActionStarter* starter, ActionPolicy policy);
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
    int64_t next_check_ns = 0;
    bool outgrew_memory = false;
    bool pinged = false;    // the answer is due; the driver's
    bool busy = false;      // it was not there in time
    bool retiring = false;  // takes no more calls
    bool exited = false;    // the thread is about to end
  };
  struct Waiting {
    ActionCallPtr call;
    int64_t since_ns = 0;
  };

  void enqueue_locked(ActionCallPtr call);
  void dispatch_locked();
  Worker* worker_for_locked(const Code& code);
  void run(Worker& worker);
  bool drive(Worker& worker);
  void handle(Worker& worker, const wire::FromWorker& frame);
  void check_memory(Worker& worker);
  void check_pulse(Worker& worker);
  void has_pulse(Worker& worker);
  void retire(Worker& worker);
  void requeue_arriving_locked(Worker& worker);
  void lose_all(Worker& worker, uint64_t hung_call, ActionLoss why);
  ActionCallPtr find(Worker& worker, uint64_t id);
  void remove(Worker& worker, uint64_t id);
  void refuse_expired();

  ActionStarter* const starter_;
  const ActionPolicy policy_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::deque<Waiting> waiting_;
  std::string current_key_;
  size_t running_ = 0;
  bool stopping_ = false;
};

}  // namespace hull
