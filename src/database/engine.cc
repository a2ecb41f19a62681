#include "database/engine.h"

#include <algorithm>
#include <utility>

#include "database/committer.h"

namespace hull {
namespace {

constexpr size_t kRecoveryBatch = 1024;

// Only in-memory system tables are read, so starting takes the same time whatever amount of data there is.
Result<std::shared_ptr<const Catalog>> recover_catalog(Store& store) {
  std::shared_ptr<const Catalog> bootstrap = Catalog::bootstrap();
  std::vector<Catalog::Change> rows;
  for (const SystemTable& system : system_tables()) {
    if (!system.in_memory) continue;
    const TableInfo* table = bootstrap->table(std::string_view(system.name));
    std::optional<InternalId> after;
    while (true) {
      HULL_TRY(auto batch, store.scan_tablet(table->tablet, after, Order::kAsc, kRecoveryBatch));
      for (StoredDocument& row : batch) {
        DocumentId id{table->number, row.id};
        after = row.id;
        rows.push_back(
            {table->tablet, id,
             std::make_shared<Document>(Document{id, table->tablet, row.ts, std::move(row.value)})});
      }
      if (batch.size() < kRecoveryBatch) break;
    }
  }
  if (rows.empty()) return bootstrap;
  return bootstrap->with(rows);
}

class EngineImpl final : public Engine {
 public:
  EngineImpl(std::shared_ptr<ReadCore> core, Timestamp start, std::shared_ptr<const Catalog> catalog,
             TableSummaries summaries, const Knobs& knobs, std::optional<Error> refusal)
      : core_(std::move(core)),
        published_(core_, start, catalog, std::move(summaries)),
        subscriptions_(std::make_shared<SubscriptionIndex>()),
        applier_(*core_, published_, knobs),
        writer_(*core_, published_, *subscriptions_, applier_, knobs, std::move(refusal),
                [this] { committer_.roll_back(); }),
        committer_(*core_, writer_, published_, start, std::move(catalog)) {}

  // The threads end before anything they use goes away; callbacks of the last commits may still call in here.
  ~EngineImpl() override {
    committer_.stop();
    writer_.stop();
    applier_.stop();
  }

  Timestamp latest() const override { return published_.latest(); }
  SnapshotPtr snapshot() const override { return published_.snapshot(); }
  Result<SnapshotPtr> snapshot_at(Timestamp ts) const override { return published_.snapshot_at(ts); }
  bool retire_snapshots(Timestamp ts) override { return published_.raise_horizon(ts) >= ts; }

  void submit(CommitRequest request, CommitCallback done) override {
    committer_.submit(std::move(request), std::move(done));
  }
  void when_published(Timestamp ts, std::function<void()> ready) override {
    writer_.when_published(ts, std::move(ready));
  }
  void advance_to(Timestamp ts) override {
    if (ts > latest()) committer_.advance_to(ts);
  }

  std::shared_ptr<Subscription> subscribe(std::shared_ptr<const ReadSet> reads, Timestamp ts,
                                          std::function<void()> on_invalid) override {
    // Most of the recent writes are checked without the lock; the rest is short.
    const Timestamp checked = latest();
    if (auto invalid = touched(*reads, ts, checked)) return already_invalid(*invalid, std::move(on_invalid));
    core_->env.pause("subscribe.checked");
    SubscriptionIndex::Lock lock = subscriptions_->lock();
    if (auto invalid = touched(*reads, std::max(ts, checked), latest())) {
      lock.unlock();
      return already_invalid(*invalid, std::move(on_invalid));
    }
    return subscriptions_->add(std::move(reads), std::move(on_invalid));
  }
  size_t subscription_count() const override { return subscriptions_->size(); }
  void observe_invalidations(InvalidationObserver observer) override {
    writer_.observe_invalidations(std::move(observer));
  }

  Store& store() override { return *core_->store; }
  Env& env() override { return core_->env; }
  std::optional<Error> read_only() const override { return writer_.refusal(); }
  Stats stats() const override {
    return {core_->recent.memory_bytes(), core_->store->unapplied_bytes(), writer_.commits(),
            writer_.groups(), committer_.conflicts()};
  }

 private:
  // When `reads` was first touched in (after, until].
  std::optional<Timestamp> touched(const ReadSet& reads, Timestamp after, Timestamp until) const {
    RecentWrites::Check check = core_->recent.oldest_hit(reads, after, until);
    if (check.coverage == RecentWrites::Coverage::kOutOfRetention) return Timestamp{after.ns + 1};
    if (check.hit) return check.hit->commit->ts;
    return std::nullopt;
  }
  std::shared_ptr<Subscription> already_invalid(Timestamp at, std::function<void()> on_invalid) {
    writer_.post(std::move(on_invalid));
    return SubscriptionIndex::already_invalid(at);
  }

  const std::shared_ptr<ReadCore> core_;
  PublishedState published_;
  const std::shared_ptr<SubscriptionIndex> subscriptions_;
  Applier applier_;
  LogWriter writer_;
  Committer committer_;
};

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(std::unique_ptr<Store> store, const Knobs& knobs, Env& env) {
  // At or above everything ever handed out, and above the wall clock, so that an empty store starts at a
  // sensible time. It is recorded at once: a clock set back before the next start does no harm.
  HULL_TRY(Timestamp newest, store->max_timestamp());
  const Timestamp start{std::max(newest.ns + 1, env.unix_nanos())};
  std::vector<StoredCommit> mark(1);
  mark[0].ts = start;
  std::optional<Error> refusal;
  if (auto marked = store->commit(std::move(mark)); !marked.ok()) refusal = marked.error();

  auto core = std::make_shared<ReadCore>(std::move(store), env, start);
  HULL_TRY(auto catalog, recover_catalog(*core->store));
  HULL_TRY(std::vector<SummaryDelta> summaries, core->store->summaries());
  return std::unique_ptr<Engine>(std::make_unique<EngineImpl>(std::move(core), start, std::move(catalog),
                                                              TableSummaries().with(summaries), knobs,
                                                              std::move(refusal)));
}

}  // namespace hull
