#include "database/committer.h"

#include <algorithm>
#include <utility>

#include "database/commit_builder.h"

namespace hull {
namespace {

// Submitted and unanswered commits; beyond it callers are turned away instead of queueing without bound.
constexpr size_t kMaxInFlight = 16384;

Error committer_full() {
  return Error::overloaded(
      "CommitterFullError",
      "Too many concurrent commits in a short period of time. Spread your writes out over time or "
      "throttle them to avoid errors.");
}

}  // namespace

Committer::Committer(ReadCore& core, WriteLog& write_log, LogWriter& writer, Timestamp last_assigned,
                     std::shared_ptr<const Catalog> catalog)
    : core_(core),
      write_log_(write_log),
      writer_(writer),
      last_assigned_(last_assigned),
      catalog_(std::move(catalog)),
      thread_([this] { run(); }) {}

void Committer::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Committer::push(Submission submission) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    queue_.push_back(std::move(submission));
  }
  wake_.notify_one();
  return true;
}

void Committer::submit(CommitRequest request, CommitCallback done) {
  if (in_flight_.fetch_add(1, std::memory_order_relaxed) >= kMaxInFlight) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    writer_.post([done = std::move(done)] { done(CommitOutcome{.error = committer_full()}); });
    return;
  }
  CommitCallback counted = [this, done](CommitOutcome outcome) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    done(std::move(outcome));
  };
  if (!push({std::move(request), Timestamp{}, std::move(counted)})) {
    writer_.post([done = std::move(done)] {
      done(CommitOutcome{.error = Error::internal("the engine is stopping")});
    });
  }
}

void Committer::advance_to(Timestamp ts) { push({std::nullopt, ts, nullptr}); }

void Committer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return !queue_.empty() || stopping_; });
    if (queue_.empty()) return;
    std::deque<Submission> batch = std::exchange(queue_, {});
    lock.unlock();
    for (Submission& submission : batch) process(std::move(submission));
    lock.lock();
  }
}

void Committer::process(Submission submission) {
  AssignedCommit assigned;
  if (submission.request) {
    CommitOutcome refusal = refuse_or_assign(std::move(*submission.request), assigned);
    if (refusal.conflict || refusal.error) return submission.done(std::move(refusal));
    assigned.done = std::move(submission.done);
  } else {
    // Commits assigned since are on their way past it.
    if (submission.ts <= last_assigned_ || submission.ts.ns > unix_nanos()) return;
    assigned.ts = last_assigned_ = submission.ts;
  }
  writer_.enqueue(std::move(assigned));
}

CommitOutcome Committer::refuse_or_assign(CommitRequest request, AssignedCommit& assigned) {
  if (writer_.failed())
    return {.error = Error::internal("the store failed earlier; no more commits are possible")};

  WriteLog::Check check = write_log_.newest_hit(request.reads, request.snapshot);
  if (check.coverage == WriteLog::Coverage::kOutOfRetention) return {.error = Error::out_of_retention()};
  if (check.hit) return {.conflict = describe(*check.hit)};

  // Whatever the read set says, a document may only be written over the revision that was read: version
  // chains and index maintenance rely on `before` being the newest revision.
  std::vector<std::string> by_id_keys;
  by_id_keys.reserve(request.writes.size());
  for (const PendingWrite& write : request.writes) {
    by_id_keys.push_back(by_id_key(write.id));
    const TableInfo* table = catalog_->table(write.tablet);
    if (table == nullptr) continue;  // created by this commit
    if (auto hit = write_log_.newest_hit(table->by_id, by_id_keys.back(), request.snapshot)) {
      return {.conflict = describe(*hit)};
    }
  }

  const Timestamp ts{std::max(last_assigned_.ns + 1, unix_nanos())};
  Result<BuiltCommit> built = build_commit(std::move(request), by_id_keys, ts, monotonic_nanos(), *catalog_);
  if (!built.ok()) return {.error = built.error()};

  last_assigned_ = ts;
  if (built->catalog) catalog_ = built->catalog;
  // The chains must be in place before the store can show the commit (version_store.h).
  for (size_t i = 0; i < built->rows.size(); ++i) {
    const TouchedKey& key = built->logged->keys[i];
    core_.versions.add(key.index, key.key, ts, std::move(built->rows[i].before),
                       std::move(built->rows[i].after));
  }
  write_log_.append(built->logged);
  assigned.ts = ts;
  assigned.stored = std::move(built->stored);
  assigned.logged = std::move(built->logged);
  assigned.catalog = std::move(built->catalog);
  return {};
}

OccConflict Committer::describe(const WriteLog::Hit& hit) const {
  OccConflict conflict;
  if (const TableInfo* table = catalog_->table(hit.key->tablet)) {
    conflict.table = table->name;
    conflict.system_table = table->system;
  }
  conflict.document_id = hit.key->document.text();
  conflict.source = hit.commit->source;
  conflict.conflicting = hit.commit->ts;
  return conflict;
}

}  // namespace hull
