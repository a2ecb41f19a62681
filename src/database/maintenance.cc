#include "database/maintenance.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/log.h"
#include "database/commit_wait.h"
#include "database/maintenance_jobs.h"

namespace hull {

Result<bool> submit_and_wait(Engine& engine, CommitRequest request) {
  CommitOutcome outcome = commit_and_wait(engine, std::move(request));
  if (outcome.error) return std::move(*outcome.error);
  if (!outcome.conflict) return true;
  wait_until_published(engine, outcome.conflict->conflicting);
  return false;
}

Result<Chunk> read_chunk(const Snapshot& snapshot, const TableInfo& table, std::string start,
                         size_t max_rows) {
  constexpr size_t kFirstRows = 16, kMostRows = 64, kEnoughBytes = 4u << 20;
  Chunk chunk;
  size_t bytes = 0;
  Interval rest{std::move(start), std::nullopt};
  while (chunk.rows.size() < max_rows && bytes < kEnoughBytes) {
    // Documents have up to 1 MiB, so many are read together only while they are small.
    const size_t wanted =
        std::min(max_rows - chunk.rows.size(), std::clamp(chunk.rows.size(), kFirstRows, kMostRows));
    HULL_TRY(auto rows, snapshot.scan(*table.indexes.front(), rest, Order::kAsc, wanted));
    for (auto& row : rows) {
      bytes += convex_size(row.document->value);
      chunk.rows.push_back(std::move(row));
    }
    chunk.last = rows.size() < wanted;
    if (chunk.last) break;
    rest.start = chunk.rows.back().key + '\0';
  }
  return chunk;
}

Result<void> run_transaction(const MaintenanceContext& context, const std::string& source,
                             const std::function<Result<void>(Transaction&)>& body) {
  while (!context.stopping()) {
    Transaction::Options options;
    options.access = TableAccess::kSystem;
    options.writable = true;
    options.knobs = &context.knobs;
    options.now_ms = context.engine.env().unix_millis();
    Transaction tx(context.engine.snapshot(), options);
    HULL_CHECK_OK(body(tx));
    if (!tx.has_writes()) return {};
    HULL_TRY(bool committed, submit_and_wait(context.engine, tx.commit_request(source)));
    if (committed) return {};
  }
  return {};
}

namespace {

constexpr int64_t kIdleWaitNs = 10'000'000'000;
constexpr int64_t kRetryWaitNs = 5'000'000'000;

class MaintenanceImpl final : public Maintenance {
 public:
  MaintenanceImpl(Engine& engine, const Knobs& knobs)
      : engine_(engine), knobs_(knobs), context_{engine_, knobs_, [this] { return stopping_.load(); }} {
    signal_->owner = this;
    thread_ = engine_.env().start_thread("maintenance", [this] { run(); });
  }
  ~MaintenanceImpl() override {
    stopping_ = true;
    changed_->notify();
    thread_.reset();
    subscription_.reset();
    // A callback that was already on its way only touches the shared signal.
    std::lock_guard lock(signal_->mutex);
    signal_->owner = nullptr;
  }

  void wake() override { changed_->notify(); }

 private:
  // Outlives the object as long as the engine may still call back.
  struct Signal {
    std::mutex mutex;
    MaintenanceImpl* owner = nullptr;
  };

  // Wakes the thread when tables, indexes or schemas change after this.
  void watch_metadata() {
    auto reads = std::make_shared<ReadSet>();
    SnapshotPtr snapshot = engine_.snapshot();
    for (std::string_view name : {"_tables", "_index", "_schemas"})
      reads->add(snapshot->catalog()->table(name)->by_id, Interval{"", std::nullopt}, false);
    subscription_ = engine_.subscribe(std::move(reads), snapshot->ts(), [signal = signal_] {
      std::lock_guard lock(signal->mutex);
      if (signal->owner) signal->owner->wake();
    });
  }

  // True if more work is waiting.
  Result<bool> step() {
    HULL_TRY(bool backfilling, backfill_.step(context_));
    HULL_TRY(bool validating, validation_.step(context_));
    if (backfilling || validating) return true;
    return cleanup_.step(context_);
  }

  void run() {
    while (!stopping_) {
      if (!subscription_ || !subscription_->valid_at(engine_.latest())) watch_metadata();
      engine_.env().pause("maintenance.step");
      auto more = step();
      if (more.ok() && *more) continue;
      if (!more.ok() && !engine_.read_only())
        spdlog::error("database maintenance failed, trying again soon: {}", more.error().message);
      const int64_t until = engine_.env().monotonic_nanos() + (more.ok() ? kIdleWaitNs : kRetryWaitNs);
      // Changes do not hurry a retry.
      while (!stopping_ && changed_->wait_until(until) && !more.ok()) {
      }
    }
  }

  Engine& engine_;
  const Knobs knobs_;
  MaintenanceContext context_;
  IndexBackfill backfill_;
  SchemaValidation validation_;
  Cleanup cleanup_;
  std::shared_ptr<Subscription> subscription_;
  std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
  const std::shared_ptr<Event> changed_ = engine_.env().make_event();
  std::atomic<bool> stopping_{false};
  std::unique_ptr<Thread> thread_;  // last: started when everything else exists
};

}  // namespace

std::unique_ptr<Maintenance> Maintenance::start(Engine& engine, const Knobs& knobs) {
  return std::make_unique<MaintenanceImpl>(engine, knobs);
}

}  // namespace hull
