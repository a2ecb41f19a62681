// RecordingEngine: an Engine that writes down every commit and its outcome in a History, whoever submits it
// (clients or the engine's own maintenance), and checks at once what needs no model: timestamps that only
// grow, acknowledgements in order, acknowledged commits visible.
#pragma once

#include <memory>
#include <utility>

#include "database/engine.h"
#include "simulation/history.h"

namespace hull::simulation {

class RecordingEngine final : public Engine {
 public:
  RecordingEngine(std::unique_ptr<Engine> engine, History& history)
      : engine_(std::move(engine)), history_(history) {}

  Timestamp latest() const override {
    const Timestamp latest = engine_->latest();
    history_.saw(latest);
    return latest;
  }
  SnapshotPtr snapshot() const override {
    SnapshotPtr snapshot = engine_->snapshot();
    history_.saw(snapshot->ts());
    return snapshot;
  }
  Result<SnapshotPtr> snapshot_at(Timestamp ts) const override { return engine_->snapshot_at(ts); }
  bool retire_snapshots(Timestamp ts) override { return engine_->retire_snapshots(ts); }
  void submit(CommitRequest request, CommitCallback done) override {
    submit_recorded(std::move(request), std::move(done));
  }
  std::shared_ptr<CommitRecord> submit_recorded(CommitRequest request, CommitCallback done) {
    auto record = history_.begin(request);
    engine_->submit(std::move(request), [this, record, done = std::move(done)](CommitOutcome outcome) {
      history_.answer(*record, outcome, engine_->latest());
      done(std::move(outcome));
    });
    return record;
  }
  void when_published(Timestamp ts, std::function<void()> ready) override {
    engine_->when_published(ts, std::move(ready));
  }
  void advance_to(Timestamp ts) override { engine_->advance_to(ts); }
  std::shared_ptr<Subscription> subscribe(std::shared_ptr<const ReadSet> reads, Timestamp ts,
                                          std::function<void()> on_invalid) override {
    return engine_->subscribe(std::move(reads), ts, std::move(on_invalid));
  }
  size_t subscription_count() const override { return engine_->subscription_count(); }
  void observe_invalidations(InvalidationObserver observer) override {
    engine_->observe_invalidations(std::move(observer));
  }
  Store& store() override { return engine_->store(); }
  Env& env() override { return engine_->env(); }
  std::optional<Error> read_only() const override {
    auto refusal = engine_->read_only();
    if (!refusal) history_.recovered();
    return refusal;
  }
  Stats stats() const override { return engine_->stats(); }

 private:
  const std::unique_ptr<Engine> engine_;
  History& history_;
};

}  // namespace hull::simulation
