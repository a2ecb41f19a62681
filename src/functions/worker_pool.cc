#include "functions/worker_pool.h"

#include <algorithm>

#include "base/log.h"
#include "base/memory_budget.h"
#include "base/time.h"
#include "functions/process_priority.h"

namespace hull {

namespace {

constexpr size_t kMaxQueue = 20000;
constexpr double kMaxQueueS = 15;
constexpr double kIdleS = 60, kOldCodeIdleS = 2, kStandbyS = 60;
constexpr size_t kRssBudget = 256u << 20;
constexpr size_t kCallsPerRssCheck = 16;

// A call is slow when it holds its slot for longer.
constexpr int64_t kSlowNs = 30'000'000;
constexpr int64_t kWatchNs = 20'000'000;
// A slow call that has used so much processor time computes; others just wait.
constexpr double kComputesS = 0.03;
// Room for slow calls: many, but no more than the machine has memory for, if each takes all it may.
constexpr size_t kMaxSlots = 16;
constexpr size_t kMemoryPerSlot = 512u << 20;
// Workers beyond the number of cores are only worth keeping while there are slow calls.
constexpr double kExtraIdleS = 5;

size_t fast_calls(const Knobs& knobs) {
  size_t cores = std::max<size_t>(2, std::thread::hardware_concurrency());
  size_t limit = std::max(knobs.max_concurrent_queries, knobs.max_concurrent_mutations);
  return limit > 0 ? std::min<size_t>(limit, 4 * cores) : cores;
}

size_t slots_for(size_t fast) {
  return std::max(2 * fast, std::min(kMaxSlots, available_memory() / kMemoryPerSlot));
}

double seconds_since(int64_t from_ns) { return static_cast<double>(monotonic_nanos() - from_ns) / 1e9; }

Error queue_full() {
  return Error::overloaded(
      "ExecuteFullError",
      "Too many concurrent requests in a short period of time. Spread out your requests out over "
      "time or throttle them to avoid errors.");
}

Error queue_expired() {
  return Error::overloaded(
      "ExpiredInQueue",
      "Too many concurrent requests in a short period of time. Spread out your requests out over "
      "time or throttle them to avoid errors.");
}

Error shutting_down() { return Error::overloaded("ShuttingDown", "The server is shutting down"); }

}  // namespace

WorkerPool::WorkerPool(WorkerStarter* starter, const Knobs* knobs)
    : starter_(starter),
      knobs_(knobs),
      max_fast_(fast_calls(*knobs)),
      max_slots_(slots_for(max_fast_)),
      watcher_([this] { watch(); }) {}

WorkerPool::~WorkerPool() {
  std::deque<PoolJob> refused;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    refused = queue_.take_all();
    for (auto& slot : slots_) slot->wake.notify_all();
    watch_.notify_all();
  }
  watcher_.join();
  for (PoolJob& job : refused) job.refuse(shutting_down());
  for (auto& slot : slots_) slot->thread.join();
}

void WorkerPool::submit(PoolJob job) {
  job.queued_ns = monotonic_nanos();
  std::optional<Error> refused;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) {
      refused = shutting_down();
    } else if (queue_.size() >= kMaxQueue) {
      refused = queue_full();
    } else {
      current_key_ = job.code->key();
      queue_.push(std::move(job));
      dispatch_locked();
      return;
    }
  }
  job.refuse(*refused);
}

bool WorkerPool::within_limit_locked(UdfType type) const {
  size_t limit =
      type == UdfType::kMutation ? knobs_->max_concurrent_mutations : knobs_->max_concurrent_queries;
  size_t running = type == UdfType::kMutation ? running_mutations_ : running_queries_;
  return limit == 0 || running < limit;
}

bool WorkerPool::may_start_locked(const PoolJob& job) const {
  if (!within_limit_locked(job.type)) return false;
  const size_t running = running_queries_ + running_mutations_;
  // The last slots are for those that will soon give them back.
  return running + max_fast_ < max_slots_ || queue_.known_fast(job.function);
}

WorkerPool::Slot* WorkerPool::ready_slot_locked(const Code& code) {
  for (auto& slot : slots_) {
    if (slot->state == Slot::State::kFree && slot->worker && slot->code->key() == code.key()) {
      return slot.get();
    }
  }
  return nullptr;
}

void WorkerPool::start_worker_locked(std::shared_ptr<const Code> code) {
  if (starting_slots_ >= max_fast_) return;
  Slot* chosen = nullptr;
  for (auto& slot : slots_) {
    if (slot->state != Slot::State::kFree) continue;
    if (!slot->worker) {
      chosen = slot.get();
      break;
    }
    if (slot->code->key() == code->key()) continue;
    if (!chosen || slot->idle_since_ns < chosen->idle_since_ns) chosen = slot.get();
  }
  if ((!chosen || chosen->worker) && slots_.size() < max_slots_) {
    slots_.push_back(std::make_unique<Slot>());
    chosen = slots_.back().get();
    chosen->thread = std::thread([this, chosen] { run_slot(*chosen); });
  }
  if (!chosen) return;
  chosen->state = Slot::State::kStarting;
  chosen->start = std::move(code);
  ++starting_slots_;
  chosen->wake.notify_one();
}

