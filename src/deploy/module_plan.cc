#include <map>

#include "deploy/analysis_json.h"
#include "deploy/finish.h"
#include "deploy/source_package.h"
#include "services/json_fields.h"
#include "value/names.h"

namespace hull {
namespace {

bool shown(const std::string& path) {
  ModulePath module{path};
  return !module.is_deps() && !module.is_system();
}

Value module_row(const ModuleInfo& info, ValueView analysis) {
  ValueBuilder b;
  b.begin_object();
  b.key("path").string(info.path);
  b.key("environment").string(info.environment);
  b.key("sha256").string(info.sha256);
  b.key("sourcePackageId").string(info.package_key);
  b.key("analyzeResult").value(analysis);
  b.end();
  return b.finish();
}

bool same_module(ValueView row, const ModuleInfo& info, ValueView analysis) {
  auto stored = row.find("analyzeResult");
  return json::text_or_empty(row, "sha256") == info.sha256 &&
         json::text_or_empty(row, "environment") == info.environment && stored && equal(*stored, analysis);
}

}  // namespace

Result<ModulePlan> plan_modules(const Catalog& catalog, const FinishRequest& request) {
  std::map<std::string, DocumentPtr> rows;
  for (const auto& row : catalog.system_rows("_modules")) rows[json::text_or_empty(row->value, "path")] = row;
  ModulePlan plan;
  for (const auto& module : request.modules) {
    ModuleInfo info;
    info.path = module.path;
    info.environment = module.environment;
    info.sha256 = module.sha256;
    info.package_key = module.package_key;
    Value analysis;
    if (auto it = request.functions.find(module.path); it != request.functions.end()) {
      analysis = it->second;
      HULL_TRY(info.functions, functions_of(analysis));
    }
    auto row = rows.find(module.path);
    if (row == rows.end()) {
      plan.changes.push_back({std::nullopt, module_row(info, analysis)});
      if (shown(info.path)) plan.diff.added.push_back(info.path);
    } else {
      // A row that stays keeps its package, so that what was read through it stays valid.
      if (same_module(row->second->value, info, analysis))
        info.package_key = json::text_or_empty(row->second->value, "sourcePackageId");
      else
        plan.changes.push_back({row->second->id, module_row(info, analysis)});
      rows.erase(row);
    }
    plan.code.push_back(std::move(info));
  }
  for (const auto& [path, row] : rows) {
    plan.removed.push_back(row->id);
    if (shown(path)) plan.diff.removed.push_back(path);
  }
  return plan;
}

}  // namespace hull
