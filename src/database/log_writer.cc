#include "database/log_writer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace hull {
namespace {

constexpr int64_t kRecoveryRetryNs = 1'000'000'000;

Error read_only_error(const Error& cause) {
  std::string why = cause.kind == ErrorKind::kInternal ? "writing to its storage failed, see the server's log"
                                                       : cause.message;
  return Error::overloaded("ReadOnly", "The deployment is read-only: " + why +
                                           ". Reads go on; writes resume when this is mended.");
}

}  // namespace

LogWriter::LogWriter(ReadCore& core, PublishedState& published, SubscriptionIndex& subscriptions,
                     Applier& applier, const Knobs& knobs, std::optional<Error> refusal,
                     std::function<void()> roll_back)
    : core_(core),
      published_(published),
      subscriptions_(subscriptions),
      applier_(applier),
      disk_(*core.store, core.env, knobs),
      roll_back_(std::move(roll_back)),
      wake_(core.env.make_event()),
      refusing_(refusal.has_value()) {
  if (refusal) refuse_commits(*refusal);
  thread_ = core.env.start_thread("log-writer", [this] { run(); });
}

void LogWriter::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_->notify();
  thread_.reset();
}

void LogWriter::enqueue(AssignedCommit commit) {
  {
    std::lock_guard lock(mutex_);
    pending_.push_back(std::move(commit));
  }
  wake_->notify();
}

void LogWriter::resume(AssignedCommit advance) {
  {
    std::lock_guard lock(mutex_);
    resume_ = std::move(advance);
  }
  wake_->notify();
}

void LogWriter::post(std::function<void()> callback) {
  if (!callback) return;
  {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(callback));
  }
  wake_->notify();
}

void LogWriter::when_published(Timestamp ts, std::function<void()> ready) {
  {
    // The writer advances latest() before it takes this lock to collect waiters, so none is left behind.
    std::lock_guard lock(waiters_mutex_);
    if (published_.latest() < ts && !refusing_.load(std::memory_order_acquire)) {
      waiters_.emplace(ts, std::move(ready));
      return;
    }
  }
  ready();
}

std::optional<Error> LogWriter::refusal() const {
  if (!refusing_.load(std::memory_order_acquire)) return std::nullopt;
  std::lock_guard lock(refusal_mutex_);
  return refusal_;
}

void LogWriter::run() {
  while (true) {
    std::vector<AssignedCommit> group;
    Callbacks posted;
    std::optional<AssignedCommit> resume;
    bool stopping;
    {
      std::lock_guard lock(mutex_);
      group = std::exchange(pending_, {});
      posted = std::exchange(posted_, {});
      resume = std::exchange(resume_, std::nullopt);
      stopping = stopping_;
    }
    const bool idle = group.empty() && posted.empty() && !resume;
    if (!group.empty()) write(std::move(group));
    if (resume) {
      // What was assigned before the roll-back came in the same or an earlier batch, and has failed.
      {
        std::lock_guard lock(refusal_mutex_);
        refusal_.reset();
        recovered_ = false;
        refusing_.store(false, std::memory_order_release);
      }
      spdlog::info("The database can be written again");
      std::vector<AssignedCommit> advance;
      advance.push_back(std::move(*resume));
      write(std::move(advance));
    }
    for (auto& callback : posted) callback();
    if (!idle) continue;
    if (stopping) return;
    if (!refusing_ || recovered_) {
      wake_->wait();
    } else if (core_.env.monotonic_nanos() < try_again_at_) {
      wake_->wait_until(try_again_at_);
    } else {
      try_to_recover();
    }
  }
}

void LogWriter::write(std::vector<AssignedCommit> group) {
  if (refusing_) return fail(std::move(group));
  core_.env.pause("log_writer.before_sync");
  Result<void> durable = make_durable(group);
  core_.env.pause("log_writer.after_sync");
  if (durable.ok()) return publish(std::move(group));
  refuse_commits(durable.error());
  fail(std::move(group));
}