void WorkerPool::dispatch_locked() {
  while (!queue_.empty() && running_queries_ + running_mutations_ - slow_ < max_fast_) {
    std::shared_ptr<const Code> wanted;  // of the first call for which no worker is ready
    auto job = queue_.pop([&](const PoolJob& next) {
      if (!may_start_locked(next)) return false;
      if (ready_slot_locked(*next.code)) return true;
      if (!wanted) wanted = next.code;
      return false;
    });
    if (wanted) start_worker_locked(std::move(wanted));
    if (!job) return;
    Slot* slot = ready_slot_locked(*job->code);
    slot->state = Slot::State::kCalled;
    slot->called_ns = monotonic_nanos();
    ++(job->type == UdfType::kMutation ? running_mutations_ : running_queries_);
    slot->job = *std::move(job);
    slot->wake.notify_one();
    if (!watching_) watch_.notify_one();
  }
}

void WorkerPool::watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    watching_ = running_queries_ + running_mutations_ > 0;
    if (watching_) {
      watch_.wait_for(lock, std::chrono::nanoseconds(kWatchNs));
      look_for_slow_calls_locked();
    } else {
      watch_.wait(lock);
    }
  }
}

void WorkerPool::look_for_slow_calls_locked() {
  const int64_t now = monotonic_nanos();
  const bool contended = !queue_.empty() || running_queries_ + running_mutations_ > max_fast_;
  for (auto& slot : slots_) {
    if (slot->state != Slot::State::kCalled || now - slot->called_ns < kSlowNs) continue;
    if (!slot->slow) {
      slot->slow = true;
      ++slow_;
      slot->cpu_when_slow_s = slot->worker ? cpu_seconds(slot->worker->pid()) : 0;
    } else if (contended && !slot->lowered && slot->worker &&
               cpu_seconds(slot->worker->pid()) - slot->cpu_when_slow_s >= kComputesS) {
      lower_priority(slot->worker->pid());
      slot->lowered = true;
    }
  }
  // A slow call has a worker for itself: one in reserve, before the next call has to wait for it.
  const auto slow = std::find_if(slots_.begin(), slots_.end(), [this](const auto& slot) {
    return slot->slow && slot->code && slot->code->key() == current_key_;
  });
  if (slow != slots_.end() && starting_slots_ == 0 && !ready_slot_locked(*(*slow)->code)) {
    start_worker_locked((*slow)->code);
  }
  dispatch_locked();
}

bool WorkerPool::should_retire_locked(const Slot& slot) const {
  if (!slot.worker) return false;
  double idle = seconds_since(slot.idle_since_ns);
  if (slot.code->key() != current_key_) return idle >= kOldCodeIdleS;
  const auto workers =
      std::count_if(slots_.begin(), slots_.end(), [](const auto& other) { return other->worker != nullptr; });
  if (static_cast<size_t>(workers) > max_fast_) return idle >= kExtraIdleS;
  if (idle < kIdleS) return false;
  return std::any_of(slots_.begin(), slots_.end(),
                     [&slot](const auto& other) { return other.get() != &slot && other->worker; });
}

void WorkerPool::run_slot(Slot& slot) {
  std::unique_lock lock(mutex_);
  slot.idle_since_ns = monotonic_nanos();
  while (true) {
    if (slot.job) {
      PoolJob job = *std::move(slot.job);
      slot.job.reset();
      UdfType type = job.type;
      lock.unlock();
      run_job(slot, std::move(job));
      lock.lock();
      --(type == UdfType::kMutation ? running_mutations_ : running_queries_);
      slow_ -= slot.slow;
      slot.slow = slot.lowered = false;
      slot.state = Slot::State::kFree;
      slot.idle_since_ns = monotonic_nanos();
      // Whoever comes next should not have to wait for the worker that this call has cost.
      if (!slot.worker && slot.code && !stopping_ && slot.code->key() == current_key_ &&
          !ready_slot_locked(*slot.code)) {
        start_worker_locked(slot.code);
      }
      dispatch_locked();
      continue;
    }
    if (slot.start) {
      auto code = std::exchange(slot.start, nullptr);
      lock.unlock();
      const bool started = ensure_worker(slot, code);
      lock.lock();
      --starting_slots_;
      slot.state = Slot::State::kFree;
      slot.idle_since_ns = monotonic_nanos();
      auto hopeless =
          started ? std::nullopt
                  : queue_.pop([&code](const PoolJob& next) { return next.code->key() == code->key(); });
      if (hopeless) {
        lock.unlock();
        hopeless->refuse(Error::internal("no worker could be started"));
        lock.lock();
      }
      dispatch_locked();
      continue;
    }
    if (stopping_) return;
    std::vector<std::unique_ptr<WorkerProcess>> retired;
    if (should_retire_locked(slot)) retired.push_back(std::move(slot.worker));
    for (Standby& standby : standby_) {
      if (seconds_since(standby.since_ns) > kStandbyS) retired.push_back(std::move(standby.worker));
    }
    std::erase_if(standby_, [](const Standby& standby) { return !standby.worker; });
    if (!retired.empty()) {
      lock.unlock();
      retired.clear();
      lock.lock();
      continue;
    }
    slot.wake.wait_for(lock, std::chrono::seconds(slot.worker || !standby_.empty() ? 1 : 60));
  }
}

