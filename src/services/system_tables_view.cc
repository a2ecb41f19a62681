// User data as the CLI and the dashboard look at it. Names given by callers reach user tables and the virtual
// tables only.
#include "base/random.h"
#include "services/json_fields.h"
#include "services/system_areas.h"
#include "services/system_function_kit.h"
#include "value/json.h"

namespace hull::sys {
namespace {

constexpr size_t kMaxRowsRead = 10000;
constexpr size_t kMaxBytesRead = 5'000'000;
constexpr size_t kMaxPageItems = 10000;

// The table behind a caller's name; nullopt: it must look like a table that does not exist.
std::optional<std::string> reachable_table(const std::string& name) {
  if (!name.starts_with('_')) return name.empty() ? std::nullopt : std::optional<std::string>(name);
  return system_table_of_virtual(name) ? std::optional<std::string>(name) : std::nullopt;
}

Result<size_t> table_size(Transaction& transaction, const std::string& name) {
  auto table = reachable_table(name);
  if (!table) return size_t{0};
  return transaction.count(*table);
}

Result<Value> tables(Transaction& transaction, ValueView) {
  transaction.depend_on_system_table("_tables");
  ValueBuilder b;
  b.begin_object();
  b.key("page").begin_array();
  for (const auto& [name, table] : transaction.catalog().tables())
    if (!table->system) b.begin_object().key("name").string(name).end();
  b.end();
  b.key("isDone").boolean(true);
  b.key("continueCursor").string("end");
  b.end();
  return b.finish();
}

Result<Value> table_data(Transaction& transaction, ValueView args,
                         std::optional<std::string_view> journal_end) {
  auto table = reachable_table(json::text_or_empty(args, "table"));
  if (!table) return empty_page();
  auto options = args.find("paginationOpts");
  if (!options || !options->is_object())
    return Error::bad_request("InvalidArgument", "paginationOpts must be an object");
  PageSpec page;
  HULL_TRY(page.query,
           QuerySpec::parse("{\"source\":{\"type\":\"FullTableScan\",\"tableName\":" + json_string(*table) +
                                ",\"order\":" + json_string(json::text_or_empty(args, "order")) +
                                "},\"operators\":[]}",
                            "queryPage"));
  auto text = [&](std::string_view name) -> std::optional<std::string> {
    auto field = json::optional_field(*options, name);
    return field && field->is_string() ? std::optional<std::string>(field->as_string()) : std::nullopt;
  };
  page.cursor = text("cursor");
  page.end_cursor = text("endCursor");
  auto items = json::optional_field(*options, "numItems");
  double wanted = items && items->is_float64() ? items->as_float64() : 0;
  page.page_size = wanted >= 1 ? std::min(static_cast<size_t>(wanted), kMaxPageItems) : 1;
  page.maximum_rows_read = kMaxRowsRead;
  page.maximum_bytes_read = kMaxBytesRead;
  HULL_TRY(auto result, transaction.paginate(page, journal_end));
  return page_value(result);
}

Result<Value> table_mapping(Transaction& transaction, ValueView) {
  transaction.depend_on_system_table("_tables");
  ValueBuilder b;
  b.begin_object();
  for (const auto& [name, table] : transaction.catalog().tables())
    if (!table->system || virtual_table_name(name)) b.key(std::to_string(table->number)).string(name);
  b.end();
  return b.finish();
}

Result<Value> schemas(Transaction& transaction, ValueView) {
  transaction.depend_on_system_table("_schemas");
  ValueBuilder b;
  b.begin_object();
  if (auto active = transaction.catalog().active_schema()) b.key("active").string(active->schema->json());
  if (auto next = transaction.catalog().in_progress_schema())
    b.key("inProgress").string(next->schema->json());
  b.end();
  return b.finish();
}

Result<Value> size_of(Transaction& transaction, ValueView args) {
  HULL_TRY(size_t size, table_size(transaction, json::text_or_empty(args, "tableName")));
  return Value::float64(static_cast<double>(size));
}

Result<Value> size_of_all(Transaction& transaction, ValueView) {
  transaction.depend_on_system_table("_tables");
  std::vector<std::string> names;
  for (const auto& [name, table] : transaction.catalog().tables())
    if (!table->system) names.push_back(name);
  size_t total = 0;
  for (const auto& name : names) {
    HULL_TRY(size_t size, transaction.count(name));
    total += size;
  }
  return Value::float64(static_cast<double>(total));
}

// Reads the whole table; a new random number each time tells the CLI that something in it changed.
Result<Value> query_table(Transaction& transaction, ValueView args) {
  HULL_CHECK_OK(table_size(transaction, json::text_or_empty(args, "tableName")));
  return Value::float64(static_cast<double>(random_u64() >> 11) / 9007199254740992.0);
}

// User-declared indexes of a table with how far they are.
Result<Value> indexes(Transaction& transaction, ValueView args) {
  transaction.depend_on_system_table("_index");
  transaction.depend_on_system_table("_tables");
  const TableInfo* table = transaction.catalog().table(json::text_or_empty(args, "tableName"));
  if (!table || table->system) return Value();
  ValueBuilder b;
  b.begin_array();
  for (const auto& index : table->indexes) {
    if (index->name == "by_id" || index->name == "by_creation_time") continue;
    b.begin_object();
    b.key("name").string(index->name);
    b.key("staged").boolean(index->staged);
    b.key("fields").begin_array();
    for (const auto& field : index->fields)
      if (field != "_creationTime") b.string(field);
    b.end();
    const char* state = index->state == IndexState::kEnabled      ? "done"
                        : index->state == IndexState::kBackfilled ? "backfilled"
                                                                  : "backfilling";
    b.key("backfill").begin_object().key("state").string(state).end();
    b.end();
  }
  b.end();
  return b.finish();
}

}  // namespace

void register_table_functions(FunctionRunner& runner) {
  SystemFunctions& functions = runner.system_functions();
  add_query(functions, "_system/cli/tables.js:default", "ViewData", tables,
            args_validator({{"paginationOpts", kAny}}));
  SystemFunction data;
  data.operation = "ViewData";
  data.args = args_validator({{"table", kString}, {"order", kOrder}, {"paginationOpts", kAny}});
  data.run = [](Transaction& transaction, ValueView args, std::optional<std::string_view> journal_end) {
    return table_data(transaction, args, journal_end);
  };
  functions.add("_system/cli/tableData.js:default", std::move(data));
  auto table_name = args_validator({{"tableName", kString}});
  auto table_name_in = args_validator({{"tableName", kString}, {"componentId?", kNullableString}});
  add_query(functions, "_system/cli/tableSize.js:default", "ViewData", size_of, table_name);
  add_query(functions, "_system/cli/queryTable.js:default", "ViewData", query_table, table_name);
  add_query(functions, "_system/frontend/tableSize.js:default", "ViewData", size_of, table_name_in);
  add_query(functions, "_system/frontend/tableSize.js:sizeOfAllTables", "ViewData", size_of_all,
            component_args());
  add_query(functions, "_system/frontend/getTableMapping.js:default", "ViewData", table_mapping,
            component_args());
  add_query(functions, "_system/frontend/getSchemas.js:default", "ViewData", schemas, component_args());
  add_query(functions, "_system/frontend/indexes.js:default", "ViewData", indexes,
            args_validator({{"tableName?", kNullableString}, {"tableNamespace", kNullableString}}));
}

}  // namespace hull::sys
