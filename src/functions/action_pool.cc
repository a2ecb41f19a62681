#include "functions/action_pool.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "base/log.h"
#include "base/time.h"
#include "functions/process_priority.h"
#include "functions/snapshots.h"

namespace hull {

namespace {

constexpr double kOldCodeIdleS = 2, kMaxWaitS = 10;

double seconds_since(int64_t from_ns) { return static_cast<double>(monotonic_nanos() - from_ns) / 1e9; }

Error too_many(const ActionPolicy& policy) {
  Error error;
  error.kind = ErrorKind::kRateLimited;
  error.code = "TooManyConcurrentRequests";
  error.message = "Too many concurrent requests. Your backend is limited to " +
                  std::to_string(policy.max_concurrent) + " concurrent " + std::string(policy.kind) + ".";
  return error;
}

Error shutting_down() { return Error::overloaded("ShuttingDown", "The server is shutting down"); }

ActionLoss loss_of(WorkerProcess::Cause cause, bool outgrew_memory) {
  if (cause == WorkerProcess::Cause::kTimeout) return ActionLoss::kHung;
  bool out_of_memory = outgrew_memory || cause == WorkerProcess::Cause::kOutOfMemory ||
                       cause == WorkerProcess::Cause::kAborted;
  return out_of_memory ? ActionLoss::kOutOfMemory : ActionLoss::kCrashed;
}

}  // namespace

ActionPolicy worker_action_policy(const Knobs& knobs) {
  ActionPolicy policy;
  policy.kind = "actions";
  policy.max_concurrent = std::max<size_t>(1, knobs.max_concurrent_actions);
  policy.max_processes = 4;
  policy.max_busy = 12;
  policy.check_interval_s = 0.5;
  // Heaps have limits of their own, but some code outgrows them before V8 looks.
  policy.max_rss = 512u << 20;
  policy.full_rss = 400u << 20;
  policy.user_timeout_s = knobs.action_user_timeout_s;
  policy.hung_after_s = 10;
  policy.hung_text =
      fmt::format("Function execution timed out (maximum duration: {}s)", knobs.action_user_timeout_s);
  policy.out_of_memory_text = fmt::format(
      "JavaScript execution ran out of memory (maximum memory usage: {} MB)", knobs.max_user_heap >> 20);
  policy.crash_text = policy.out_of_memory_text;
  return policy;
}

ActionPool::ActionPool(ActionStarter* starter, ActionPolicy policy)
    : starter_(starter), policy_(std::move(policy)) {}

ActionPool::~ActionPool() {
  stop();
  for (auto& worker : workers_) worker->thread.join();
}

void ActionPool::stop() {
  std::deque<Waiting> waiting;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting.swap(waiting_);
    for (auto& worker : workers_) {
      if (worker->process) worker->process->wake();
    }
  }
  for (Waiting& each : waiting) each.call->refused(shutting_down());
}

void ActionPool::submit(ActionCallPtr call) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_) {
      call->policy = &policy_;
      current_key_ = call->code->key();
      enqueue_locked(std::move(call));
      dispatch_locked();
      return;
    }
  }
  call->refused(shutting_down());
}

ActionPool::Worker* ActionPool::worker_for_locked(const Code& code) {
  Worker* least = nullptr;
  auto load = [](const Worker& worker) {
    return std::pair(worker.busy, worker.calls.size() + worker.arriving.size());
  };
  size_t alive = 0, busy = 0;
  for (auto& worker : workers_) {
    if (worker->exited) continue;
    ++alive;
    busy += worker->busy;
    if (worker->retiring || worker->code->key() != code.key()) continue;
    if (!least || load(*worker) < load(*least)) least = worker.get();
  }
  const bool may_start = alive - std::min(busy, policy_.max_busy) < policy_.max_processes;
  if (least && (load(*least) == std::pair(false, size_t{0}) || !may_start)) return least;
  for (auto it = workers_.begin(); it != workers_.end();) {
    if ((*it)->exited) {
      (*it)->thread.join();  // it only has its return left
      it = workers_.erase(it);
    } else {
      ++it;
    }
  }
  workers_.push_back(std::make_unique<Worker>());
  return workers_.back().get();
}