std::unique_ptr<WorkerProcess> WorkerPool::take_standby_locked(const Code& code) {
  auto it = std::find_if(standby_.begin(), standby_.end(), [&code](const Standby& standby) {
    return standby.code->key() == code.key() && !standby.worker->ended();
  });
  if (it == standby_.end()) return nullptr;
  auto worker = std::move(it->worker);
  standby_.erase(it);
  return worker;
}

std::unique_ptr<WorkerProcess> WorkerPool::await_standby(const Code& code) {
  std::unique_lock lock(mutex_);
  if (auto worker = take_standby_locked(code)) return worker;
  auto starting = starting_.find(code.key());
  if (starting == starting_.end() || starting->second.awaited >= starting->second.workers) return nullptr;
  ++starting->second.awaited;
  std::unique_ptr<WorkerProcess> worker;
  started_.wait(lock, [&] {
    worker = take_standby_locked(code);
    return worker || !starting_.contains(code.key());
  });
  starting = starting_.find(code.key());
  if (starting != starting_.end() && starting->second.awaited > 0) --starting->second.awaited;
  return worker;
}

bool WorkerPool::ensure_worker(Slot& slot, std::shared_ptr<const Code> code) {
  // A worker that died while it was idle is nobody's fault: it must not cost a call one of its two attempts.
  if (slot.worker && slot.code->key() == code->key() && !slot.worker->ended()) return true;
  std::unique_ptr<WorkerProcess> old;
  {
    std::lock_guard lock(mutex_);
    old = std::move(slot.worker);
  }
  old.reset();
  auto fresh = await_standby(*code);
  if (!fresh) {
    auto started = starter_->start(*code);
    if (!started.ok()) {
      spdlog::error("cannot start a worker: {}", started.error().message);
      return false;
    }
    fresh = *std::move(started);
  }
  std::lock_guard lock(mutex_);
  slot.worker = std::move(fresh);
  slot.code = std::move(code);
  slot.calls = 0;
  return true;
}

void WorkerPool::run_job(Slot& slot, PoolJob job) {
  if (seconds_since(job.queued_ns) > kMaxQueueS) {
    job.refuse(queue_expired());
    return;
  }
  if (!ensure_worker(slot, job.code)) {
    job.refuse(Error::internal("no worker could be started"));
    return;
  }
  const int64_t from = monotonic_nanos();
  bool keep = job.run(*slot.worker);
  if (keep && ++slot.calls % kCallsPerRssCheck == 0 && slot.worker->rss_bytes() > kRssBudget) keep = false;
  std::unique_ptr<WorkerProcess> retired;
  std::lock_guard lock(mutex_);
  queue_.charge(job.function, seconds_since(from));
  if (keep && slot.lowered && !restore_priority(slot.worker->pid())) keep = false;
  if (!keep) retired = std::move(slot.worker);
}

void WorkerPool::prewarm(std::shared_ptr<const Code> code) {
  size_t wanted = 1;
  {
    std::lock_guard lock(mutex_);
    size_t live = 0, ready = 0;
    for (auto& slot : slots_) {
      if (!slot->worker) continue;
      ++(slot->code->key() == code->key() ? ready : live);
    }
    for (Standby& standby : standby_) ready += standby.code->key() == code->key();
    wanted = std::max<size_t>(1, live);
    wanted -= std::min(wanted, ready);
    if (wanted == 0) return;
    starting_[code->key()].workers += wanted;
  }
  for (; wanted > 0; --wanted) {
    auto started = starter_->start(*code);
    if (!started.ok()) spdlog::error("cannot start a worker: {}", started.error().message);
    std::lock_guard lock(mutex_);
    if (started.ok() && !stopping_) standby_.push_back({code, *std::move(started), monotonic_nanos()});
    if (--starting_[code->key()].workers == 0) starting_.erase(code->key());
    started_.notify_all();
  }
}

WorkerPool::Stats WorkerPool::stats() {
  std::lock_guard lock(mutex_);
  Stats stats;
  stats.most = max_slots_;
  stats.running = running_queries_ + running_mutations_;
  for (auto& slot : slots_) {
    if (!slot->worker) continue;
    ++stats.workers;
    stats.rss_bytes += slot->worker->rss_bytes();
  }
  for (Standby& standby : standby_) {
    ++stats.workers;
    stats.rss_bytes += standby.worker->rss_bytes();
  }
  return stats;
}

}  // namespace hull
