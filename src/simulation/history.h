// History: what the clients of a simulated engine did and were told, and its verification against the serial
// model (database.md §16 a-f).
//
// While the engine runs, things are only written down. When it has stopped (or crashed and the store has been
// opened again) settle() decides from the store's log which commits exist, and verify() checks every
// observation at its snapshot and, for committed transactions, at the commit's own place in the serial order.
// Not thread-safe (one OS thread).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "database/engine.h"
#include "simulation/model.h"

namespace hull::simulation {

// Where a page ends; known once the observation that made it has been verified.
struct PagePosition {
  bool known = false;
  std::optional<ModelPosition> at;  // none: the end of the range
};

// One answer a transaction got.
struct Observation {
  enum class Kind { kDocument, kRows, kPage, kCount, kTable } kind = Kind::kDocument;
  std::string what;                        // for reports
  std::shared_ptr<const ModelWrites> own;  // the transaction's writes before it
  // Questions
  ModelKey key;                                // kDocument
  ModelQuery query;                            // kRows, kPage; kCount uses its tablet
  size_t limit = SIZE_MAX;                     // kRows: as many were asked for
  std::shared_ptr<PagePosition> after, until;  // kPage; null: none
  size_t page_size = 0, max_consumed = SIZE_MAX;
  std::string table;  // kTable
  // Answers
  std::vector<Value> documents;  // kDocument: one or none
  size_t count = 0;
  bool is_done = false;
  std::shared_ptr<PagePosition> end;  // kPage
  TabletId tablet;                    // kTable; 0: no such table
};

// One commit handed to the engine, and what came back.
struct CommitRecord {
  std::string source;
  Timestamp snapshot;
  ModelWrites writes;
  bool answered = false;
  std::optional<Timestamp> ts;  // committed
  bool in_doubt = false;        // refused in a way that leaves the outcome open
  std::optional<Error> error;
};

class History {
 public:
  struct Stats {
    uint64_t commits = 0, conflicts = 0, refused = 0, observations = 0, claims = 0, claims_valid = 0,
             in_doubt = 0, in_doubt_found = 0, log_groups = 0, out_of_retention = 0;
    Stats& operator+=(const Stats& other);
  };

  // --- written down while the engine runs
  struct Attempt {
    Timestamp snapshot;
    std::vector<Observation> observations;
    std::shared_ptr<CommitRecord> commit;  // null: none was asked for
  };
  void add(Attempt attempt) { attempts_.push_back(std::move(attempt)); }
  std::shared_ptr<CommitRecord> begin(const CommitRequest& request);
  void answer(CommitRecord& record, const CommitOutcome& outcome, Timestamp latest);
  // A subscription said at `at` whether `observation` still holds.
  void claim(std::shared_ptr<const Observation> observation, Timestamp at, bool valid);
  // A snapshot was handed out.
  void saw(Timestamp snapshot);
  // The engine accepts commits again: what it refused before will never exist.
  void recovered();
  void fail(std::string what);

  // --- once the engine has stopped
  // Reads the log of the store that was opened after it.
  void settle(Store& store);
  void verify();
  const Model& model() const { return model_; }
  const std::optional<std::string>& failure() const { return failure_; }
  Stats& stats() { return stats_; }
  Timestamp newest_seen() const { return newest_seen_; }
  Timestamp newest_acknowledged() const { return newest_acknowledged_; }

  // Whether an observation is what the model says at a view; what differs otherwise.
  std::optional<std::string> check(const Observation& observation, Timestamp ts) const;

 private:
  struct Claim {
    std::shared_ptr<const Observation> observation;
    Timestamp at;
    bool valid;
  };
  void accept(CommitRecord& record, Timestamp ts);
  void check_log_group(Timestamp ts, const std::vector<LogRevision>& revisions);
  std::optional<std::string> check_page(const Observation& observation, Model::View view) const;

  Model model_;
  std::vector<Attempt> attempts_;
  std::vector<Claim> claims_;
  std::vector<std::shared_ptr<CommitRecord>> open_;                  // asked for since the last settle()
  std::map<Timestamp, std::shared_ptr<CommitRecord>> acknowledged_;  // since the last settle()
  Timestamp newest_seen_, newest_acknowledged_, log_checked_;
  std::optional<std::string> failure_;
  Stats stats_;
};

std::string describe(const ModelWrites& writes);

}  // namespace hull::simulation
