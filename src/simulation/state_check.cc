#include "simulation/state_check.h"

#include <map>
#include <set>
#include <string>

#include "database/catalog_rows.h"

namespace hull::simulation {
namespace {

constexpr size_t kAll = 1 << 20;

class StateCheck {
 public:
  StateCheck(RecordingEngine& engine, History& history)
      : engine_(engine), history_(history), snapshot_(engine.snapshot()), view_{snapshot_->ts()} {}

  void run() {
    std::set<std::string> expected, found;
    for (const ModelRow& row : history_.model().rows({.tablet = Catalog::system_tablet("_tables")}, view_)) {
      auto table = TableRow::parse(row.value);
      if (table && table->active) expected.insert(table->name + " " + std::to_string(table->tablet.n));
    }
    for (const auto& [name, table] : snapshot_->catalog()->tables()) {
      if (table->system) continue;
      found.insert(name + " " + std::to_string(table->tablet.n));
      check_table(*table);
    }
    if (found != expected) history_.fail("the catalog's tables are not those of the model");
  }

 private:
  void fail(const TableInfo& table, const IndexInfo& index, const std::string& what) {
    history_.fail("at rest at " + std::to_string(view_.ts.ns) + ", table " + table.name + " (tablet " +
                  std::to_string(table.tablet.n) + "), index " + index.name + ": " + what);
  }

  void check_table(const TableInfo& table) {
    TableSummary expected_summary;
    for (const ModelRow& row : history_.model().rows({.tablet = table.tablet}, view_)) {
      ++expected_summary.documents;
      expected_summary.bytes += static_cast<int64_t>(convex_size(row.value));
    }
    if (auto summary = snapshot_->summary(table.tablet); summary.ok() && *summary != expected_summary)
      fail(table, *table.indexes.front(),
           "the summary says " + std::to_string(summary->documents) + " documents, " +
               std::to_string(summary->bytes) + " bytes instead of " +
               std::to_string(expected_summary.documents) + ", " + std::to_string(expected_summary.bytes));
    for (const auto& index : table.indexes) {
      const auto expected = history_.model().rows({.tablet = table.tablet, .fields = index->fields}, view_);
      if (index->state == IndexState::kEnabled) {
        for (Order order : {Order::kAsc, Order::kDesc}) {
          auto rows = snapshot_->scan(*index, Interval{"", std::nullopt}, order, kAll);
          if (!rows.ok()) return;  // the machine may be gone; the next life looks again
          std::vector<Value> values;
          for (const IndexRow& row : *rows) values.push_back(row.document->value);
          compare(table, *index, order == Order::kAsc ? "scan" : "backward scan", values, expected,
                  order == Order::kDesc);
        }
      }
      if (engine_.store().applied() < snapshot_->ts()) continue;
      if (index->is_by_id()) {
        check_stored_documents(table, *index, expected);
      } else if (index->state != IndexState::kBackfilling) {
        auto rows = engine_.store().scan_index(index->id, Interval{"", std::nullopt}, Order::kAsc, kAll);
        if (!rows.ok()) return;
        std::vector<Value> values;
        for (const StoredIndexRow& row : *rows) values.push_back(row.document.value);
        compare(table, *index, "stored index", values, expected, false);
      }
    }
  }

  void check_stored_documents(const TableInfo& table, const IndexInfo& index,
                              const std::vector<ModelRow>& expected) {
    auto rows = engine_.store().scan_tablet(table.tablet, std::nullopt, Order::kAsc, kAll);
    if (!rows.ok()) return;
    std::vector<Value> values;
    for (const StoredDocument& row : *rows) {
      values.push_back(row.value);
      if (row.ts != history_.model().written_at({table.tablet, row.id}, view_.ts))
        fail(table, index, "a stored document has the timestamp of another commit");
    }
    compare(table, index, "stored documents", values, expected, false);
  }

  void compare(const TableInfo& table, const IndexInfo& index, const std::string& what,
               const std::vector<Value>& values, const std::vector<ModelRow>& expected, bool backwards) {
    bool same = values.size() == expected.size();
    for (size_t i = 0; same && i < values.size(); ++i)
      same = equal(values[i], expected[backwards ? values.size() - 1 - i : i].value);
    if (same) return;
    fail(table, index,
         what + " has " + std::to_string(values.size()) + " rows that are not the " +
             std::to_string(expected.size()) + " of the sorted table");
  }

  RecordingEngine& engine_;
  History& history_;
  const SnapshotPtr snapshot_;
  const Model::View view_;
};

}  // namespace

void check_state(RecordingEngine& engine, History& history) { StateCheck(engine, history).run(); }

}  // namespace hull::simulation
