#include "services/audit_log.h"

namespace hull {

Result<void> append_audit_row(Transaction& transaction, std::string_view action, const Value& metadata) {
  ValueBuilder row;
  row.begin_object();
  row.key("action").string(action);
  row.key("member_id").null();
  row.key("metadata").value(metadata);
  row.end();
  auto id = transaction.system_insert("_deployment_audit_log", row.finish());
  if (!id.ok()) return std::move(id).error();
  return {};
}

}  // namespace hull
