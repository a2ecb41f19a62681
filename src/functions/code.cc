#include "functions/code.h"

#include <spdlog/fmt/fmt.h>

#include "base/digest.h"

namespace hull {

namespace {

// Length-prefixed, so that no two different lists of texts make the same bytes.
void add(std::string& out, std::string_view text) {
  out += fmt::format("{}:", text.size());
  out += text;
}

std::string key_of_parts(const Code::Parts& parts) {
  std::string text;
  for (const auto& [path, module] : parts.modules) {
    add(text, path);
    add(text, module.sha256);
    add(text, module.environment);
  }
  add(text, "env");
  for (const auto& [name, value] : parts.env) {
    add(text, name);
    add(text, value);
  }
  add(text, parts.import_seed);
  add(text, fmt::format("{}", parts.import_time_ms));
  if (!parts.node.empty()) {
    add(text, parts.node.version);
    add(text, parts.node.dependencies_key());
  }
  return sha256_hex(text);
}

}  // namespace

std::shared_ptr<const Code> Code::make(Parts parts) {
  auto code = std::make_shared<Code>();
  code->key_ = key_of_parts(parts);
  code->modules_ = std::move(parts.modules);
  code->env_ = std::move(parts.env);
  code->import_seed_ = std::move(parts.import_seed);
  code->import_time_ms_ = parts.import_time_ms;
  code->node_ = std::move(parts.node);
  code->load_ = std::move(parts.load);
  return code;
}

const FunctionInfo* Code::find(const FunctionPath& path) const {
  auto module = modules_.find(path.module.text);
  if (module == modules_.end()) return nullptr;
  auto function = module->second.functions.find(path.name);
  return function == module->second.functions.end() ? nullptr : &function->second;
}

Result<std::string> Code::text(const std::string& path, ModuleText which) const {
  if (!modules_.contains(path)) return Error::not_found("ModuleNotFound", "No module " + path);
  return load_(path, which);
}

std::vector<std::string> Code::entries() const {
  std::vector<std::string> entries;
  for (const auto& [path, module] : modules_) {
    bool callable = !module.functions.empty() || path == "http.js";
    if (module.environment == "isolate" && callable) entries.push_back(path);
  }
  return entries;
}

}  // namespace hull
