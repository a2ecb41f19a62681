#include "functions/worker_pool.h"

#include <algorithm>

#include "base/log.h"
#include "base/time.h"

namespace hull {

namespace {

constexpr size_t kMaxQueue = 20000;
constexpr double kMaxQueueS = 15;
constexpr double kIdleS = 60, kOldCodeIdleS = 2, kStandbyS = 60;
constexpr size_t kRssBudget = 256u << 20;
constexpr size_t kCallsPerRssCheck = 16;

size_t slots_for(const Knobs& knobs) {
  size_t cores = std::max<size_t>(2, std::thread::hardware_concurrency());
  size_t limit = std::max(knobs.max_concurrent_queries, knobs.max_concurrent_mutations);
  return limit > 0 ? std::min<size_t>(limit, 4 * cores) : cores;
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
    : starter_(starter), knobs_(knobs), max_slots_(slots_for(*knobs)) {}

WorkerPool::~WorkerPool() {
  std::deque<PoolJob> refused;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    refused.swap(queue_);
    for (auto& slot : slots_) slot->wake.notify_all();
  }
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
      queue_.push_back(std::move(job));
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

WorkerPool::Slot* WorkerPool::slot_for_locked(const Code& code) {
  Slot* empty = nullptr;
  Slot* other = nullptr;
  for (auto& slot : slots_) {
    if (slot->busy) continue;
    if (!slot->worker) {
      empty = slot.get();
    } else if (slot->code->key() == code.key()) {
      return slot.get();
    } else if (!other || slot->idle_since_ns < other->idle_since_ns) {
      other = slot.get();
    }
  }
  if (empty) return empty;
  if (slots_.size() < max_slots_) {
    slots_.push_back(std::make_unique<Slot>());
    Slot* made = slots_.back().get();
    made->thread = std::thread([this, made] { run_slot(*made); });
    return made;
  }
  return other;
}

void WorkerPool::dispatch_locked() {
  for (auto it = queue_.begin(); it != queue_.end();) {
    if (!within_limit_locked(it->type)) {
      ++it;
      continue;
    }
    Slot* slot = slot_for_locked(*it->code);
    if (!slot) return;
    slot->busy = true;
    ++(it->type == UdfType::kMutation ? running_mutations_ : running_queries_);
    slot->job = std::move(*it);
    it = queue_.erase(it);
    slot->wake.notify_one();
  }
}

bool WorkerPool::should_retire_locked(const Slot& slot) const {
  if (!slot.worker) return false;
  double idle = seconds_since(slot.idle_since_ns);
  if (slot.code->key() != current_key_) return idle >= kOldCodeIdleS;
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
      slot.busy = false;
      slot.idle_since_ns = monotonic_nanos();
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

bool WorkerPool::ensure_worker(Slot& slot, const PoolJob& job) {
  // A worker that died while it was idle is nobody's fault: it must not cost a call one of its two attempts.
  if (slot.worker && slot.code->key() == job.code->key() && !slot.worker->ended()) return true;
  std::unique_ptr<WorkerProcess> old;
  {
    std::lock_guard lock(mutex_);
    old = std::move(slot.worker);
  }
  old.reset();
  auto fresh = await_standby(*job.code);
  if (!fresh) {
    auto started = starter_->start(*job.code);
    if (!started.ok()) {
      spdlog::error("cannot start a worker: {}", started.error().message);
      return false;
    }
    fresh = *std::move(started);
  }
  std::lock_guard lock(mutex_);
  slot.worker = std::move(fresh);
  slot.code = job.code;
  slot.calls = 0;
  return true;
}

void WorkerPool::run_job(Slot& slot, PoolJob job) {
  if (seconds_since(job.queued_ns) > kMaxQueueS) {
    job.refuse(queue_expired());
    return;
  }
  if (!ensure_worker(slot, job)) {
    job.refuse(Error::internal("no worker could be started"));
    return;
  }
  bool keep = job.run(*slot.worker);
  if (keep && ++slot.calls % kCallsPerRssCheck == 0 && slot.worker->rss_bytes() > kRssBudget) keep = false;
  if (keep) return;
  std::unique_ptr<WorkerProcess> retired;
  std::lock_guard lock(mutex_);
  retired = std::move(slot.worker);
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
