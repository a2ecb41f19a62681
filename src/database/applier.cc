#include "database/applier.h"

#include <utility>

#include "base/log.h"

namespace hull {
namespace {

// Commits gather until there is this much or this long.
constexpr size_t kGatherBytes = 1 << 20;
constexpr int64_t kGatherNs = 50'000'000;
constexpr int64_t kRetryNs = 1'000'000'000;
constexpr int64_t kIdleNs = 1'000'000'000;

int64_t seconds_to_ns(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

}  // namespace

Applier::Applier(ReadCore& core, PublishedState& published, const Knobs& knobs)
    : core_(core),
      published_(published),
      limits_{seconds_to_ns(knobs.write_log_min_retention_s), seconds_to_ns(knobs.write_log_max_retention_s),
              knobs.recent_writes_bytes},
      max_unapplied_bytes_(knobs.max_unapplied_bytes),
      wake_(core.env.make_event()),
      room_(core.env.make_event()),
      thread_(core.env.start_thread("applier", [this] { run(); })) {}

void Applier::stop() {
  stopping_.store(true, std::memory_order_release);
  wake_->notify();
  thread_.reset();
}

void Applier::notify() { wake_->notify(); }

Result<void> Applier::wait_for_room() {
  while (core_.store->unapplied_bytes() > max_unapplied_bytes_) {
    {
      std::lock_guard lock(mutex_);
      if (failure_) return *failure_;
    }
    hurry_.store(true, std::memory_order_release);
    wake_->notify();
    room_->wait();
  }
  return {};
}

void Applier::run() {
  while (!stopping_.load(std::memory_order_acquire)) {
    // Idle, it still lets the Store do its housekeeping, and looks at the age of recent writes.
    const bool idle = core_.store->unapplied_bytes() == 0;
    const int64_t until = core_.env.monotonic_nanos() + (idle ? kIdleNs : kGatherNs);
    while (!stopping_.load(std::memory_order_acquire) && !hurry_.load(std::memory_order_acquire) &&
           core_.store->unapplied_bytes() < kGatherBytes && wake_->wait_until(until) && !idle) {
    }
    hurry_.store(false, std::memory_order_release);
    if (idle && core_.store->unapplied_bytes() > 0) continue;
    apply_all();
  }
}

void Applier::apply_all() {
  while (!stopping_.load(std::memory_order_acquire)) {
    core_.env.pause("applier.before_apply");
    Result<bool> more = core_.store->apply();
    core_.env.pause("applier.after_apply");
    const bool failed = !more.ok();
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      first = failed && !failure_;
      failure_ = failed ? std::optional(more.error()) : std::nullopt;
    }
    if (first)
      spdlog::error("Bringing the stored state up to date failed, trying again: {}", more.error().message);
    room_->notify();
    trim();
    if (failed) {
      wake_->wait_until(core_.env.monotonic_nanos() + kRetryNs);
      return;
    }
    if (!*more) return;
  }
}

void Applier::trim() {
  core_.recent.trim(core_.store->applied(), core_.env.monotonic_nanos(), limits_,
                    [&](Timestamp newest) { return published_.raise_horizon(newest) >= newest; });
}

}  // namespace hull
