#include "deploy/node_rows.h"

#include "services/json_fields.h"

namespace hull {
namespace {

constexpr std::string_view kPackages = "_external_packages", kDeployed = "_source_packages";

}  // namespace

Result<std::string> record_external_packages(Transaction& transaction, const NodeSettings& settings) {
  if (settings.dependencies.empty()) return std::string();
  transaction.depend_on_system_table(kPackages);
  const std::string key = settings.dependencies_key();
  for (const auto& row : transaction.system_rows(kPackages))
    if (json::text_or_empty(row->value, "storageKey") == key) return row->id.text();
  ValueBuilder b;
  b.begin_object();
  b.key("storageKey").string(key);
  b.key("dependencies").begin_array();
  for (const auto& each : settings.dependencies)
    b.begin_object().key("name").string(each.name).key("version").string(each.version).end();
  b.end();
  b.end();
  HULL_TRY(auto id, transaction.system_insert(kPackages, b.finish()));
  return id.text();
}

Result<NodeSettings> pushed_node_settings(const Catalog& catalog, const std::string& version,
                                          const std::optional<DocumentId>& external_packages) {
  NodeSettings settings;
  settings.version = version;
  if (!external_packages) return settings;
  for (const auto& row : catalog.system_rows(kPackages)) {
    if (row->id != *external_packages) continue;
    settings.dependencies = dependencies_of(row->value);
    return settings;
  }
  return Error::bad_request("BadJsonBody", "unknown externalDepsId");
}

Result<NodeVersions> write_node_settings(Transaction& transaction, const std::string& version,
                                         const std::optional<DocumentId>& external_packages) {
  transaction.depend_on_system_table(kDeployed);
  HULL_TRY(auto next, pushed_node_settings(transaction.catalog(), version, external_packages));
  const NodeSettings current = node_settings_of(transaction.catalog());
  NodeVersions versions{current.version, next.version};
  if (current == next) return versions;
  ValueBuilder b;
  b.begin_object();
  b.key("externalPackageId");
  if (external_packages)
    b.string(external_packages->text());
  else
    b.null();
  b.key("nodeVersion");
  if (version.empty())
    b.null();
  else
    b.string(version);
  b.end();
  Value fields = b.finish();
  auto rows = transaction.system_rows(kDeployed);
  if (!rows.empty()) {
    HULL_CHECK_OK(transaction.system_replace(rows.front()->id, fields));
    return versions;
  }
  HULL_TRY(auto id, transaction.system_insert(kDeployed, fields));
  (void)id;
  return versions;
}

}  // namespace hull
