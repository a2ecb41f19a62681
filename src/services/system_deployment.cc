// Components, state, exports and imports. What this server does not have yet reads as empty.
#include "services/json_fields.h"
#include "services/stop_state.h"
#include "services/system_areas.h"
#include "services/system_function_kit.h"

namespace hull::sys {
namespace {

Result<Value> components(Transaction& transaction, ValueView) {
  ValueBuilder b;
  b.begin_array();
  for (const auto& row : transaction.system_rows("_components")) {
    b.begin_object();
    b.key("id").string(row->id.text());
    b.key("name").null();
    b.key("path").string("");
    b.key("args").begin_object().end();
    b.key("state").string(json::text_or_empty(row->value, "state"));
    b.key("httpPrefix").null();
    b.end();
  }
  b.end();
  return b.finish();
}

Result<Value> auth_providers(Transaction& transaction, ValueView) {
  ValueBuilder b;
  b.begin_array();
  for (const auto& row : transaction.system_rows("_auth")) b.value(row->value);
  b.end();
  return b.finish();
}

Result<Value> nothing(Transaction&, ValueView) { return Value(); }

Result<Value> no_rows(Transaction&, ValueView) {
  ValueBuilder b;
  b.begin_array().end();
  return b.finish();
}

Result<Value> deployment_state(Transaction& transaction, ValueView) {
  transaction.depend_on_system_table("_backend_state");
  ValueBuilder b;
  b.begin_object().key("state").string(StopState::of(transaction.catalog()).summary()).end();
  return b.finish();
}

Result<Value> stop_state(Transaction& transaction, ValueView) {
  transaction.depend_on_system_table("_backend_state");
  return StopState::of(transaction.catalog()).row();
}

}  // namespace

void register_deployment_functions(FunctionRunner& runner) {
  SystemFunctions& functions = runner.system_functions();
  add_query(functions, "_system/frontend/components.js:list", "ViewData", components);
  add_query(functions, "_system/frontend/listAuthProviders.js:default", "ViewData", auth_providers);
  add_query(functions, "_system/frontend/deploymentState.js:deploymentState", "", deployment_state);
  add_query(functions, "_system/frontend/backendState.js:backendState", "", stop_state);
  add_query(functions, "_system/cli/exports.js:getLatest", "ViewBackups", nothing);
  add_query(functions, "_system/cli/queryImport.js:list", "ViewBackups", no_rows);
  add_query(functions, "_system/cli/queryImport.js:default", "ViewBackups", nothing,
            args_validator({{"importId", kString}}));
}

}  // namespace hull::sys
