#include "functions/runner.h"

#include <array>
#include <thread>

#include "base/log.h"
#include "functions/action_runner.h"
#include "functions/analysis.h"
#include "functions/lookup.h"
#include "functions/mutation_runner.h"
#include "functions/query_runner.h"
#include "functions/test_query_run.h"

namespace hull {

namespace {

constexpr double kSampleMs = 5000;

void print(const FunctionLogEntry& entry) {
  for (const LogLine& line : entry.log_lines)
    function_log().info("function={} request_id={} {}", entry.identifier, entry.request_id, line.pretty());
  if (entry.error) {
    function_log().warn("function={} request_id={} failed: {}", entry.identifier, entry.request_id,
                        *entry.error);
  }
}

class Runner final : public FunctionRunner {
 public:
  explicit Runner(RunnerOptions options) : queries_(&parts_), mutations_(&parts_), actions_(&parts_) {
    const Knobs* knobs = options.knobs;
    parts_.runner = this;
    parts_.engine = options.engine;
    parts_.settings.knobs = knobs;
    parts_.settings.instance_name = options.instance_name;
    parts_.settings.cursors = {options.secret, options.instance_name};
    parts_.settings.files = options.files;
    parts_.log = FunctionLog::create(knobs->max_log_entries,
                                     [this](const FunctionLogEntry& entry) { observe(entry); });
    options.engine->observe_invalidations(
        [this](const std::string& source, const std::string& table, size_t count) {
          parts_.statistics.record_invalidations(source, table, count);
        });
    parts_.loader = std::make_unique<BlobCodeLoader>(
        options.blobs, std::map<std::string, std::string>{{"CONVEX_CLOUD_URL", options.cloud_origin},
                                                          {"CONVEX_SITE_URL", options.site_origin}});
    parts_.cache = std::make_unique<QueryCache>(options.engine, knobs->query_cache_bytes);
    parts_.launcher = std::make_unique<WorkerLauncher>(options.lib_dir);
    parts_.starter =
        std::make_unique<WorkerStarter>(parts_.launcher.get(), knobs, options.scratch_dir, &parts_.metrics);
    parts_.fetch = std::make_unique<FetchService>();
    parts_.timers = std::make_unique<Timers>();
    parts_.tasks = std::make_unique<TaskThreads>(2);
    parts_.pool = std::make_unique<WorkerPool>(parts_.starter.get(), knobs);
    parts_.actions = std::make_unique<ActionPool>(parts_.starter.get(), worker_action_policy(*knobs));
    parts_.node = std::make_unique<NodeHost>(
        NodeOptions{options.node_executable, options.lib_dir, options.scratch_dir, options.node_packages_dir},
        knobs, &parts_.metrics);
    parts_.node_actions = std::make_unique<ActionPool>(parts_.node.get(), node_action_policy(*knobs));
    parts_.options = std::move(options);
    sample_outstanding();
    // The first caller after a restart should not wait for what was pushed before it.
    warm_up_ = std::thread([this] { warm_up(); });
  }

  ~Runner() override {
    warm_up_.join();
    // Actions may run for long: they are cut off. Queries and mutations end by themselves.
    parts_.actions->stop();
    parts_.node_actions->stop();
    parts_.inflight.wait_until_empty();
    parts_.engine->observe_invalidations(nullptr);
  }

