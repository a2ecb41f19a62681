#include "database/committer.h"

#include <algorithm>
#include <utility>

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

Committer::Committer(ReadCore& core, LogWriter& writer, const PublishedState& published,
                     Timestamp last_assigned, std::shared_ptr<const Catalog> catalog)
    : core_(core),
      writer_(writer),
      published_(published),
      turns_(std::make_shared<Turns>(core.env)),
      wake_(core.env.make_event()),
      last_assigned_(last_assigned.ns),
      catalog_(std::move(catalog)),
      thread_(core.env.start_thread("committer", [this] { run(); })) {}

void Committer::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_->notify();
  thread_.reset();
}

bool Committer::push(SubmissionPtr submission) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    queue_.push_back(std::move(submission));
  }
  wake_->notify();
  return true;
}

void Committer::submit(CommitRequest request, CommitCallback done) {
  if (in_flight_.fetch_add(1, std::memory_order_relaxed) >= kMaxInFlight) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    writer_.post([done = std::move(done)] { done(CommitOutcome{.error = committer_full()}); });
    return;
  }
  auto submission = std::make_unique<Submission>();
  submission->kind = Submission::Kind::kCommit;
  const SnapshotPtr newest = published_.snapshot();
  submission->commit = prepare_commit(std::move(request), newest->catalog());
  submission->checked = Timestamp{last_assigned_.load(std::memory_order_acquire)};
  submission->lost = check_reads(submission->commit, submission->commit.snapshot, *newest->catalog());
  submission->done = [this, done](CommitOutcome outcome) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    done(std::move(outcome));
  };
  core_.env.pause("committer.prepared");
  if (!push(std::move(submission))) {
    writer_.post([done = std::move(done)] {
      done(CommitOutcome{.error = Error::internal("the engine is stopping")});
    });
  }
}

void Committer::advance_to(Timestamp ts) {
  auto submission = std::make_unique<Submission>();
  submission->kind = Submission::Kind::kAdvance;
  submission->ts = ts;
  push(std::move(submission));
}

void Committer::roll_back() {
  auto submission = std::make_unique<Submission>();
  submission->kind = Submission::Kind::kRollBack;
  push(std::move(submission));
}

void Committer::run() {
  std::vector<SubmissionPtr> batch;
  while (true) {
    bool stopping;
    batch.clear();
    {
      std::lock_guard lock(mutex_);
      batch.swap(queue_);
      stopping = stopping_;
    }
    for (SubmissionPtr& submission : batch) {
      process(*submission);
      core_.env.pause("committer.next");
    }
    if (!batch.empty()) continue;
    if (stopping) return;
    wake_->wait();
  }
}

void Committer::process(Submission& submission) {
  switch (submission.kind) {
    case Submission::Kind::kCommit:
      return assign(submission);
    case Submission::Kind::kAdvance: {
      // A timestamp ahead of the wall clock is nonsense from outside.
      if (submission.ts.ns <= last_assigned_ || submission.ts.ns > core_.env.unix_nanos()) return;
      return writer_.enqueue(advance_commit(submission.ts));
    }
    case Submission::Kind::kRollBack:
      core_.recent.rollback(published_.latest());
      catalog_ = published_.snapshot()->catalog();
      return writer_.resume(advance_commit(Timestamp{last_assigned_ + 1}));
  }
}

AssignedCommit Committer::advance_commit(Timestamp ts) {
  AssignedCommit advance;
  advance.ts = ts;
  advance.stored.ts = ts;
  last_assigned_.store(ts.ns, std::memory_order_release);
  return advance;
}

