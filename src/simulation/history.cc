#include "simulation/history.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "database/catalog_rows.h"
#include "value/json.h"

namespace hull::simulation {
namespace {

std::string text_of(const std::optional<Value>& value) { return value ? to_json(*value) : "nothing"; }

std::string text_of(const std::vector<Value>& values) {
  std::string out = "[";
  for (const Value& value : values) out += "\n      " + to_json(value);
  return out + "]";
}

bool same(const std::optional<Value>& a, const std::optional<Value>& b) {
  return a.has_value() == b.has_value() && (!a || a->packed() == b->packed() || equal(*a, *b));
}

bool same(const ModelWrites& a, const ModelWrites& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && same(x.second, y.second);
  });
}

std::optional<std::string> compare_rows(const std::vector<Value>& got,
                                        const std::vector<ModelRow>& expected) {
  bool equal_rows = got.size() == expected.size();
  for (size_t i = 0; equal_rows && i < got.size(); ++i) equal_rows = same(got[i], expected[i].value);
  if (equal_rows) return std::nullopt;
  std::vector<Value> values;
  for (const ModelRow& row : expected) values.push_back(row.value);
  return "got " + text_of(got) + "\n    expected " + text_of(values);
}

// The active table of a name, from the rows of `_tables`.
TabletId find_table(const Model& model, Model::View view, const std::string& name) {
  for (const ModelRow& row : model.rows({.tablet = Catalog::system_tablet("_tables")}, view)) {
    auto table = TableRow::parse(row.value);
    if (table && table->active && table->name == name) return table->tablet;
  }
  return {};
}

}  // namespace

std::string describe(const ModelWrites& writes) {
  std::string out;
  for (const auto& [key, value] : writes)
    out += "\n      tablet " + std::to_string(key.tablet.n) + ", " + hex_encode(key.id.view().substr(0, 4)) +
           ": " + text_of(value);
  return out;
}

History::Stats& History::Stats::operator+=(const Stats& other) {
  commits += other.commits;
  conflicts += other.conflicts;
  refused += other.refused;
  observations += other.observations;
  claims += other.claims;
  claims_valid += other.claims_valid;
  in_doubt += other.in_doubt;
  in_doubt_found += other.in_doubt_found;
  log_groups += other.log_groups;
  out_of_retention += other.out_of_retention;
  return *this;
}

void History::fail(std::string what) {
  if (!failure_) failure_ = std::move(what);
}

std::shared_ptr<CommitRecord> History::begin(const CommitRequest& request) {
  auto record = std::make_shared<CommitRecord>();
  record->source = request.source;
  record->snapshot = request.snapshot;
  for (const PendingWrite& write : request.writes) {
    auto& value = record->writes[{write.tablet, write.id.internal}];
    if (write.after) value = write.after->value;
  }
  open_.push_back(record);
  return record;
}

void History::answer(CommitRecord& record, const CommitOutcome& outcome, Timestamp latest) {
  if (std::exchange(record.answered, true)) fail("a commit of " + record.source + " was answered twice");
  if (outcome.ts) {
    const std::string at = "the commit at " + std::to_string(outcome.ts->ns);
    if (*outcome.ts <= record.snapshot) fail(at + " is not later than its snapshot");
    if (*outcome.ts <= newest_acknowledged_) fail(at + " was acknowledged after a later one");
    if (latest < *outcome.ts) fail(at + " was acknowledged before it was published");
    accept(record, *outcome.ts);
    newest_acknowledged_ = std::max(newest_acknowledged_, *outcome.ts);
    for (auto& earlier : open_) earlier->in_doubt = false;
    return;
  }
  if (outcome.conflict) {
    ++stats_.conflicts;
    return;
  }
  record.error = outcome.error;
  record.in_doubt = outcome.error->code == "ReadOnly";
  ++(outcome.error->kind == ErrorKind::kOutOfRetention ? stats_.out_of_retention : stats_.refused);
}

void History::recovered() {
  for (auto& record : open_) record->in_doubt = false;
}

