// What the parts of the function runner share. Built once by Runner; every member is thread-safe.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

#include "functions/action_pool.h"
#include "functions/code_loader.h"
#include "functions/fetch.h"
#include "functions/function_log.h"
#include "functions/function_metrics.h"
#include "functions/function_statistics.h"
#include "functions/node_host.h"
#include "functions/query_cache.h"
#include "functions/runner.h"
#include "functions/snapshots.h"
#include "functions/task_threads.h"
#include "functions/timers.h"
#include "functions/transaction_call.h"
#include "functions/worker_pool.h"

namespace hull {

// Counts calls from their start to their answer, so that shutdown can wait for all of them.
class Inflight {
 public:
  std::shared_ptr<void> enter() {
    std::lock_guard lock(mutex_);
    ++count_;
    return std::shared_ptr<void>(this, [](Inflight* self) { self->leave(); });
  }
  void wait_until_empty() {
    std::unique_lock lock(mutex_);
    empty_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  void leave() {
    std::lock_guard lock(mutex_);
    if (--count_ == 0) empty_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable empty_;
  size_t count_ = 0;
};

struct RunnerParts {
  RunnerOptions options;
  CallSettings settings;
  FunctionRunner* runner = nullptr;
  Engine* engine = nullptr;
  FunctionMetrics metrics;
  FunctionStatistics statistics;
  OutstandingCalls outstanding;
  std::unique_ptr<FunctionLog> log;
  SystemFunctions system_functions;
  std::unique_ptr<BlobCodeLoader> loader;
  std::unique_ptr<QueryCache> cache;
  std::unique_ptr<WorkerLauncher> launcher;
  std::unique_ptr<WorkerStarter> starter;
  std::unique_ptr<FetchService> fetch;
  std::unique_ptr<Timers> timers;
  std::unique_ptr<TaskThreads> tasks;
  std::unique_ptr<WorkerPool> pool;
  std::unique_ptr<NodeHost> node;
  std::unique_ptr<ActionPool> actions, node_actions;
  Inflight inflight;
};

}  // namespace hull
