// Pushed code as the CLI and the dashboard list it.
#include <algorithm>

#include "services/cron_specs.h"
#include "services/json_fields.h"
#include "services/system_areas.h"
#include "services/system_function_kit.h"
#include "value/json.h"

namespace hull::sys {
namespace {

constexpr std::string_view kPinnedNodeMajor = "24";

// Validator JSON as a value; anything unreadable or missing is v.any().
Value validator_value(ValueView function, std::string_view name) {
  std::string json = json::text_or_empty(function, name);
  if (!json.empty() && json != "null")
    if (auto parsed = parse_convex_json(json); parsed.ok()) return *parsed;
  return *parse_plain_json(kAny);
}

void put_visibility(ValueBuilder& b, ValueView function) {
  auto visibility = json::optional_field(function, "visibility");
  std::string kind = visibility ? json::text_or_empty(*visibility, "kind") : "";
  b.key("visibility").begin_object().key("kind").string(kind == "internal" ? "internal" : "public").end();
}

std::vector<DocumentPtr> analyzed_modules(Transaction& transaction) {
  auto rows = transaction.system_rows("_modules");
  std::erase_if(rows, [](const DocumentPtr& row) {
    auto analysis = row->value->find("analyzeResult");
    return !analysis || !analysis->is_object();
  });
  std::sort(rows.begin(), rows.end(), [](const DocumentPtr& a, const DocumentPtr& b) {
    return json::text_or_empty(a->value, "path") < json::text_or_empty(b->value, "path");
  });
  return rows;
}

template <typename F>
void for_each_element(ValueView analysis, std::string_view name, F&& visit) {
  auto list = json::optional_field(analysis, name);
  for (size_t i = 0; list && list->is_array() && i < list->count(); ++i) visit(list->element(i));
}

Result<Value> api_spec(Transaction& transaction, ValueView) {
  ValueBuilder b;
  b.begin_array();
  for (const auto& row : analyzed_modules(transaction)) {
    std::string path = json::text_or_empty(row->value, "path");
    ValueView analysis = *row->value->find("analyzeResult");
    for_each_element(analysis, "functions", [&](ValueView function) {
      b.begin_object();
      b.key("identifier").string(path + ":" + json::text_or_empty(function, "name"));
      b.key("functionType").string(json::text_or_empty(function, "udfType"));
      put_visibility(b, function);
      b.key("args").value(validator_value(function, "args"));
      b.key("returns").value(validator_value(function, "returns"));
      b.end();
    });
    for_each_element(analysis, "httpRoutes", [&](ValueView entry) {
      auto route = json::optional_field(entry, "route");
      if (!route) return;
      b.begin_object();
      b.key("functionType").string("HttpAction");
      b.key("method").string(json::text_or_empty(*route, "method"));
      b.key("path").string(json::text_or_empty(*route, "path"));
      b.end();
    });
  }
  b.end();
  return b.finish();
}

void put_function(ValueBuilder& b, const std::string& name, std::string_view type, ValueView function) {
  b.begin_object();
  b.key("name").string(name);
  b.key("udfType").string(type);
  auto position = json::optional_field(function, "pos");
  if (auto line = position ? position->find("start_lineno") : std::nullopt) b.key("lineno").value(*line);
  put_visibility(b, function);
  b.end();
}

// [[path, Module], ...]
void put_modules(ValueBuilder& b, Transaction& transaction) {
  b.begin_array();
  for (const auto& row : analyzed_modules(transaction)) {
    ValueView analysis = *row->value->find("analyzeResult");
    b.begin_array().string(json::text_or_empty(row->value, "path")).begin_object();
    b.key("functions").begin_array();
    for_each_element(analysis, "functions", [&](ValueView function) {
      put_function(b, json::text_or_empty(function, "name"), json::text_or_empty(function, "udfType"),
                   function);
    });
    for_each_element(analysis, "httpRoutes", [&](ValueView entry) {
      if (auto route = json::optional_field(entry, "route"))
        put_function(b, json::text_or_empty(*route, "method") + " " + json::text_or_empty(*route, "path"),
                     "HttpAction", entry);
    });
    b.end();
    b.key("sourcePackageId").string(json::text_or_empty(row->value, "sourcePackageId"));
    if (auto crons = json::optional_field(analysis, "cronSpecs"); crons && crons->is_array()) {
      b.key("cronSpecs").begin_array();
      for_each_element(analysis, "cronSpecs", [&](ValueView cron) {
        auto spec = CronSpec::from_analysis(cron);
        if (spec.ok()) b.begin_array().string(spec->identifier).value(*spec->row()->find("cronSpec")).end();
      });
      b.end();
    }
    b.end().end();
  }
  b.end();
}

Result<Value> list_modules(Transaction& transaction, ValueView) {
  ValueBuilder b;
  put_modules(b, transaction);
  return b.finish();
}

Result<Value> list_for_all_components(Transaction& transaction, ValueView) {
  ValueBuilder b;
  b.begin_array().begin_array().null();
  put_modules(b, transaction);
  b.end().end();
  return b.finish();
}

// The args validator of "dir/module:name" as JSON text; null if there is no such function.
Result<Value> args_validator_of(Transaction& transaction, ValueView args) {
  std::string function = json::text_or_empty(args, "function");
  size_t colon = function.rfind(':');
  std::string path = function.substr(0, colon);
  if (!path.ends_with(".js")) path += ".js";
  std::string name = colon == std::string::npos ? "default" : function.substr(colon + 1);
  std::optional<Value> found;
  for (const auto& row : analyzed_modules(transaction)) {
    if (json::text_or_empty(row->value, "path") != path) continue;
    for_each_element(*row->value->find("analyzeResult"), "functions", [&](ValueView each) {
      if (json::text_or_empty(each, "name") != name) return;
      std::string text = json::text_or_empty(each, "args");
      found = Value::string(text.empty() ? kAny : std::string_view(text));
    });
  }
  return found ? *std::move(found) : Value();
}

Result<Value> version(Transaction& transaction, ValueView) {
  for (const auto& row : transaction.system_rows("_udf_config"))
    return Value::string(json::text_or_empty(row->value, "serverVersion"));
  return Value();
}

// The Node.js of "use node" actions, null without such actions.
Result<Value> node_version(Transaction& transaction, ValueView) {
  auto modules = transaction.system_rows("_modules");
  bool used = std::any_of(modules.begin(), modules.end(), [](const auto& row) {
    return json::text_or_empty(row->value, "environment") == "node";
  });
  if (!used) return Value();
  std::string version = node_settings_of(transaction.catalog()).version;
  return Value::string("nodejs" + (version.empty() ? std::string(kPinnedNodeMajor) : version) + ".x");
}

}  // namespace

void register_module_functions(FunctionRunner& runner) {
  SystemFunctions& functions = runner.system_functions();
  add_query(functions, "_system/cli/modules.js:apiSpec", "ViewData", api_spec, component_args());
  add_query(functions, "_system/frontend/modules.js:list", "ViewData", list_modules, component_args());
  add_query(functions, "_system/frontend/modules.js:listForAllComponents", "ViewData",
            list_for_all_components);
  add_query(functions, "_system/frontend/modules.js:argsValidator", "ViewData", args_validator_of,
            component_args({{"function", kString}}));
  add_query(functions, "_system/frontend/getVersion.js:default", "", version);
  add_query(functions, "_system/frontend/node.js:version", "ViewData", node_version);
}

}  // namespace hull::sys
