#include "database/log_writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"

namespace hull {
namespace {

// Versions are kept for snapshot_at() as long as the write log's minimum, unless they take more memory than
// this.
constexpr size_t kVersionBudgetBytes = 256 << 20;
// Keys trimmed between two groups: bounds the delay trimming adds to a commit.
constexpr size_t kTrimKeysPerRound = 4096;
constexpr int64_t kPinnedRetryNs = 1'000'000'000;

int64_t seconds_to_ns(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

}  // namespace

LogWriter::LogWriter(ReadCore& core, WriteLog& write_log, PublishedState& published,
                     SubscriptionIndex& subscriptions, const Knobs& knobs)
    : core_(core),
      write_log_(write_log),
      published_(published),
      subscriptions_(subscriptions),
      min_age_ns_(seconds_to_ns(knobs.write_log_min_retention_s)),
      max_age_ns_(seconds_to_ns(knobs.write_log_max_retention_s)),
      write_log_soft_bytes_(knobs.write_log_soft_bytes),
      thread_([this] { run(); }) {}

void LogWriter::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void LogWriter::enqueue(AssignedCommit commit) {
  {
    std::lock_guard lock(mutex_);
    pending_.push_back(std::move(commit));
  }
  wake_.notify_one();
}

void LogWriter::post(std::function<void()> callback) {
  if (!callback) return;
  {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(callback));
  }
  wake_.notify_one();
}

void LogWriter::when_published(Timestamp ts, std::function<void()> ready) {
  {
    // The writer advances latest() before it takes this lock to collect waiters, so none is left behind.
    std::lock_guard lock(waiters_mutex_);
    if (published_.latest() < ts && !failed()) {
      waiters_.emplace(ts, std::move(ready));
      return;
    }
  }
  ready();
}

void LogWriter::run() {
  int64_t trim_at = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    auto work = [&] { return !pending_.empty() || !posted_.empty() || stopping_; };
    if (trim_at == 0) {
      wake_.wait(lock, work);
    } else {
      wake_.wait_for(lock, std::chrono::nanoseconds(std::max<int64_t>(trim_at - monotonic_nanos(), 0)), work);
    }
    if (stopping_ && pending_.empty() && posted_.empty()) return;
    std::vector<AssignedCommit> group = std::exchange(pending_, {});
    Callbacks posted = std::exchange(posted_, {});
    lock.unlock();
    if (!group.empty()) write(std::move(group));
    for (auto& callback : posted) callback();
    trim_at = trim();
    lock.lock();
  }
}

void LogWriter::write(std::vector<AssignedCommit> group) {
  if (failed())
    return fail(std::move(group), Error::internal("the store failed earlier; no more commits are possible"));
  Result<void> durable = make_durable(group);
  if (!durable.ok()) {
    spdlog::critical("Writing to the database failed, it is read-only until the server is restarted: {}",
                     durable.error().message);
    failed_.store(true, std::memory_order_release);
    return fail(std::move(group), durable.error());
  }
  publish(std::move(group));
}

Result<void> LogWriter::make_durable(std::vector<AssignedCommit>& group) {
  std::vector<StoredCommit> stored;
  stored.reserve(group.size());
  Timestamp logged;  // newest timestamp that the log will show
  for (AssignedCommit& commit : group) {
    if (!commit.stored.writes.empty()) logged = commit.ts;
    if (!commit.stored.writes.empty() || !commit.stored.index_writes.empty())
      stored.push_back(std::move(commit.stored));
  }
  if (logged < group.back().ts) {
    // An advance or a back-fill: without this a restart could hand out its timestamp again.
    HULL_CHECK_OK(core_.store->set_global(kTimestampHighWater, std::to_string(group.back().ts.ns)));
  }
  if (stored.empty()) return {};
  return core_.store->commit(stored);
}

void LogWriter::publish(std::vector<AssignedCommit> group) {
  Callbacks callbacks;
  {
    // Held over both steps: see subscriptions.h.
    SubscriptionIndex::Lock lock = subscriptions_.lock();
    std::vector<PublishedState::CatalogAt> catalogs;
    for (AssignedCommit& commit : group) {
      if (commit.logged) subscriptions_.mark(*commit.logged, callbacks);
      if (commit.catalog) catalogs.emplace_back(commit.ts, std::move(commit.catalog));
    }
    published_.advance(group.back().ts, std::move(catalogs));
  }
  for (AssignedCommit& commit : group) {
    if (commit.logged) untrimmed_.push_back(std::move(commit.logged));
    if (commit.done) commit.done(CommitOutcome{.ts = commit.ts});
  }
  for (auto& callback : callbacks) callback();
  for (auto& callback : take_waiters(group.back().ts)) callback();
}

void LogWriter::fail(std::vector<AssignedCommit> group, const Error& error) {
  for (AssignedCommit& commit : group) {
    if (commit.done) commit.done(CommitOutcome{.error = error});
  }
  // Nothing will be published any more; who waits shall notice instead of waiting for ever.
  for (auto& callback : take_waiters(Timestamp::max())) callback();
}

LogWriter::Callbacks LogWriter::take_waiters(Timestamp published) {
  Callbacks ready;
  std::lock_guard lock(waiters_mutex_);
  auto end = waiters_.upper_bound(published);
  for (auto it = waiters_.begin(); it != end; ++it) ready.push_back(std::move(it->second));
  waiters_.erase(waiters_.begin(), end);
  return ready;
}

int64_t LogWriter::trim() {
  const int64_t now = monotonic_nanos();
  write_log_.trim(published_.latest(), now, min_age_ns_, max_age_ns_, write_log_soft_bytes_);
  if (untrimmed_.empty()) return 0;

  auto due = std::partition_point(untrimmed_.begin(), untrimmed_.end(), [&](const LoggedCommitPtr& commit) {
    return commit->appended_at <= now - min_age_ns_;
  });
  if (core_.versions.memory_bytes() > kVersionBudgetBytes) {
    due = std::max(due, untrimmed_.begin() + static_cast<ptrdiff_t>((untrimmed_.size() + 3) / 4));
  }
  if (due == untrimmed_.begin()) return untrimmed_.front()->appended_at + min_age_ns_;

  const Timestamp horizon = published_.raise_horizon((*std::prev(due))->ts);
  size_t keys = 0;
  while (!untrimmed_.empty() && untrimmed_.front()->ts <= horizon) {
    if (keys >= kTrimKeysPerRound) return now;
    for (const TouchedKey& key : untrimmed_.front()->keys) core_.versions.trim(key.index, key.key, horizon);
    keys += untrimmed_.front()->keys.size();
    untrimmed_.pop_front();
  }
  if (untrimmed_.empty()) return 0;
  // Either the next entry is not old enough yet, or a live snapshot still pins it.
  return std::max(untrimmed_.front()->appended_at + min_age_ns_, now + kPinnedRetryNs);
}

}  // namespace hull