void History::saw(Timestamp snapshot) {
  if (snapshot < newest_seen_)
    fail("a snapshot at " + std::to_string(snapshot.ns) + " was handed out after one at " +
         std::to_string(newest_seen_.ns));
  if (snapshot < newest_acknowledged_)
    fail("a snapshot at " + std::to_string(snapshot.ns) + " does not show the acknowledged commit at " +
         std::to_string(newest_acknowledged_.ns));
  newest_seen_ = std::max(newest_seen_, snapshot);
}

void History::claim(std::shared_ptr<const Observation> observation, Timestamp at, bool valid) {
  claims_.push_back({std::move(observation), at, valid});
}

void History::accept(CommitRecord& record, Timestamp ts) {
  record.ts = ts;
  record.in_doubt = false;
  model_.commit(ts, record.writes);
  ++stats_.commits;
}

void History::settle(Store& store) {
  for (auto& record : open_) {
    if (!record->answered) fail("a commit of " + record->source + " was never answered");
    if (record->ts) acknowledged_[*record->ts] = record;
  }
  auto read = [&](Timestamp after) -> Result<std::map<Timestamp, std::vector<LogRevision>>> {
    std::map<Timestamp, std::vector<LogRevision>> groups;
    while (true) {
      HULL_TRY(auto revisions, store.read_log(after, 64));
      if (revisions.empty()) return groups;
      after = revisions.back().ts;
      for (LogRevision& revision : revisions) groups[revision.ts].push_back(std::move(revision));
    }
  };
  // Trimmed log cannot be compared. What is trimmed was published, so what is in doubt comes after it.
  Result<std::map<Timestamp, std::vector<LogRevision>>> groups = read(log_checked_);
  for (Timestamp after : {Timestamp{newest_acknowledged_.ns - 1}, newest_acknowledged_, newest_seen_,
                          store.max_timestamp().ok() ? *store.max_timestamp() : newest_seen_}) {
    if (groups.ok() || groups.error().kind != ErrorKind::kOutOfRetention) break;
    log_checked_ = after;
    groups = read(after);
  }
  if (!groups.ok()) return fail("the log cannot be read: " + groups.error().message);
  for (const auto& [ts, record] : acknowledged_) {
    if (ts > log_checked_ && !groups->contains(ts) && !record->writes.empty())
      fail("the acknowledged commit at " + std::to_string(ts.ns) + " of " + record->source +
           " is not in the log");
  }
  for (const auto& [ts, revisions] : *groups) {
    check_log_group(ts, revisions);
    log_checked_ = ts;
  }
  stats_.log_groups += groups->size();
  for (auto& record : open_) stats_.in_doubt += record->in_doubt || (record->ts && record->error);
  open_.clear();
  acknowledged_.clear();
}

void History::check_log_group(Timestamp ts, const std::vector<LogRevision>& revisions) {
  const std::string at = "the log's commit at " + std::to_string(ts.ns);
  ModelWrites writes;
  for (const LogRevision& revision : revisions) {
    if (!writes.emplace(ModelKey{revision.tablet, revision.id}, revision.value).second)
      fail(at + " has a document twice");
  }
  auto known = model_.commits().find(ts);
  if (known != model_.commits().end()) {
    if (!same(known->second, writes))
      fail(at + " differs from what was committed:" + describe(writes) +
           "\n    committed:" + describe(known->second));
  } else {
    auto doubtful = std::find_if(open_.begin(), open_.end(), [&](const auto& record) {
      return record->in_doubt && ts > record->snapshot && same(record->writes, writes);
    });
    if (doubtful == open_.end())
      return fail(at + " was never acknowledged, or was refused for good, or is not the whole commit:" +
                  describe(writes));
    if (ts <= newest_acknowledged_) fail(at + " was in doubt, but a later commit had been acknowledged");
    accept(**doubtful, ts);
    newest_acknowledged_ = ts;
    ++stats_.in_doubt_found;
  }
  for (const LogRevision& revision : revisions) {
    const ModelKey key{revision.tablet, revision.id};
    const Timestamp before{ts.ns - 1};
    std::optional<Timestamp> prev;
    if (model_.get(key, {before})) prev = model_.written_at(key, before);
    if (revision.prev != prev)
      fail(at + " names " + std::to_string(revision.prev.value_or(Timestamp{}).ns) +
           " as the replaced revision's timestamp, it is " + std::to_string(prev.value_or(Timestamp{}).ns));
  }
}

