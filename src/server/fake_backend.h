// For the tests of this room: an engine and a function runner without database or workers. Time is a counter;
// "data" is one JSON value per function path, and writing it invalidates the results that were made from it.
// Single-threaded unless said.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/digest.h"
#include "database/fake_snapshot.h"
#include "functions/runner.h"
#include "value/json.h"

namespace hull {

class FakeSubscription final : public Subscription {
 public:
  void invalidate(Timestamp ts) {
    if (invalidated_.load() == INT64_MAX) invalidated_ = ts.ns;
  }
};

class FakeQuery final : public CachedQuery {
 public:
  FakeQuery(Timestamp ts, std::string value_json, std::string log_lines_json,
            std::optional<std::string> journal) {
    ts_ = ts;
    fake_subscription_ = std::make_shared<FakeSubscription>();
    subscription_ = fake_subscription_;
    ok_ = true;
    value_text_ = std::make_shared<const SharedText>(std::move(value_json));
    value_ = *parse_convex_json(this->value_json());
    log_lines_json_ = std::move(log_lines_json);
    journal_ = std::move(journal);
    content_hash_ = this->value_json() + log_lines_json_;
    request_id_ = "0123456789abcdef";
  }
  FakeQuery(Timestamp ts, FunctionError error) : FakeQuery(ts, "null", "[]", std::nullopt) {
    ok_ = false;
    error_ = std::move(error);
    content_hash_ = "error:" + error_.message;
  }

  std::shared_ptr<void> watch(std::function<void()> on_invalid) override {
    auto handle = std::make_shared<std::function<void()>>(std::move(on_invalid));
    if (invalidated()) {
      (*handle)();
    } else {
      watchers_.push_back(handle);
    }
    return handle;
  }
  void invalidate(Timestamp ts) {
    fake_subscription_->invalidate(ts);
    for (auto& weak : watchers_) {
      if (auto watcher = weak.lock()) (*watcher)();
    }
    watchers_.clear();
  }

 private:
  std::shared_ptr<FakeSubscription> fake_subscription_;
  std::vector<std::weak_ptr<std::function<void()>>> watchers_;
};

class FakeEngine final : public Engine {
 public:
  Timestamp now{1000};
  testing::FakeDatabase database;  // an empty deployment

  Timestamp latest() const override { return now; }
  SnapshotPtr snapshot() const override { return database.snapshot(); }
  Result<SnapshotPtr> snapshot_at(Timestamp) const override { return Error::out_of_retention(); }
  bool retire_snapshots(Timestamp) override { return false; }
  void submit(CommitRequest, CommitCallback done) override { done({}); }
  void when_published(Timestamp ts, std::function<void()> ready) override {
    if (now >= ts) ready();
  }
  void advance_to(Timestamp ts) override { now = std::max(now, ts); }
  std::shared_ptr<Subscription> subscribe(std::shared_ptr<const ReadSet>, Timestamp,
                                          std::function<void()>) override {
    return std::make_shared<FakeSubscription>();
  }
  size_t subscription_count() const override { return 0; }
  void observe_invalidations(InvalidationObserver) override {}
  Store& store() override { std::abort(); }
  Env& env() override { return Env::real(); }
  std::optional<Error> read_only() const override { return std::nullopt; }
  Stats stats() const override { return {}; }
};

class FakeRunner final : public FunctionRunner {
 public:
  struct Pending {
    FunctionCall call;
    std::optional<SessionRequest> session;
    FunctionCallback done;
  };
  struct PendingHttp {
    HttpActionRequest request;
    OnHttpResponse respond;
  };
  struct PendingQuery {
    FunctionCall call;
    std::optional<std::string> journal;
    Timestamp min_ts;
    bool exactly = false;
    std::function<void(QueryOutcome)> done;
  };

  // One commit that gives `path` ("messages:list") a new value.
  Timestamp write(const std::string& path, std::string json) {
    engine_.now.ns += 10;
    data[path] = std::move(json);
    for (auto& [key, query] : cache_) {
      if (key.starts_with(path + "|")) query->invalidate(engine_.now);
    }
    std::erase_if(cache_, [](const auto& item) { return item.second->invalidated(); });
    return engine_.now;
  }