void ActionPool::enqueue_locked(ActionCallPtr call) {
  auto place = call->unlimited ? waiting_.begin() : waiting_.end();
  waiting_.insert(place, {std::move(call), monotonic_nanos()});
}

void ActionPool::dispatch_locked() {
  while (!waiting_.empty() && (running_ < policy_.max_concurrent || waiting_.front().call->unlimited)) {
    ActionCallPtr call = std::move(waiting_.front().call);
    waiting_.pop_front();
    Worker* worker = worker_for_locked(*call->code);
    ++running_;
    bool fresh = !worker->code;
    // Only before its thread starts, which reads it without the lock; later calls bring an equal one.
    if (fresh) worker->code = call->code;
    worker->arriving.push_back(std::move(call));
    if (fresh) {
      worker->thread = std::thread([this, worker] { run(*worker); });
    } else if (worker->process) {
      worker->process->wake();
    }
  }
}

void ActionPool::refuse_expired() {
  std::vector<ActionCallPtr> expired;
  {
    std::lock_guard lock(mutex_);
    while (!waiting_.empty() && seconds_since(waiting_.front().since_ns) > kMaxWaitS) {
      expired.push_back(std::move(waiting_.front().call));
      waiting_.pop_front();
    }
  }
  for (ActionCallPtr& call : expired) call->refused(too_many(policy_));
}

ActionCallPtr ActionPool::find(Worker& worker, uint64_t id) {
  std::lock_guard lock(mutex_);
  auto it = worker.calls.find(id);
  return it == worker.calls.end() ? nullptr : it->second;
}

void ActionPool::remove(Worker& worker, uint64_t id) {
  std::lock_guard lock(mutex_);
  if (worker.calls.erase(id) == 0) return;
  --running_;
  worker.idle_since_ns = monotonic_nanos();
  dispatch_locked();
}

void ActionPool::run(Worker& worker) {
  auto started = starter_->start(*worker.code);
  const bool is_running = started.ok();
  Error refusal = is_running ? shutting_down() : started.error();
  if (is_running) {
    {
      std::lock_guard lock(mutex_);
      worker.process = *std::move(started);
      worker.idle_since_ns = monotonic_nanos();
    }
    while (drive(worker)) {
    }
  } else {
    spdlog::error("cannot start a process for {}: {}", policy_.kind, refusal.message);
  }
  std::shared_ptr<WorkerProcess> process;
  std::vector<ActionCallPtr> unstarted;
  {
    std::lock_guard lock(mutex_);
    worker.retiring = true;
    process = std::move(worker.process);
    if (!stopping_ && is_running) {
      requeue_arriving_locked(worker);
    } else {
      unstarted.swap(worker.arriving);
      running_ -= unstarted.size();
    }
    dispatch_locked();
  }
  if (process) process->kill();
  process.reset();
  for (ActionCallPtr& call : unstarted) call->refused(refusal);
  unstarted.clear();
  // From here on the thread takes no lock but this one: others join it while they hold the mutex.
  std::lock_guard lock(mutex_);
  worker.exited = true;
}

// For calls that were given to a process which has begun to retire.
void ActionPool::requeue_arriving_locked(Worker& worker) {
  if (stopping_) return;  // they are lost with the process
  running_ -= worker.arriving.size();
  for (ActionCallPtr& call : worker.arriving) enqueue_locked(std::move(call));
  worker.arriving.clear();
}

void ActionPool::retire(Worker& worker) {
  std::lock_guard lock(mutex_);
  worker.retiring = true;
  requeue_arriving_locked(worker);
  dispatch_locked();
}

void ActionPool::check_memory(Worker& worker) {
  const size_t rss = worker.process->rss_bytes();
  if (rss > policy_.max_rss) {
    worker.outgrew_memory = true;
    worker.process->kill();
  }
  if (rss > policy_.full_rss) retire(worker);
}

void ActionPool::check_pulse(Worker& worker) {
  if (worker.pinged) {
    std::lock_guard lock(mutex_);
    if (!worker.busy) lower_priority(worker.process->pid());
    worker.busy = true;
    return;
  }
  if (worker.calls.empty()) return;
  worker.pinged = true;
  wire::ToWorker ping;
  ping.mutable_ping();
  worker.process->send(ping);
}

