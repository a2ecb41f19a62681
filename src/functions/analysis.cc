#include "functions/analysis.h"

#include <spdlog/fmt/fmt.h>

#include <set>

#include "base/log.h"
#include "base/time.h"
#include "functions/snapshots.h"
#include "functions/transaction_call.h"

namespace hull {

namespace {

constexpr double kStartTimeoutS = 20, kGraceS = 10;
constexpr std::string_view kWorkerLostText =
    "The worker that loaded the modules ran out of memory or crashed";

std::set<std::string> importable_in(const AnalysisRequest& request) {
  std::set<std::string> paths = {request.schema_module, request.auth_module, request.definition_module};
  for (const AnalysisRequest::Module& module : request.modules) {
    if (module.environment == "isolate") paths.insert(module.path);
  }
  return paths;
}

wire::ToWorker init_for(const AnalysisRequest& request, const Knobs& knobs) {
  wire::ToWorker message;
  wire::Init* init = message.mutable_init();
  for (const auto& [name, value] : request.env) (*init->mutable_env())[name] = value;
  std::string seed = request.import_seed;
  seed.resize(32, '\0');
  init->set_import_seed(seed);
  init->set_import_time_ms(request.import_time_ms);
  init->set_max_heap_bytes(knobs.max_analyze_heap);
  init->set_max_heap_extra_bytes(knobs.max_heap_extra);
  init->set_max_array_buffer_bytes(knobs.max_array_buffers);
  init->set_sandbox(true);
  return message;
}

wire::ToWorker order_for(const AnalysisRequest& request, const Knobs& knobs) {
  wire::ToWorker message;
  wire::Analyze* order = message.mutable_analyze();
  for (const std::string& path : request.function_modules) order->add_modules(path);
  order->set_http_module(request.http_module);
  order->set_crons_module(request.crons_module);
  order->set_schema_module(request.schema_module);
  order->set_auth_module(request.auth_module);
  order->set_definition_module(request.definition_module);
  order->set_user_timeout_ms(static_cast<uint32_t>(knobs.analyze_user_timeout_s * 1000));
  return message;
}

void serve(WorkerProcess& worker, const AnalysisRequest& analysis, const std::set<std::string>& importable,
           const wire::ModuleRequest& request) {
  wire::ToWorker message;
  wire::ModuleReply* reply = message.mutable_module();
  reply->set_request_id(request.request_id());
  if (importable.contains(request.path())) {
    auto text =
        analysis.text(request.path(), request.source_map() ? ModuleText::kSourceMap : ModuleText::kSource);
    if (text.ok()) {
      reply->set_found(true);
      *(request.source_map() ? reply->mutable_source_map() : reply->mutable_source()) = *std::move(text);
    } else {
      spdlog::error("cannot load module path={}: {}", request.path(), text.error().message);
    }
  }
  worker.send(message);
}

// The error's text as it is shown after "Failed to analyze x.js: ", with what the modules had logged.
std::string failure_text(const wire::AnalyzeResult& result) {
  std::string text = function_error_from(result.error()).message;
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!result.logs().empty()) text += "\n";
  for (const wire::LogLine& line : result.logs()) text += "\n" + log_line_from(line).pretty();
  return text;
}

AnalysisOutcome failed(std::string text) {
  AnalysisOutcome outcome;
  outcome.failure = AnalysisOutcome::Failure{"", std::move(text), ""};
  return outcome;
}

}  // namespace

AnalysisOutcome outcome_of(const wire::AnalyzeResult& result) {
  AnalysisOutcome outcome;
  outcome.schema_json = result.schema_json();
  outcome.auth_json = result.auth_json();
  outcome.definition_json = result.definition_json();
  if (result.has_error()) {
    outcome.failure =
        AnalysisOutcome::Failure{result.failed_module(), failure_text(result), result.error_code()};
  }
  for (const wire::ModuleAnalysis& from : result.modules()) {
    AnalyzedModule module;
    module.path = from.path();
    for (const wire::AnalyzedFunction& f : from.functions()) {
      module.functions.push_back(
          {f.name(), f.udf_type(), f.visibility(), f.args_json(), f.returns_json(), f.line(), f.column()});
    }
    if (from.is_http()) {
      module.http_routes.emplace();
      for (const wire::HttpRoute& route : from.http_routes())
        module.http_routes->emplace_back(route.path(), route.method());
    }
    if (from.is_crons()) module.crons_json = from.crons_json();
    outcome.modules.push_back(std::move(module));
  }
  return outcome;
}

Result<AnalysisOutcome> analyze_modules(WorkerLauncher& launcher, const Knobs& knobs,
                                        const AnalysisRequest& request) {
  std::set<std::string> importable = importable_in(request);
  HULL_TRY(auto worker, launcher.launch());
  worker->send(init_for(request, knobs));
  // The worker limits each module by itself; this is for one that no longer can.
  double modules = static_cast<double>(request.function_modules.size() + 5);
  int64_t start_deadline = monotonic_nanos() + static_cast<int64_t>(kStartTimeoutS * 1e9);
  int64_t deadline = start_deadline;
  bool ready = false;
  while (true) {
    wire::FromWorker frame;
    auto event = worker->receive(frame, deadline);
    if (event == WorkerProcess::Event::kWoken) continue;
    if (event != WorkerProcess::Event::kFrame && !ready) {
      return Error::internal("a worker for analysis did not start");
    }
    bool closed = event == WorkerProcess::Event::kClosed;
    if (event == WorkerProcess::Event::kTimeout ||
        (closed && worker->cause_of_end() == WorkerProcess::Cause::kTimeout)) {
      return failed(
          fmt::format("Function execution timed out (maximum duration: {}s)", knobs.analyze_user_timeout_s));
    }
    if (closed) return failed(std::string(kWorkerLostText));
    if (frame.has_ready()) {
      ready = true;
      worker->send(order_for(request, knobs));
      deadline =
          monotonic_nanos() + static_cast<int64_t>((knobs.analyze_user_timeout_s * modules + kGraceS) * 1e9);
    } else if (frame.has_module()) {
      serve(*worker, request, importable, frame.module());
    } else if (frame.has_analyzed()) {
      return outcome_of(frame.analyzed());
    }
  }
}

}  // namespace hull