  void query(FunctionCall call, std::optional<std::string> journal, Timestamp min_ts, bool exactly,
             std::function<void(QueryOutcome)> done) override {
    ++query_calls;
    PendingQuery pending{std::move(call), std::move(journal), min_ts, exactly, std::move(done)};
    if (hold_queries) {
      held_queries.push_back(std::move(pending));
    } else {
      answer(std::move(pending));
    }
  }
  void answer(PendingQuery pending) {
    if (next_system_error) {
      Error error = *std::exchange(next_system_error, std::nullopt);
      return pending.done({nullptr, std::move(error)});
    }
    std::string path = pending.call.path.display();
    std::string key = path + "|" + pending.call.args_json + "|" + pending.call.identity->cache_key();
    auto& entry = cache_[key];
    bool from_cache = entry != nullptr;
    if (!entry) {
      ++runs;
      auto it = data.find(path);
      if (it == data.end()) {
        entry = std::make_shared<FakeQuery>(
            engine_.now, FunctionError{"Could not find public function for '" + path + "'.\n", std::nullopt});
      } else {
        entry = std::make_shared<FakeQuery>(engine_.now, it->second, "[]", journal);
      }
    }
    pending.done({entry, std::nullopt, from_cache});
  }
  void release_queries() {
    auto held = std::exchange(held_queries, {});
    for (auto& pending : held) answer(std::move(pending));
  }

  void took_result(const FunctionCall&, const CachedQuery&) override { std::abort(); }  // no successors here
  void mutation(FunctionCall call, std::optional<SessionRequest> session, FunctionCallback done) override {
    mutations.push_back({std::move(call), std::move(session), std::move(done)});
    if (auto_reply) auto_reply(mutations.back());
  }
  void framed_mutation(FunctionCall call, MutationFrame, FunctionCallback done) override {
    mutation(std::move(call), std::nullopt, std::move(done));
  }
  void action(FunctionCall call, FunctionCallback done) override {
    actions.push_back({std::move(call), std::nullopt, std::move(done)});
    if (auto_reply) auto_reply(actions.back());
  }
  void http_action(HttpActionRequest request, OnHttpResponse respond) override {
    http_actions.push_back({std::move(request), std::move(respond)});
  }
  void answer_fetch_locally(FetchService::Local) override {}
  void cancel_actions() override {}
  void any(FunctionCall call, FunctionCallback done) override {
    mutation(std::move(call), std::nullopt, std::move(done));
  }

  static FunctionResult success(std::string_view json, Timestamp ts) {
    FunctionResult result;
    result.value = *parse_convex_json(json);
    result.ts = ts;
    return result;
  }
  static FunctionResult failure(std::string message, std::optional<std::string> data = std::nullopt) {
    FunctionResult result;
    result.error = FunctionError{std::move(message), std::move(data)};
    return result;
  }

  FunctionLog& log() override { return *log_; }
  const FunctionStatistics& statistics() override { return statistics_; }
  metrics::Families metric_families() override { return {}; }
  SystemFunctions& system_functions() override { return system_; }
  CodeLoader& code() override { std::abort(); }
  Engine& engine() override { return engine_; }
  FakeEngine& fake_engine() { return engine_; }
  Result<AnalysisOutcome> analyze(const AnalysisRequest&) override { return Error::internal("fake"); }
  Result<void> prepare(std::shared_ptr<const Code>) override { return {}; }
  Result<FunctionResult> test_query(TestQuery) override { return Error::internal("fake"); }
  Result<void> prepare_node(const NodeSettings&) override { return {}; }
  Stats stats() override { return {}; }

  std::map<std::string, std::string> data;
  std::optional<std::string> journal;  // that runs produce
  size_t query_calls = 0, runs = 0;
  bool hold_queries = false;
  std::vector<PendingQuery> held_queries;
  std::vector<Pending> mutations, actions;
  std::vector<PendingHttp> http_actions;
  std::function<void(Pending&)> auto_reply;  // answers mutations and actions at once
  std::optional<Error> next_system_error;

 private:
  FakeEngine engine_;
  SystemFunctions system_;
  FunctionStatistics statistics_;
  std::unique_ptr<FunctionLog> log_ =
      FunctionLog::create(100, [this](const FunctionLogEntry& entry) { statistics_.record(entry); });
  std::map<std::string, std::shared_ptr<FakeQuery>> cache_;
};

}  // namespace hull