void History::verify() {
  for (Attempt& attempt : attempts_) {
    for (Observation& observation : attempt.observations) {
      ++stats_.observations;
      if (observation.end && !observation.end->known) {
        // Taken from the model, since cursors are opaque.
        *observation.end = {true, std::nullopt};
        if (!observation.is_done) {
          const Model::View view{attempt.snapshot, observation.own.get()};
          std::optional<ModelPosition> after;
          if (observation.after) after = observation.after->at;
          observation.end->at =
              model_
                  .page(observation.query, after,
                        {.size = observation.page_size, .max_consumed = observation.max_consumed}, view)
                  .end;
        }
      }
      if (auto wrong = check(observation, attempt.snapshot))
        fail("at snapshot " + std::to_string(attempt.snapshot.ns) + ": " + observation.what + " of tablet " +
             std::to_string(observation.query.tablet.n) + "\n    " + *wrong +
             "\n    own writes:" + describe(*observation.own));
      if (!attempt.commit || !attempt.commit->ts) continue;
      if (auto wrong = check(observation, Timestamp{attempt.commit->ts->ns - 1}))
        fail("not serializable: the transaction of snapshot " + std::to_string(attempt.snapshot.ns) +
             " committed at " + std::to_string(attempt.commit->ts->ns) +
             ", where this is no longer true: " + observation.what + "\n    " + *wrong);
    }
  }
  for (const Claim& claim : claims_) {
    ++stats_.claims;
    if (!claim.valid) continue;
    ++stats_.claims_valid;
    if (auto wrong = check(*claim.observation, claim.at))
      fail("a live query's subscription claims to be valid at " + std::to_string(claim.at.ns) + ": " +
           claim.observation->what + "\n    " + *wrong);
  }
  attempts_.clear();
  claims_.clear();
}

std::optional<std::string> History::check(const Observation& observation, Timestamp ts) const {
  const Model::View view{ts, observation.own.get()};
  switch (observation.kind) {
    case Observation::Kind::kDocument: {
      std::optional<Value> got, expected = model_.get(observation.key, view);
      if (!observation.documents.empty()) got = observation.documents.front();
      if (same(got, expected)) return std::nullopt;
      return "got " + text_of(got) + ", expected " + text_of(expected);
    }
    case Observation::Kind::kRows: {
      auto rows = model_.rows(observation.query, view);
      if (rows.size() > observation.limit) rows.resize(observation.limit);
      return compare_rows(observation.documents, rows);
    }
    case Observation::Kind::kPage:
      return check_page(observation, view);
    case Observation::Kind::kCount: {
      const size_t expected = model_.count(observation.query.tablet, view);
      if (observation.count == expected) return std::nullopt;
      return "counted " + std::to_string(observation.count) + ", expected " + std::to_string(expected);
    }
    case Observation::Kind::kTable: {
      const TabletId expected = find_table(model_, view, observation.table);
      if (observation.tablet == expected) return std::nullopt;
      return "tablet " + std::to_string(observation.tablet.n) + ", expected " + std::to_string(expected.n);
    }
  }
  return std::nullopt;
}

std::optional<std::string> History::check_page(const Observation& observation, Model::View view) const {
  Model::Limit limit{.size = observation.page_size, .max_consumed = observation.max_consumed};
  if (observation.until) {
    limit.until = observation.until->at;
    limit.until_end = !limit.until;
  }
  std::optional<ModelPosition> after;
  if (observation.after) {
    // What follows the end of the range is an empty page.
    if (!observation.after->at) return compare_rows(observation.documents, {});
    after = observation.after->at;
  }
  const Model::Page page = model_.page(observation.query, after, limit, view);
  if (auto wrong = compare_rows(observation.documents, page.rows)) return wrong;
  if (observation.is_done == !page.end) return std::nullopt;
  return observation.is_done ? "the page says it is the last one" : "the page says it is not the last one";
}

}  // namespace hull::simulation
