#include "services/log_stream_rows.h"

#include "database/transact.h"
#include "services/audit_log.h"
#include "services/json_fields.h"
#include "services/log_stream_config.h"

namespace hull {
namespace {

constexpr std::string_view kTable = "_log_sinks";

Value row_of(const Value& config, ValueView status) {
  ValueBuilder b;
  b.begin_object();
  b.key("config").value(config);
  b.key("status").value(status);
  b.key("version").string("2");
  b.end();
  return b.finish();
}

Value pending() {
  ValueBuilder b;
  b.begin_object().key("type").string("pending").end();
  return b.finish();
}

Result<void> audit(Transaction& transaction, std::string_view action, const std::string& id,
                   ValueView config) {
  ValueBuilder metadata;
  metadata.begin_object();
  metadata.key("id").string(id);
  metadata.key("type").string(log_stream_type(config));
  metadata.end();
  return append_audit_row(transaction, action, metadata.finish());
}

Result<DocumentPtr> find_row(const std::vector<DocumentPtr>& rows, const std::string& id) {
  for (const DocumentPtr& row : rows) {
    if (row->id.text() == id && row->value->find("config")) return row;
  }
  return Error::not_found("LogStreamDoesntExist",
                          "No log stream with the given id " + id + " exists for this deployment.");
}

// Replaces the config of a stream by what `change` makes of it. `verify`: the receiver has to prove itself
// again.
Result<ChangedLogStream> change_config(FunctionRunner& runner, const Knobs& knobs, const std::string& id,
                                       bool verify,
                                       const std::function<Result<Value>(ValueView config)>& change) {
  ChangedLogStream out{id, Value()};
  auto done = transact(runner.engine(), knobs, "_system/update_log_stream",
                       [&](Transaction& transaction) -> Result<void> {
                         HULL_TRY(DocumentPtr row, find_row(transaction.system_rows(kTable), id));
                         HULL_TRY(out.config, change(*row->value->find("config")));
                         Value status = verify ? pending() : Value::copy_of(*row->value->find("status"));
                         HULL_CHECK_OK(transaction.system_replace(row->id, row_of(out.config, status)));
                         return audit(transaction, "update_integration", id, out.config);
                       });
  if (!done.ok()) return std::move(done).error();
  return out;
}

}  // namespace

Result<DocumentPtr> find_log_stream(const Catalog& catalog, const std::string& id) {
  return find_row(catalog.system_rows(kTable), id);
}

Result<ChangedLogStream> create_log_stream(FunctionRunner& runner, const Knobs& knobs, ValueView body) {
  ChangedLogStream out;
  HULL_TRY(out.config, new_log_stream_config(body));
  const std::string type = log_stream_type(out.config);
  auto done = transact(
      runner.engine(), knobs, "_system/create_log_stream", [&](Transaction& transaction) -> Result<void> {
        for (const DocumentPtr& row : transaction.system_rows(kTable)) {
          auto config = row->value->find("config");
          if (!config || log_stream_type(*config) != type) continue;
          return Error{ErrorKind::kConflict, "LogStreamAlreadyExists",
                       "A log stream of type '" + type + "' already exists for this deployment."};
        }
        HULL_TRY(DocumentId id, transaction.system_insert(kTable, row_of(out.config, pending())));
        out.id = id.text();
        return audit(transaction, "create_integration", out.id, out.config);
      });
  if (!done.ok()) return std::move(done).error();
  return out;
}

Result<ChangedLogStream> update_log_stream(FunctionRunner& runner, const Knobs& knobs, const std::string& id,
                                           ValueView body) {
  return change_config(runner, knobs, id, true,
                       [&](ValueView config) { return updated_log_stream_config(config, body); });
}

Result<ChangedLogStream> rotate_log_stream_secret(FunctionRunner& runner, const Knobs& knobs,
                                                  const std::string& id) {
  return change_config(runner, knobs, id, false, rotated_log_stream_config);
}

Result<void> delete_log_stream(FunctionRunner& runner, const Knobs& knobs, const std::string& id) {
  auto done = transact(runner.engine(), knobs, "_system/delete_log_stream",
                       [&](Transaction& transaction) -> Result<void> {
                         HULL_TRY(DocumentPtr row, find_row(transaction.system_rows(kTable), id));
                         HULL_CHECK_OK(transaction.system_remove(row->id));
                         return audit(transaction, "delete_integration", id, *row->value->find("config"));
                       });
  if (!done.ok()) return std::move(done).error();
  return {};
}

}  // namespace hull
