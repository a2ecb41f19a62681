#include "services/variable_change.h"

#include "database/transact.h"
#include "functions/canonical_urls.h"
#include "services/auth_providers.h"
#include "services/environment.h"

namespace hull {
namespace {

constexpr int kMaxRounds = 8;
constexpr std::string_view kAuthModule = "auth.config.js";

Result<std::vector<AuthProvider>> evaluate_auth_config(FunctionRunner& runner, const Code& code,
                                                       const std::map<std::string, std::string>& env) {
  AnalysisRequest request;
  request.auth_module = kAuthModule;
  request.text = [&code](const std::string& path, ModuleText which) { return code.text(path, which); };
  request.env = env;
  request.import_seed = code.import_seed();
  request.import_time_ms = code.import_time_ms();
  HULL_TRY(auto outcome, runner.analyze(request));
  auto refused = [](const std::string& why) {
    return Error::bad_request("InvalidAuthConfig", "This change would make the auth config invalid: " + why);
  };
  if (outcome.failure) {
    if (outcome.failure->code == "AuthConfigMissingEnvironmentVariable")
      return Error::bad_request(outcome.failure->code, outcome.failure->text);
    constexpr std::string_view kPushPrefix = "The pushed auth config is invalid: ";
    std::string text = outcome.failure->text;
    if (text.starts_with(kPushPrefix)) text.erase(0, kPushPrefix.size());
    return refused(text);
  }
  auto providers = parse_auth_config(outcome.auth_json);
  if (!providers.ok()) return refused(providers.error().message);
  return std::move(*providers);
}

// One attempt against the state of now. False: something it was based on changed meanwhile.
Result<bool> try_change(FunctionRunner& runner, const Knobs& knobs, const std::string& source,
                        const std::function<Result<VariableChange>(const Catalog&)>& plan) {
  SnapshotPtr snapshot = runner.engine().snapshot();
  const Catalog& catalog = *snapshot->catalog();
  auto before = code_variables(catalog);
  HULL_TRY(VariableChange change, plan(catalog));
  HULL_TRY(auto code, runner.code().load(catalog));
  std::optional<std::vector<AuthProvider>> providers;
  if (change.variables != before && !code->modules().empty()) {
    std::vector<ModuleInfo> modules;
    for (const auto& [path, info] : code->modules()) modules.push_back(info);
    HULL_TRY(auto next,
             runner.code().assemble(modules, change.variables, code->import_seed(),
                                    static_cast<int64_t>(code->import_time_ms()) * 1'000'000, code->node()));
    if (code->modules().contains(std::string(kAuthModule))) {
      HULL_TRY(auto evaluated, evaluate_auth_config(runner, *code, next->env()));
      providers = std::move(evaluated);
    }
    HULL_CHECK_OK(runner.prepare(next));
  }
  bool stale = false;
  auto committed = transact(runner.engine(), knobs, source, [&](Transaction& transaction) -> Result<void> {
    transaction.depend_on_system_table("_modules");
    transaction.depend_on_system_table("_environment_variables");
    transaction.depend_on_system_table("_canonical_urls");
    const Catalog& now = transaction.catalog();
    stale = now.version_of("_modules") != catalog.version_of("_modules") || code_variables(now) != before;
    if (stale) return {};
    HULL_CHECK_OK(change.write(transaction));
    if (providers) HULL_CHECK_OK(replace_auth_providers(transaction, *providers));
    return {};
  });
  HULL_CHECK_OK(committed);
  return !stale;
}

}  // namespace

std::map<std::string, std::string> code_variables(const Catalog& catalog) {
  auto variables = user_environment(catalog);
  variables.merge(canonical_url_variables(catalog));
  return variables;
}

Result<void> change_variables(FunctionRunner& runner, const Knobs& knobs, const std::string& source,
                              const std::function<Result<VariableChange>(const Catalog&)>& plan) {
  for (int round = 0; round < kMaxRounds; ++round) {
    HULL_TRY(bool done, try_change(runner, knobs, source, plan));
    if (done) return {};
  }
  return Error{ErrorKind::kOcc, "OptimisticConcurrencyControlFailure",
               "Environment variables changed while this change was being made. Try again.", std::nullopt};
}

}  // namespace hull