void ActionPool::has_pulse(Worker& worker) {
  worker.pinged = false;
  if (!worker.busy) return;
  {
    std::lock_guard lock(mutex_);
    worker.busy = false;
  }
  // Where priorities only ever go down, the process must not stay.
  if (!restore_priority(worker.process->pid())) retire(worker);
}

// One turn of the driver. False: the worker is done for.
bool ActionPool::drive(Worker& worker) {
  std::vector<ActionCallPtr> arriving;
  int64_t next_deadline = worker.next_check_ns;
  uint64_t hung = 0;
  bool leave = false;
  {
    std::lock_guard lock(mutex_);
    arriving.swap(worker.arriving);
    for (ActionCallPtr& call : arriving) worker.calls[call->id] = call;
    for (auto& [id, call] : worker.calls) {
      if (call->deadline_ns < monotonic_nanos()) hung = id;
      next_deadline = std::min(next_deadline, call->deadline_ns);
    }
    if (worker.calls.empty()) {
      double idle = seconds_since(worker.idle_since_ns);
      bool others = std::any_of(workers_.begin(), workers_.end(), [&worker](const auto& other) {
        return other.get() != &worker && !other->exited;
      });
      leave = worker.retiring || (idle > policy_.idle_s && (others || !policy_.keep_one)) ||
              (idle > kOldCodeIdleS && worker.code->key() != current_key_);
      if (leave) worker.retiring = true;
    }
    if (stopping_) leave = true;
  }
  for (ActionCallPtr& call : arriving) call->started(worker.process);
  if (hung != 0 || leave) {
    lose_all(worker, hung, ActionLoss::kCrashed);
    return false;
  }
  if (monotonic_nanos() >= worker.next_check_ns) {
    check_memory(worker);
    check_pulse(worker);
    worker.next_check_ns = monotonic_nanos() + static_cast<int64_t>(policy_.check_interval_s * 1e9);
    next_deadline = std::min(next_deadline, worker.next_check_ns);
  }
  wire::FromWorker frame;
  switch (worker.process->receive(frame, next_deadline)) {
    case WorkerProcess::Event::kFrame:
      handle(worker, frame);
      return true;
    case WorkerProcess::Event::kTimeout:
      refuse_expired();
      return true;
    case WorkerProcess::Event::kWoken:
      return true;
    case WorkerProcess::Event::kClosed:
      break;
  }
  lose_all(worker, 0, loss_of(worker.process->cause_of_end(), worker.outgrew_memory));
  return false;
}

void ActionPool::handle(Worker& worker, const wire::FromWorker& frame) {
  if (frame.has_module()) {
    reply_module(*worker.process, *worker.code, frame.module());
  } else if (frame.has_ops()) {
    if (auto call = find(worker, frame.ops().call_id())) call->ops(frame.ops());
  } else if (frame.has_logs()) {
    if (auto call = find(worker, frame.logs().call_id())) call->logs(frame.logs());
  } else if (frame.has_done()) {
    auto call = find(worker, frame.done().call_id());
    if (!call) return;
    if (frame.done().retire()) retire(worker);
    remove(worker, call->id);
    call->done(frame.done());
  } else if (frame.has_pong()) {
    has_pulse(worker);
  } else if (frame.has_retiring()) {
    spdlog::info("a process for {} is replaced: {}", policy_.kind, frame.retiring().reason());
    retire(worker);
  }
}

void ActionPool::lose_all(Worker& worker, uint64_t hung_call, ActionLoss why) {
  worker.process->kill();
  std::map<uint64_t, ActionCallPtr> calls;
  bool stopping = false;
  {
    std::lock_guard lock(mutex_);
    stopping = stopping_;
    calls.swap(worker.calls);
    running_ -= calls.size();
    worker.retiring = true;
  }
  for (auto& [id, call] : calls) {
    if (stopping) {
      call->refused(shutting_down());
    } else {
      call->lost(id == hung_call ? ActionLoss::kHung : why);
    }
  }
}

ActionPool::Stats ActionPool::stats() {
  std::lock_guard lock(mutex_);
  Stats stats;
  stats.running = running_;
  for (auto& worker : workers_) {
    if (!worker->process) continue;
    ++stats.workers;
    stats.rss_bytes += worker->process->rss_bytes();
  }
  return stats;
}

}  // namespace hull
