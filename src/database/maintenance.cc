#include "database/maintenance.h"

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "database/maintenance_jobs.h"

namespace hull {

namespace {
constexpr auto kFailurePoll = std::chrono::milliseconds(100);
}  // namespace

Result<bool> submit_and_wait(Engine& engine, CommitRequest request) {
  // Shared, since a callback may still be inside set_value() when this function returns.
  auto outcome_promise = std::make_shared<std::promise<CommitOutcome>>();
  auto future = outcome_promise->get_future();
  engine.submit(std::move(request),
                [outcome_promise](CommitOutcome outcome) { outcome_promise->set_value(std::move(outcome)); });
  CommitOutcome outcome = future.get();
  if (outcome.error) return std::move(*outcome.error);
  if (!outcome.conflict) return true;
  auto published = std::make_shared<std::promise<void>>();
  auto ready = published->get_future();
  engine.when_published(outcome.conflict->conflicting, [published] { published->set_value(); });
  while (ready.wait_for(kFailurePoll) != std::future_status::ready)
    if (engine.failed()) return Error::overloaded("ReadOnly", "The database no longer accepts writes.");
  return false;
}

Result<void> run_transaction(const MaintenanceContext& context, const std::string& source,
                             const std::function<Result<void>(Transaction&)>& body) {
  while (!context.stopping()) {
    Transaction::Options options;
    options.access = TableAccess::kSystem;
    options.writable = true;
    options.knobs = &context.knobs;
    options.now_ms = unix_millis();
    Transaction tx(context.engine.snapshot(), options);
    HULL_CHECK_OK(body(tx));
    if (!tx.has_writes()) return {};
    HULL_TRY(bool committed, submit_and_wait(context.engine, tx.commit_request(source)));
    if (committed) return {};
  }
  return {};
}

namespace {

constexpr auto kIdleWait = std::chrono::seconds(60);
constexpr auto kRetryWait = std::chrono::seconds(5);

class MaintenanceImpl final : public Maintenance {
 public:
  MaintenanceImpl(Engine& engine, const Knobs& knobs)
      : engine_(engine), knobs_(knobs), context_{engine_, knobs_, [this] { return stopping(); }} {
    thread_ = std::thread([this] { run(); });
  }
  ~MaintenanceImpl() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    subscription_.reset();
    // A callback that was already on its way only touches the shared signal.
    std::lock_guard lock(signal_->mutex);
    signal_->owner = nullptr;
  }

  void wake() override {
    {
      std::lock_guard lock(mutex_);
      woken_ = true;
    }
    changed_.notify_all();
  }

 private:
  // Outlives the object as long as the engine may still call back.
  struct Signal {
    std::mutex mutex;
    MaintenanceImpl* owner = nullptr;
  };

  bool stopping() {
    std::lock_guard lock(mutex_);
    return stopping_;
  }

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
    {
      std::lock_guard lock(signal_->mutex);
      signal_->owner = this;
    }
    while (!stopping() && !engine_.failed()) {
      {
        std::lock_guard lock(mutex_);
        woken_ = false;
      }
      if (!subscription_ || !subscription_->valid_at(engine_.latest())) watch_metadata();
      auto more = step();
      if (more.ok() && *more) continue;
      if (!more.ok())
        spdlog::error("database maintenance failed, trying again soon: {}", more.error().message);
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, more.ok() ? kIdleWait : kRetryWait,
                        [&] { return stopping_ || (woken_ && more.ok()); });
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
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false, woken_ = false;
  std::thread thread_;  // last: started when everything else exists
};

}  // namespace

std::unique_ptr<Maintenance> Maintenance::start(Engine& engine, const Knobs& knobs) {
  return std::make_unique<MaintenanceImpl>(engine, knobs);
}

}  // namespace hull
