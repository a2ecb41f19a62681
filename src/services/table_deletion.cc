#include "services/table_deletion.h"

#include "database/transact.h"
#include "services/audit_log.h"

namespace hull {

Result<void> delete_tables(Engine& engine, const Knobs& knobs, const std::vector<std::string>& names) {
  auto done = transact(engine, knobs, "_system/delete_tables", [&](Transaction& transaction) -> Result<void> {
    transaction.depend_on_system_table("_tables");
    ValueBuilder metadata;
    metadata.begin_object();
    metadata.key("component_id").null();
    metadata.key("component").null();
    metadata.key("table_names").begin_array();
    for (const auto& name : names) {
      const TableInfo* table = transaction.catalog().table(name);
      if (!table || table->system)
        return Error::not_found("TableNotFound", "There is no table \"" + name + "\".");
      HULL_CHECK_OK(transaction.drop_table(name));
      metadata.string(name);
    }
    metadata.end().end();
    return append_audit_row(transaction, "delete_tables", metadata.finish());
  });
  if (!done.ok()) return std::move(done).error();
  return {};
}

}  // namespace hull