  void query(FunctionCall call, std::optional<std::string> journal, Timestamp min_ts, bool exactly,
             std::function<void(QueryOutcome)> done) override {
    queries_.run(std::move(call), std::move(journal), min_ts, exactly, std::move(done));
  }
  void took_result(const FunctionCall& call, const CachedQuery& result) override {
    queries_.log_shared(call, unix_millis(), result);
  }
  void mutation(FunctionCall call, std::optional<SessionRequest> session, FunctionCallback done) override {
    mutations_.run(std::move(call), std::move(session), std::move(done));
  }
  void framed_mutation(FunctionCall call, MutationFrame frame, FunctionCallback done) override {
    mutations_.run_framed(std::move(call), std::move(frame), std::move(done));
  }
  void action(FunctionCall call, FunctionCallback done) override {
    actions_.run(std::move(call), std::move(done));
  }
  void http_action(HttpActionRequest request, OnHttpResponse respond) override {
    actions_.run_http(std::move(request), std::move(respond));
  }
  void any(FunctionCall call, FunctionCallback done) override;
  void answer_fetch_locally(FetchService::Local local) override {
    parts_.fetch->answer_locally(std::move(local));
  }
  void cancel_actions() override {
    parts_.actions->stop();
    parts_.node_actions->stop();
  }

  FunctionLog& log() override { return *parts_.log; }
  const FunctionStatistics& statistics() override { return parts_.statistics; }
  metrics::Families metric_families() override;
  SystemFunctions& system_functions() override { return parts_.system_functions; }
  CodeLoader& code() override { return *parts_.loader; }
  Engine& engine() override { return *parts_.engine; }

  Result<AnalysisOutcome> analyze(const AnalysisRequest& request) override {
    auto outcome = analyze_modules(*parts_.launcher, *parts_.options.knobs, request);
    if (!outcome.ok() || outcome->failure || request.node_modules.empty()) return outcome;
    HULL_CHECK_OK(parts_.node->analyze(request, *outcome));
    return outcome;
  }
  Result<void> prepare_node(const NodeSettings& settings) override { return parts_.node->prepare(settings); }
  Result<void> prepare(std::shared_ptr<const Code> code) override {
    parts_.starter->make_snapshot(*code);
    parts_.pool->prewarm(std::move(code));
    return {};
  }
  Result<FunctionResult> test_query(TestQuery query) override {
    auto running = parts_.inflight.enter();
    return run_test_query(parts_, std::move(query));
  }
  Stats stats() override {
    auto pool = parts_.pool->stats();
    auto actions = parts_.actions->stats(), node = parts_.node_actions->stats();
    return {pool.workers + actions.workers + node.workers, pool.running + actions.running + node.running,
            pool.rss_bytes + actions.rss_bytes + node.rss_bytes, parts_.cache->stats().bytes};
  }

 private:
  void observe(const FunctionLogEntry& entry) {
    if (parts_.options.log_to_stdout) print(entry);
    if (entry.kind != FunctionLogEntry::Kind::kCompletion) return;
    parts_.metrics.record(entry);
    parts_.statistics.record(entry);
  }

  void sample_outstanding() {
    parts_.statistics.record_outstanding(parts_.outstanding.take_peaks());
    parts_.timers->after(kSampleMs, [this] { sample_outstanding(); });
  }

  void warm_up() {
    auto code = parts_.loader->load(*parts_.engine->snapshot()->catalog());
    if (code.ok() && !(*code)->entries().empty()) parts_.pool->prewarm(*code);
  }

