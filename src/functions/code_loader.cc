#include "functions/code_loader.h"

#include <algorithm>
#include <set>

#include "functions/canonical_urls.h"
#include "value/json.h"

namespace hull {

namespace {

// The packages of one Code, opened when a text of theirs is first asked for and kept open with the Code.
class Packages {
 public:
  Packages(PackageShelf* shelf, const std::map<std::string, ModuleInfo>& modules) : shelf_(shelf) {
    for (const auto& [path, module] : modules) keys_[path] = module.package_key;
  }

  Result<std::string> text(const std::string& path, ModuleText which) {
    HULL_TRY(auto package, open(keys_.at(path)));
    const PackageEntry* entry = package->find(path);
    if (!entry) return Error::internal("source package " + keys_.at(path) + " lacks a module");
    return package->text(*entry, which);
  }

 private:
  Result<std::shared_ptr<const SourcePackage>> open(const std::string& key) {
    std::lock_guard lock(mutex_);
    auto& slot = open_[key];
    if (!slot) {
      HULL_TRY(slot, shelf_->open(key));
    }
    return slot;
  }

  PackageShelf* const shelf_;
  std::map<std::string, std::string> keys_;  // by module path
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const SourcePackage>> open_;
};

std::string text_field(ValueView row, std::string_view name) {
  auto field = row.find(name);
  return field && field->is_string() ? std::string(field->as_string()) : std::string();
}

Result<std::shared_ptr<const Validator>> parse_validator(std::string_view json) {
  if (json.empty() || json == "null") return std::shared_ptr<const Validator>();
  HULL_TRY(auto validator, Validator::parse(json));
  if (validator->accepts_everything()) return std::shared_ptr<const Validator>();
  return validator;
}

Result<FunctionInfo> parse_function(ValueView json) {
  FunctionInfo info;
  info.name = text_field(json, "name");
  info.udf_type = text_field(json, "udfType");
  if (auto visibility = json.find("visibility"); visibility && visibility->is_object()) {
    info.is_public = text_field(*visibility, "kind") != "internal";
  }
  HULL_TRY(info.args, parse_validator(text_field(json, "args")));
  HULL_TRY(info.returns, parse_validator(text_field(json, "returns")));
  return info;
}

Result<ModuleInfo> parse_module(ValueView row) {
  ModuleInfo module;
  module.path = text_field(row, "path");
  module.sha256 = text_field(row, "sha256");
  module.environment = text_field(row, "environment");
  module.package_key = text_field(row, "sourcePackageId");
  auto analysis = row.find("analyzeResult");
  auto functions = analysis ? analysis->find("functions") : std::nullopt;
  if (functions && functions->is_array()) {
    for (size_t i = 0; i < functions->count(); ++i) {
      HULL_TRY(FunctionInfo info, parse_function(functions->element(i)));
      std::string name = info.name;
      module.functions[name] = std::move(info);
    }
  }
  return module;
}

}  // namespace

std::shared_ptr<const Code> BlobCodeLoader::make(std::map<std::string, ModuleInfo> modules,
                                                 const std::map<std::string, std::string>& variables,
                                                 std::string import_seed, double import_time_ms,
                                                 NodeSettings node) {
  auto packages = std::make_shared<Packages>(&shelf_, modules);
  Code::Parts parts;
  parts.modules = std::move(modules);
  parts.env = system_env_;
  for (const auto& [name, value] : variables) parts.env[name] = value;
  parts.import_seed = std::move(import_seed);
  parts.import_seed.resize(32, '\0');
  parts.import_time_ms = import_time_ms;
  parts.node = std::move(node);
  parts.load = [packages](const std::string& path, ModuleText which) { return packages->text(path, which); };
  auto code = Code::make(std::move(parts));
  // The same content is the same object, so that comparing pointers or keys means the same.
  std::lock_guard lock(mutex_);
  std::erase_if(by_key_, [](const auto& entry) { return entry.second.expired(); });
  auto& slot = by_key_[code->key()];
  if (auto known = slot.lock()) return known;
  slot = code;
  return code;
}

Result<std::shared_ptr<const Code>> BlobCodeLoader::load(const Catalog& catalog) {
  Versions versions{catalog.version_of("_modules"), catalog.version_of("_udf_config"),
                    catalog.version_of("_environment_variables"), catalog.version_of("_canonical_urls"),
                    catalog.version_of("_source_packages")};
  {
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < recent_.size(); ++i) {
      if (recent_[i].versions != versions) continue;
      auto code = recent_[i].code;
      if (i > 0) std::rotate(recent_.begin(), recent_.begin() + i, recent_.begin() + i + 1);
      return code;
    }
  }

  std::map<std::string, ModuleInfo> modules;
  for (const DocumentPtr& row : catalog.system_rows("_modules")) {
    HULL_TRY(ModuleInfo module, parse_module(row->value));
    std::string path = module.path;
    modules[path] = std::move(module);
  }
  std::map<std::string, std::string> env = canonical_url_variables(catalog);
  for (const DocumentPtr& row : catalog.system_rows("_environment_variables")) {
    env[text_field(row->value, "name")] = text_field(row->value, "value");
  }
  std::string seed;
  double time_ms = 0;
  for (const DocumentPtr& row : catalog.system_rows("_udf_config")) {
    if (auto field = row->value->find("importPhaseRngSeed"); field && field->type() == ValueType::kBytes) {
      seed = field->as_string();
    }
    if (auto field = row->value->find("importPhaseUnixTimestamp"); field && field->is_int64()) {
      time_ms = static_cast<double>(field->as_int64() / 1000000);
    }
  }
  auto code = make(std::move(modules), env, std::move(seed), time_ms, node_settings_of(catalog));
  std::lock_guard lock(mutex_);
  recent_.push_front({versions, code});
  if (recent_.size() > kMaxRecent) recent_.pop_back();
  return code;
}

Result<std::shared_ptr<const Code>> BlobCodeLoader::assemble(
    const std::vector<ModuleInfo>& modules, const std::map<std::string, std::string>& variables,
    const std::string& import_seed, int64_t import_time_ns, const NodeSettings& node) {
  std::map<std::string, ModuleInfo> by_path;
  for (const ModuleInfo& module : modules) by_path[module.path] = module;
  return make(std::move(by_path), variables, import_seed, static_cast<double>(import_time_ns / 1000000),
              node);
}

std::vector<std::string> BlobCodeLoader::packages_in_use() {
  std::vector<std::shared_ptr<const Code>> codes;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [key, weak] : by_key_) {
      if (auto code = weak.lock()) codes.push_back(std::move(code));
    }
  }
  std::set<std::string> keys;
  for (const auto& code : codes) {
    for (const auto& [path, module] : code->modules()) keys.insert(module.package_key);
  }
  return {keys.begin(), keys.end()};
}

}  // namespace hull
