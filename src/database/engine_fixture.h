// Test only: an engine over a store that counts, holds and fails commits, and short ways to write
// `_session_requests` rows, a system table that needs no catalog rows and has a secondary index on
// (sessionId, requestId).
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>

#include "base/random.h"
#include "database/engine.h"
#include "database/read_view.h"
#include "storage/sqlite/sqlite_store.h"

namespace hull::testing {

// Forwards to a real store. Thread-safe like it.
class GatedStore final : public Store {
 public:
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool closed = false, broken = false;
    bool apply_held = false;  // the latest state stays where it is
    size_t waiting = 0;
    std::vector<size_t> groups;  // commits per Store::commit call

    void close() {
      std::lock_guard lock(mutex);
      closed = true;
    }
    void open() {
      std::lock_guard lock(mutex);
      closed = false;
      changed.notify_all();
    }
    void wait_until_blocked() {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return waiting > 0; });
    }
    void set_broken(bool value) {
      std::lock_guard lock(mutex);
      broken = value;
    }
    void hold_apply(bool value) {
      std::lock_guard lock(mutex);
      apply_held = value;
    }
  };

  GatedStore(std::unique_ptr<Store> inner, std::shared_ptr<Gate> gate)
      : inner_(std::move(inner)), gate_(std::move(gate)) {}

  Result<void> commit(std::vector<StoredCommit> group) override {
    {
      std::unique_lock lock(gate_->mutex);
      ++gate_->waiting;
      gate_->changed.notify_all();
      gate_->changed.wait(lock, [&] { return !gate_->closed; });
      --gate_->waiting;
      if (gate_->broken) return Error::internal("simulated I/O error");
      gate_->groups.push_back(group.size());
    }
    return inner_->commit(std::move(group));
  }
  Result<void> recover() override {
    std::lock_guard lock(gate_->mutex);
    if (gate_->broken) return Error::internal("simulated I/O error");
    return {};
  }
  Timestamp applied() const override { return inner_->applied(); }
  Result<bool> apply() override {
    {
      std::lock_guard lock(gate_->mutex);
      if (gate_->apply_held) return false;
    }
    return inner_->apply();
  }
  size_t unapplied_bytes() const override { return inner_->unapplied_bytes(); }
  Result<std::optional<StoredDocument>> get(TabletId tablet, InternalId id) override {
    return inner_->get(tablet, id);
  }
  Result<std::vector<StoredDocument>> scan_tablet(TabletId tablet, std::optional<InternalId> after,
                                                  Order order, size_t limit) override {
    return inner_->scan_tablet(tablet, after, order, limit);
  }
  Result<std::vector<StoredIndexRow>> scan_index(IndexId index, const Interval& interval, Order order,
                                                 size_t limit) override {
    return inner_->scan_index(index, interval, order, limit);
  }
  Result<std::vector<LogRevision>> read_log(Timestamp after, size_t limit) override {
    return inner_->read_log(after, limit);
  }
  Result<std::vector<SummaryDelta>> summaries() override { return inner_->summaries(); }
  Result<Timestamp> max_timestamp() override { return inner_->max_timestamp(); }
  Result<bool> purge_index(IndexId index, size_t rows) override { return inner_->purge_index(index, rows); }
  Result<bool> purge_tablet(TabletId tablet, size_t rows) override {
    return inner_->purge_tablet(tablet, rows);
  }
  Result<size_t> trim_log(Timestamp horizon, size_t bytes) override {
    return inner_->trim_log(horizon, bytes);
  }
  Result<Usage> usage() override { return inner_->usage(); }

 private:
  const std::unique_ptr<Store> inner_;
  const std::shared_ptr<Gate> gate_;
};

class EngineFixture : public ::testing::Test {
 protected:
  EngineFixture()
      : directory_(std::filesystem::temp_directory_path() / ("hull-engine-test-" + random_hex(8))) {
    std::filesystem::create_directories(directory_);
  }
  ~EngineFixture() override {
    engine_.reset();
    std::filesystem::remove_all(directory_);
  }

  void start() {
    auto store = open_sqlite_store({.path = directory_ / "db", .durability = Durability::kRelaxed});
    ASSERT_TRUE(store.ok()) << store.error().message;
    auto engine = Engine::open(std::make_unique<GatedStore>(std::move(*store), gate_), knobs_);
    ASSERT_TRUE(engine.ok()) << engine.error().message;
    engine_ = std::move(*engine);
    gate_->groups.clear();
    catalog_ = engine_->snapshot()->catalog();
    table_ = catalog_->table(std::string_view("_session_requests"));
    for (const auto& index : table_->indexes) {
      if (index->is_by_id()) by_id_ = index.get();
      if (index->name == "by_session_id_and_request_id") by_session_ = index.get();
    }
  }

  DocumentId make_id(uint64_t n) const {
    InternalId id;
    for (size_t i = 0; i < 8; ++i) id.bytes[i] = static_cast<uint8_t>((n * 0x9e3779b97f4a7c15) >> (8 * i));
    id.bytes[15] = static_cast<uint8_t>(n);
    return {table_->number, id};
  }
  DocumentPtr make_document(const DocumentId& id, std::string_view session, int64_t number) const {
    ValueBuilder builder;
    builder.begin_object()
        .key("_id")
        .string(id.text())
        .key("_creationTime")
        .float64(1)
        .key("sessionId")
        .string(session);
    builder.key("requestId").int64(number).end();
    return std::make_shared<Document>(Document{id, table_->tablet, Timestamp{}, builder.finish()});
  }
  PendingWrite write(const DocumentId& id, DocumentPtr before, DocumentPtr after) const {
    return {table_->tablet, id, std::move(before), std::move(after)};
  }

  std::future<CommitOutcome> submit(CommitRequest request) {
    auto promise = std::make_shared<std::promise<CommitOutcome>>();
    auto future = promise->get_future();
    engine_->submit(std::move(request),
                    [promise](CommitOutcome outcome) { promise->set_value(std::move(outcome)); });
    return future;
  }
  CommitOutcome commit(CommitRequest request) { return submit(std::move(request)).get(); }
  CommitRequest insert_request(uint64_t n, std::string_view session, int64_t number = 0) {
    CommitRequest request;
    request.snapshot = engine_->latest();
    request.writes.push_back(write(make_id(n), nullptr, make_document(make_id(n), session, number)));
    request.source = "test:insert";
    return request;
  }
  DocumentPtr get(const SnapshotPtr& snapshot, uint64_t n) {
    auto document = snapshot->get(table_->tablet, make_id(n).internal);
    EXPECT_TRUE(document.ok());
    return document.ok() ? *document : nullptr;
  }

  std::filesystem::path directory_;
  std::shared_ptr<GatedStore::Gate> gate_ = std::make_shared<GatedStore::Gate>();
  Knobs knobs_;
  std::unique_ptr<Engine> engine_;
  std::shared_ptr<const Catalog> catalog_;
  const TableInfo* table_ = nullptr;
  const IndexInfo* by_id_ = nullptr;
  const IndexInfo* by_session_ = nullptr;
};

}  // namespace hull::testing