  RunnerParts parts_;
  QueryRunner queries_;
  MutationRunner mutations_;
  ActionRunner actions_;
  std::thread warm_up_;
};

void Runner::any(FunctionCall call, FunctionCallback done) {
  std::optional<UdfType> type;
  if (is_system_call(call)) {
    const SystemFunction* function = parts_.system_functions.find(call.path.canonical());
    type = function ? function->type : UdfType::kQuery;  // a query that is not there fails as it should
  } else {
    auto code = parts_.loader->load(*parts_.engine->snapshot()->catalog());
    if (!code.ok()) {
      FunctionResult result;
      result.system_error = code.error();
      done(std::move(result));
      return;
    }
    const FunctionInfo* function = (*code)->find(call.path);
    type = function ? udf_type_of(*function) : UdfType::kQuery;
  }
  switch (type.value_or(UdfType::kQuery)) {
    case UdfType::kMutation:
      return mutation(std::move(call), std::nullopt, std::move(done));
    case UdfType::kAction:
    case UdfType::kHttpAction:
      return action(std::move(call), std::move(done));
    case UdfType::kQuery:
      break;
  }
  query(std::move(call), std::nullopt, Timestamp{}, false, [done = std::move(done)](QueryOutcome outcome) {
    FunctionResult result;
    result.system_error = std::move(outcome.system_error);
    if (outcome.query) {
      result.ts = outcome.query->ts();
      result.log_lines = outcome.query->log_lines();
      if (outcome.query->ok()) {
        result.value = outcome.query->value();
      } else {
        result.error = outcome.query->error();
      }
    }
    done(std::move(result));
  });
}

metrics::Families Runner::metric_families() {
  using metrics::board_name;
  metrics::Families out = parts_.metrics.collect();
  struct Pool {
    const char* name;
    size_t workers, running, rss, most;
  };
  const auto calls = parts_.pool->stats();
  const auto actions = parts_.actions->stats(), node = parts_.node_actions->stats();
  const Knobs& knobs = *parts_.options.knobs;
  const std::array<Pool, 3> pools = {{
      {"functions", calls.workers, calls.running, calls.rss_bytes, calls.most},
      {"actions", actions.workers, actions.running, actions.rss_bytes, knobs.max_concurrent_actions},
      {"node_actions", node.workers, node.running, node.rss_bytes, knobs.max_concurrent_node_actions},
  }};
  auto gauge = [&out](std::string name, std::string help) {
    out.push_back({std::move(name), std::move(help), prometheus::MetricType::Gauge, {}});
    return out.size() - 1;
  };
  const size_t running = gauge(board_name("isolate_pool_running_count_info"), "Calls that run now");
  const size_t allocated = gauge(board_name("isolate_pool_allocated_count_info"), "Worker processes");
  const size_t most = gauge(board_name("isolate_pool_max_info"), "Most calls that may run at once");
  const size_t memory =
      gauge(board_name("isolate_total_physical_size_bytes"), "Resident memory of worker processes");
  const size_t outstanding = gauge("hull_outstanding_calls", "Calls that run or wait now");
  for (const Pool& pool : pools) {
    const metrics::Labels labels = {{"pool_name", pool.name}};
    metrics::add_value(out[running], static_cast<double>(pool.running), labels);
    metrics::add_value(out[allocated], static_cast<double>(pool.workers), labels);
    metrics::add_value(out[most], static_cast<double>(pool.most), labels);
    metrics::add_value(out[memory], static_cast<double>(pool.rss), labels);
  }
  const OutstandingCalls::Table now = parts_.outstanding.now();
  for (size_t runtime = 0; runtime < now.size(); ++runtime) {
    for (size_t type = 0; type < now[runtime].size(); ++type) {
      const bool node_runtime = runtime == static_cast<size_t>(OutstandingCalls::Runtime::kNode);
      if (node_runtime && static_cast<UdfType>(type) != UdfType::kAction) continue;
      metrics::Labels labels = {{"env_type", node_runtime ? "node" : "isolate"},
                                {"udf_type", std::string(udf_type_name(static_cast<UdfType>(type)))},
                                {"state", "running"}};
      metrics::add_value(out[outstanding], static_cast<double>(now[runtime][type].running), labels);
      labels["state"] = "queued";
      metrics::add_value(out[outstanding], static_cast<double>(now[runtime][type].queued), labels);
    }
  }
  out.push_back(metrics::gauge(board_name("cache_size_bytes"), "Memory of the query cache",
                               static_cast<double>(parts_.cache->stats().bytes)));
  return out;
}

}  // namespace

Result<std::unique_ptr<FunctionRunner>> FunctionRunner::start(RunnerOptions options) {
  return std::unique_ptr<FunctionRunner>(std::make_unique<Runner>(std::move(options)));
}

}  // namespace hull
