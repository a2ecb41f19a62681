#include <algorithm>

#include "services/json_fields.h"
#include "services/system_areas.h"
#include "services/system_function_kit.h"

namespace hull::sys {
namespace {

Result<Value> list_variables(Transaction& transaction, ValueView) {
  auto rows = transaction.system_rows("_environment_variables");
  std::sort(rows.begin(), rows.end(), [](const DocumentPtr& a, const DocumentPtr& b) {
    return json::text_or_empty(a->value, "name") < json::text_or_empty(b->value, "name");
  });
  ValueBuilder b;
  b.begin_array();
  for (const auto& row : rows) b.value(row->value);
  b.end();
  return b.finish();
}

// Value of a variable as functions see it, also of those every deployment has.
Result<std::optional<std::string>> variable(FunctionRunner& runner, Transaction& transaction,
                                            const std::string& name) {
  transaction.depend_on_system_table("_environment_variables");
  transaction.depend_on_system_table("_canonical_urls");
  HULL_TRY(auto code, runner.code().load(*transaction.snapshot()->catalog()));
  auto it = code->env().find(name);
  return it == code->env().end() ? std::optional<std::string>() : std::optional<std::string>(it->second);
}

Handler variable_text(FunctionRunner& runner, std::string name) {
  return [&runner, name](Transaction& transaction, ValueView) -> Result<Value> {
    HULL_TRY(auto value, variable(runner, transaction, name));
    return value ? Value::string(*value) : Value();
  };
}

}  // namespace

void register_environment_functions(FunctionRunner& runner) {
  SystemFunctions& functions = runner.system_functions();
  add_query(functions, "_system/cli/queryEnvironmentVariables.js:default", "ViewEnvironmentVariables",
            list_variables);
  add_query(functions, "_system/frontend/listEnvironmentVariables.js:default", "ViewEnvironmentVariables",
            list_variables);
  add_query(
      functions, "_system/cli/queryEnvironmentVariables.js:get", "ViewEnvironmentVariables",
      [&runner](Transaction& transaction, ValueView args) -> Result<Value> {
        std::string name = json::text_or_empty(args, "name");
        HULL_TRY(auto value, variable(runner, transaction, name));
        if (!value) return Value();
        ValueBuilder b;
        b.begin_object().key("name").string(name).key("value").string(*value).end();
        return b.finish();
      },
      args_validator({{"name", kString}}));
  add_query(functions, "_system/cli/convexUrl.js:cloudUrl", "ViewData",
            variable_text(runner, "CONVEX_CLOUD_URL"));
  add_query(functions, "_system/frontend/convexCloudUrl.js:default", "ViewData",
            variable_text(runner, "CONVEX_CLOUD_URL"));
  add_query(functions, "_system/frontend/convexSiteUrl.js:default", "ViewData",
            variable_text(runner, "CONVEX_SITE_URL"));
}

}  // namespace hull::sys
