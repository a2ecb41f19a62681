#include "functions/function_handles.h"

#include "functions/lookup.h"

namespace hull {

namespace {

constexpr std::string_view kTable = "_function_handles";
constexpr std::string_view kIndex = "by_component_and_path";
constexpr std::string_view kPrefix = "function://";

Error not_found() { return Error::bad_request("FunctionHandleNotFound", "Function handle not found"); }

Result<DocumentPtr> find_row(Transaction& transaction, std::string_view path) {
  return transaction.system_find(kTable, kIndex, {Value(), Value::string(path)});
}

bool is_deleted(const Document& row) {
  auto deleted = row.value->find("deletedTs");
  return deleted && !deleted->is_null();
}

Value row_of(std::string_view path, std::optional<int64_t> deleted_ns) {
  ValueBuilder row;
  row.begin_object();
  row.key("component").null();
  row.key("path").string(path);
  row.key("deletedTs");
  if (deleted_ns) {
    row.int64(*deleted_ns);
  } else {
    row.null();
  }
  return row.end().finish();
}

}  // namespace

Result<FunctionPath> resolve_function_handle(Transaction& transaction, std::string_view handle,
                                             std::string_view method) {
  if (!handle.starts_with(kPrefix)) {
    return Error::bad_request("InvalidFunctionHandle", "Invalid function handle " + std::string(handle));
  }
  std::string_view text = handle.substr(kPrefix.size());
  auto id = DocumentId::parse(text.substr(0, text.find('#')));
  if (!id.ok()) {
    return Error::bad_request("InvalidArgument",
                              argument_error("functionHandle", method, id.error().message));
  }
  const TableInfo* table = transaction.catalog().table(id->table);
  if (!table || table->name != kTable) return not_found();
  HULL_TRY(DocumentPtr row, transaction.system_get(*id));
  if (!row || is_deleted(*row)) return not_found();
  auto path = row->value->find("path");
  if (!path || !path->is_string()) return Error::internal("malformed _function_handles row");
  return FunctionPath::parse(path->as_string());
}

Result<std::string> create_function_handle(Transaction& transaction, std::string_view args_json) {
  HULL_TRY(OpArgs args, OpArgs::parse(args_json, "createFunctionHandle"));
  HULL_TRY(auto handle, args.optional_string("functionHandle"));
  if (handle) return json_string(*handle);
  HULL_TRY(FunctionPath path, args.address(transaction));
  HULL_TRY(DocumentPtr row, find_row(transaction, path.canonical()));
  if (!row || is_deleted(*row)) return not_found();
  return json_string(std::string(kPrefix) + row->id.text() + "#" + path.display());
}

Result<void> update_function_handles(Transaction& transaction, const std::set<std::string>& functions,
                                     const std::set<std::string>& before) {
  for (const std::string& path : functions) {
    HULL_TRY(DocumentPtr row, find_row(transaction, path));
    if (!row) {
      HULL_TRY([[maybe_unused]] DocumentId id, transaction.system_insert(kTable, row_of(path, std::nullopt)));
    } else if (is_deleted(*row)) {
      HULL_CHECK_OK(transaction.system_replace(row->id, row_of(path, std::nullopt)));
    }
  }
  for (const std::string& path : before) {
    if (functions.contains(path)) continue;
    HULL_TRY(DocumentPtr row, find_row(transaction, path));
    if (row && !is_deleted(*row)) {
      HULL_CHECK_OK(transaction.system_replace(
          row->id, row_of(path, static_cast<int64_t>(transaction.snapshot()->ts().ns))));
    }
  }
  return {};
}

}  // namespace hull