std::optional<CommitOutcome> Committer::check_reads(const PreparedCommit& commit, Timestamp after,
                                                    const Catalog& catalog) const {
  RecentWrites::Check check = core_.recent.recent_hit(commit.reads, after);
  if (check.coverage == RecentWrites::Coverage::kOutOfRetention)
    return CommitOutcome{.error = Error::out_of_retention()};
  if (check.hit)
    return CommitOutcome{
        .conflict = describe(check.hit->commit->source, check.hit->commit->ts, *check.hit->key, catalog)};
  if (!commit.queues) return std::nullopt;
  if (const TouchedKey* key = turns_->spoils(commit.logged->keys, commit.turn.get())) {
    OccConflict conflict = describe("", published_.latest(), *key, catalog);
    conflict.overtaken = true;
    return CommitOutcome{.conflict = std::move(conflict)};
  }
  return std::nullopt;
}

// Whatever the read set says, a document may only be written over the revision that was read: row images and
// index maintenance rely on `before` being the newest revision.
std::optional<CommitOutcome> Committer::check_writes(const PreparedCommit& commit) const {
  for (size_t i = 0; i < commit.writes.size(); ++i) {
    const TableInfo* table = catalog_->table(commit.writes[i].tablet);
    if (table == nullptr) continue;  // created by this commit
    if (auto hit = core_.recent.recent_hit(table->by_id, commit.by_id_keys[i], commit.snapshot))
      return CommitOutcome{.conflict = describe(hit->commit->source, hit->commit->ts, *hit->key, *catalog_)};
  }
  // Looked at last: what was forgotten meanwhile could not be found.
  if (commit.snapshot < core_.recent.complete_after())
    return CommitOutcome{.error = Error::out_of_retention()};
  return std::nullopt;
}

void Committer::assign(Submission& submission) {
  if (auto error = writer_.refusal()) return submission.done(CommitOutcome{.error = std::move(*error)});
  auto lost = std::move(submission.lost);
  if (!lost)
    lost =
        check_reads(submission.commit, std::max(submission.checked, submission.commit.snapshot), *catalog_);
  if (!lost) lost = check_writes(submission.commit);
  if (lost) return refuse(submission, std::move(*lost));

  core_.env.pause("committer.validated");
  const Timestamp ts{std::max(last_assigned_ + 1, core_.env.unix_nanos())};
  Result<StampedCommit> stamped =
      stamp(std::move(submission.commit), ts, core_.env.monotonic_nanos(), catalog_);
  if (!stamped.ok()) return submission.done(CommitOutcome{.error = stamped.error()});
  if (stamped->catalog) catalog_ = stamped->catalog;
  // In place before the Store can show the commit (recent_writes.h), and before `checked` can say so.
  core_.recent.append(stamped->logged);
  last_assigned_.store(ts.ns, std::memory_order_release);
  AssignedCommit assigned;
  assigned.ts = ts;
  assigned.stored = std::move(stamped->stored);
  assigned.logged = std::move(stamped->logged);
  assigned.catalog = std::move(stamped->catalog);
  assigned.done = std::move(submission.done);
  writer_.enqueue(std::move(assigned));
}

void Committer::refuse(Submission& submission, CommitOutcome outcome) {
  if (outcome.conflict) {
    conflicts_.fetch_add(1, std::memory_order_relaxed);
    // A retry that sees everything assigned so far cannot meet the same conflict again.
    outcome.conflict->conflicting = Timestamp{last_assigned_.load(std::memory_order_relaxed)};
    PreparedCommit& commit = submission.commit;
    if (commit.queues)
      outcome.conflict->turn = turns_->take(std::move(commit.reads), std::move(commit.logged->keys));
  }
  submission.done(std::move(outcome));
}

OccConflict Committer::describe(const std::string& source, Timestamp ts, const TouchedKey& key,
                                const Catalog& catalog) const {
  OccConflict conflict;
  if (const TableInfo* table = catalog.table(key.tablet)) {
    conflict.table = table->name;
    conflict.system_table = table->system;
  }
  conflict.document_id = key.document.text();
  conflict.source = source;
  conflict.conflicting = ts;
  return conflict;
}

}  // namespace hull