Result<void> LogWriter::make_durable(std::vector<AssignedCommit>& group) {
  HULL_CHECK_OK(disk_.check());
  HULL_CHECK_OK(applier_.wait_for_room());
  std::vector<StoredCommit> stored;
  stored.reserve(group.size());
  for (AssignedCommit& commit : group) stored.push_back(std::move(commit.stored));
  HULL_CHECK_OK(core_.store->commit(std::move(stored)));
  applier_.notify();
  return {};
}

void LogWriter::publish(std::vector<AssignedCommit> group) {
  Callbacks callbacks;
  Hits hits;
  std::map<TabletId, TableSummary> changes;
  for (const AssignedCommit& commit : group) {
    if (!commit.logged) continue;
    for (const SummaryDelta& delta : commit.logged->deltas) {
      changes[delta.tablet].documents += delta.change.documents;
      changes[delta.tablet].bytes += delta.change.bytes;
    }
  }
  std::vector<SummaryDelta> deltas;
  for (const auto& [tablet, change] : changes) deltas.push_back({tablet, change});
  {
    // Held over both steps: see subscriptions.h.
    SubscriptionIndex::Lock lock = subscriptions_.lock();
    std::vector<PublishedState::CatalogAt> catalogs;
    for (AssignedCommit& commit : group) {
      if (commit.logged) {
        for (const auto& [index, count] : subscriptions_.mark(*commit.logged, callbacks))
          hits[{commit.logged->source, index}] += count;
      }
      if (commit.catalog) catalogs.emplace_back(commit.ts, std::move(commit.catalog));
    }
    published_.advance(group.back().ts, std::move(catalogs), deltas);
  }
  commits_.fetch_add(group.size(), std::memory_order_relaxed);
  groups_.fetch_add(1, std::memory_order_relaxed);
  core_.env.pause("log_writer.published");
  for (AssignedCommit& commit : group) {
    if (commit.done) commit.done(CommitOutcome{.ts = commit.ts});
  }
  for (auto& callback : callbacks) callback();
  for (auto& callback : take_waiters(group.back().ts)) callback();
  if (!hits.empty()) report_invalidations(hits);
}

void LogWriter::observe_invalidations(Engine::InvalidationObserver observer) {
  std::lock_guard lock(observer_mutex_);
  observer_ = std::move(observer);
}

void LogWriter::report_invalidations(const Hits& hits) {
  std::lock_guard lock(observer_mutex_);
  if (!observer_) return;
  const std::shared_ptr<const Catalog> catalog = published_.snapshot()->catalog();
  for (const auto& [from, count] : hits) {
    const auto& [source, index] = from;
    const IndexInfo* info = catalog->index(index);
    const TableInfo* table = info ? catalog->table(info->tablet) : nullptr;
    if (table && !table->system) observer_(source, table->name, count);
  }
}

void LogWriter::fail(std::vector<AssignedCommit> group) {
  const Error error = *refusal();
  for (AssignedCommit& commit : group) {
    if (commit.done) commit.done(CommitOutcome{.error = error});
  }
  // They may wait for a timestamp that will never be published: who waits shall notice.
  for (auto& callback : take_waiters(Timestamp::max())) callback();
}

void LogWriter::refuse_commits(const Error& cause) {
  spdlog::error("The database is read-only until this is mended: {}", cause.message);
  std::lock_guard lock(refusal_mutex_);
  refusal_ = read_only_error(cause);
  refusing_.store(true, std::memory_order_release);
  try_again_at_ = core_.env.monotonic_nanos() + kRecoveryRetryNs;
}

void LogWriter::try_to_recover() {
  try_again_at_ = core_.env.monotonic_nanos() + kRecoveryRetryNs;
  if (!disk_.check_now().ok() || !applier_.wait_for_room().ok() || !core_.store->recover().ok()) return;
  recovered_ = true;
  roll_back_();
}

LogWriter::Callbacks LogWriter::take_waiters(Timestamp published) {
  Callbacks ready;
  std::lock_guard lock(waiters_mutex_);
  auto end = waiters_.upper_bound(published);
  for (auto it = waiters_.begin(); it != end; ++it) ready.push_back(std::move(it->second));
  waiters_.erase(waiters_.begin(), end);
  return ready;
}

}  // namespace hull
