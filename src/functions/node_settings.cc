#include "functions/node_settings.h"

#include "base/digest.h"

namespace hull {

namespace {

std::string text_field(ValueView row, std::string_view name) {
  auto field = row.find(name);
  return field && field->is_string() ? std::string(field->as_string()) : std::string();
}

}  // namespace

std::string NodeSettings::dependencies_key() const {
  std::string text;
  for (const NodeDependency& each : dependencies) {
    text += std::to_string(each.name.size()) + ":" + each.name;
    text += std::to_string(each.version.size()) + ":" + each.version;
  }
  return sha256_hex(text);
}

std::vector<NodeDependency> dependencies_of(ValueView row) {
  std::vector<NodeDependency> dependencies;
  auto list = row.find("dependencies");
  if (!list || !list->is_array()) return dependencies;
  for (size_t i = 0; i < list->count(); ++i) {
    if (!list->element(i).is_object()) continue;
    dependencies.push_back({text_field(list->element(i), "name"), text_field(list->element(i), "version")});
  }
  return dependencies;
}

NodeSettings node_settings_of(const Catalog& catalog) {
  NodeSettings settings;
  for (const DocumentPtr& row : catalog.system_rows("_source_packages")) {
    settings.version = text_field(row->value, "nodeVersion");
    std::string id = text_field(row->value, "externalPackageId");
    for (const DocumentPtr& packages : catalog.system_rows("_external_packages")) {
      if (packages->id.text() == id) settings.dependencies = dependencies_of(packages->value);
    }
  }
  return settings;
}

}  // namespace hull
