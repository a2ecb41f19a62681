#include "services/component_reference.h"

namespace hull {

Result<void> check_component(const Catalog& catalog, std::string_view id) {
  if (id.empty()) return {};
  auto parsed = DocumentId::parse(id);
  if (!parsed.ok())
    return Error::bad_request("InvalidComponentId", "Invalid component ID " + std::string(id));
  const TableInfo* table = catalog.table(parsed->table);
  if (!table || table->name != "_components" || !catalog.system_row("_components", parsed->internal))
    return Error::not_found("ComponentNotFound", "Component with ID " + std::string(id) + " not found");
  return {};
}

}  // namespace hull
