#include "functions/test_query_run.h"

#include <fstream>
#include <sstream>

#include "base/digest.h"
#include "base/random.h"
#include "functions/attempt.h"
#include "functions/lookup.h"

namespace hull {

namespace {

// What the module imports its query builders from.
constexpr std::string_view kWrappers = "_system/repl/wrappers.js";

Result<std::string> read_wrappers(const std::string& lib_dir) {
  std::ifstream file(lib_dir + "/repl_wrappers.js", std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return Error::internal("cannot read " + lib_dir + "/repl_wrappers.js");
  return text.str();
}

// Texts of the deployed modules and of the two that come with the query.
LoadText texts(std::shared_ptr<const Code> deployed, const TestQuery& query, std::string wrappers) {
  return [deployed = std::move(deployed), path = query.path.text, source = query.source,
          source_map = query.source_map, wrappers = std::move(wrappers)](
             const std::string& wanted, ModuleText which) -> Result<std::string> {
    const bool is_source = which == ModuleText::kSource;
    if (wanted == path) return is_source ? source : source_map;
    if (wanted == kWrappers) return is_source ? wrappers : std::string();
    return deployed->text(wanted, which);
  };
}

ModuleInfo extra_module(std::string path, std::string_view source) {
  ModuleInfo module;
  module.path = std::move(path);
  module.sha256 = sha256_hex(source);
  module.environment = "isolate";
  return module;
}

Result<FunctionInfo> analyzed_query(FunctionRunner& runner, const Code& code, const std::string& path,
                                    const LoadText& load) {
  AnalysisRequest request;
  for (const auto& [each, module] : code.modules()) request.modules.push_back({each, module.environment});
  request.function_modules = {path};
  request.text = load;
  request.env = code.env();
  request.import_seed = code.import_seed();
  request.import_time_ms = code.import_time_ms();
  HULL_TRY(AnalysisOutcome outcome, runner.analyze(request));
  if (outcome.failure) {
    return Error::bad_request("InvalidModules",
                              "Could not analyze the given module:\n" + outcome.failure->text);
  }
  const AnalyzedFunction* found = nullptr;
  for (const AnalyzedModule& module : outcome.modules) {
    for (const AnalyzedFunction& function : module.functions) {
      if (function.name != "default") {
        return Error::bad_request("InvalidTestQuery", "Only `export default` is supported.");
      }
      found = &function;
    }
  }
  if (!found) return Error::bad_request("InvalidTestQuery", "Default export is not a Convex function.");
  if (found->udf_type != "Query") {
    return Error::bad_request("UnsupportedTestQuery",
                              found->udf_type + "s are not supported in the REPL yet.");
  }
  FunctionInfo info;
  info.name = found->name;
  info.udf_type = found->udf_type;
  auto validator = [](const std::string& json) -> Result<std::shared_ptr<const Validator>> {
    if (json.empty() || json == "null") return std::shared_ptr<const Validator>();
    HULL_TRY(auto parsed, Validator::parse(json));
    return std::shared_ptr<const Validator>(std::move(parsed));
  };
  HULL_TRY(info.args, validator(found->args_json));
  HULL_TRY(info.returns, validator(found->returns_json));
  return info;
}

FunctionResult result_of(CallOutcome outcome, Timestamp ts) {
  FunctionResult result;
  result.value = std::move(outcome.value);
  result.error = std::move(outcome.error);
  result.system_error = std::move(outcome.system_error);
  result.log_lines = std::move(outcome.log_lines);
  result.ts = ts;
  return result;
}

}  // namespace

Result<FunctionResult> run_test_query(RunnerParts& parts, TestQuery query) {
  const double now_ms = unix_millis();
  SnapshotPtr snapshot = parts.engine->snapshot();
  const Catalog& catalog = *snapshot->catalog();
  if (auto stopped = stopped_text(catalog)) {
    return result_of(failed_outcome(Error::bad_request("DeploymentPaused", *stopped)), snapshot->ts());
  }
  HULL_TRY(auto deployed, parts.loader->load(catalog));
  HULL_TRY(std::string wrappers, read_wrappers(parts.options.lib_dir));
  Code::Parts with_query;
  with_query.modules = deployed->modules();
  with_query.modules[std::string(kWrappers)] = extra_module(std::string(kWrappers), wrappers);
  with_query.modules[query.path.text] = extra_module(query.path.text, query.source);
  with_query.env = deployed->env();
  with_query.import_seed = deployed->import_seed();
  with_query.import_time_ms = deployed->import_time_ms();
  with_query.load = texts(deployed, query, std::move(wrappers));
  const LoadText load = with_query.load;
  auto code = Code::make(std::move(with_query));
  HULL_TRY(FunctionInfo function, analyzed_query(*parts.runner, *code, query.path.text, load));

  FunctionCall& call = query.call;
  call.path = FunctionPath{query.path, function.name};
  call.context.execution_id = random_uuid();
  auto transaction = begin_call(parts, call, UdfType::kQuery, snapshot, now_ms);
  CallOutcome outcome;
  auto checked = check_args(call.path, function.args.get(), call.args, catalog, *parts.options.knobs);
  if (checked.ok()) {
    HULL_TRY(auto worker, parts.starter->start_once(*code));
    TransactionCall running(parts.settings, *worker, *code, call, UdfType::kQuery, *transaction, std::nullopt,
                            now_ms);
    outcome = running.run(function);
    append_warnings(outcome, call, UdfType::kQuery, transaction.get(), *parts.options.knobs);
  } else {
    outcome = failed_outcome(checked.error());
  }
  FunctionLogEntry entry = completion_entry(call, UdfType::kQuery, now_ms);
  entry.log_lines = outcome.log_lines;
  entry.user_execution_time_s = outcome.user_ms / 1000;
  entry.read_bytes = transaction->usage().bytes_read;
  entry.read_documents = transaction->usage().documents_read;
  if (outcome.value) entry.return_bytes = convex_size(*outcome.value);
  if (outcome.error) entry.error = outcome.error->message;
  parts.log->append(std::move(entry));
  return result_of(std::move(outcome), snapshot->ts());
}

}  // namespace hull
