// User data as the CLI and the dashboard look at it. Names given by callers reach user tables and the virtual
// tables only.
#include "base/random.h"
#include "services/json_fields.h"
#include "services/system_areas.h"
#include "services/system_function_kit.h"
#include "value/json.h"

namespace hull::sys {
namespace {

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
  HULL_TRY(PageSpec page, page_spec(args));
  HULL_TRY(page.query,
           QuerySpec::parse("{\"source\":{\"type\":\"FullTableScan\",\"tableName\":" + json_string(*table) +
                                ",\"order\":" + json_string(json::text_or_empty(args, "order")) +
                                "},\"operators\":[]}",
                            "queryPage"));
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

// A counter of a progress row.
double counter(const DocumentPtr& row, std::string_view name) {
  auto field = row->value->find(name);
  return field && field->is_int64() ? static_cast<double>(field->as_int64()) : 0;
}

Result<void> put_backfill(ValueBuilder& b, Transaction& transaction, const IndexInfo& index) {
  b.key("backfill").begin_object();
  if (index.state == IndexState::kBackfilling) {
    b.key("state").string("backfilling");
    HULL_TRY(DocumentPtr row,
             transaction.system_find("_index_backfills", "by_index_id", {Value::int64(index.id.n)}));
    if (row) {
      b.key("stats").begin_object();
      b.key("numDocsIndexed").float64(counter(row, "numDocsIndexed"));
      b.key("totalDocs").float64(counter(row, "totalDocs"));
      b.end();
    }
  } else {
    b.key("state").string(index.state == IndexState::kEnabled ? "done" : "backfilled");
  }
  b.end();
  return {};
}

// A search or vector index: written down when it was pushed, so always done.
void put_other_index(ValueBuilder& b, Transaction& transaction, const OtherIndexInfo& index) {
  DocumentPtr row = transaction.catalog().system_row("_index", index.row.internal);
  auto config = row ? row->value->find("config") : std::nullopt;
  if (!config) return;
  b.begin_object();
  b.key("name").string(index.name);
  auto staged = config->find("staged");
  b.key("staged").boolean(staged && staged->is_bool() && staged->as_bool());
  b.key("fields").begin_object();
  for (const char* name : {"searchField", "vectorField", "filterFields"})
    if (auto field = config->find(name)) b.key(name).value(*field);
  if (auto dimensions = config->find("dimensions"); dimensions && dimensions->is_int64())
    b.key("dimensions").float64(static_cast<double>(dimensions->as_int64()));
  b.end();
  b.key("backfill").begin_object().key("state").string("done").end();
  b.end();
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
    HULL_CHECK_OK(put_backfill(b, transaction, *index));
    b.end();
  }
  for (const auto& index : table->other_indexes) put_other_index(b, transaction, index);
  b.end();
  return b.finish();
}

// How far the validation of the schema in progress is; null if none is being validated.
Result<Value> validation_progress(Transaction& transaction, ValueView) {
  transaction.depend_on_system_table("_schemas");
  const SchemaInfo* schema = transaction.catalog().in_progress_schema();
  if (!schema || schema->state != SchemaState::kPending) return Value();
  HULL_TRY(DocumentPtr row, transaction.system_find("_schema_validation_progress", "by_schema_id",
                                                    {Value::string(schema->row.text())}));
  ValueBuilder b;
  b.begin_object();
  b.key("numDocsValidated").float64(row ? counter(row, "numDocsValidated") : 0);
  b.key("totalDocs");
  if (row)
    b.float64(counter(row, "totalDocs"));
  else
    b.null();
  b.end();
  return b.finish();
}

}  // namespace

void register_table_functions(FunctionRunner& runner) {
  SystemFunctions& functions = runner.system_functions();
  add_query(functions, "_system/cli/tables.js:default", "ViewData", tables,
            args_validator({{"paginationOpts", kAny}}));
  add_page_query(functions, "_system/cli/tableData.js:default", "ViewData", table_data,
                 args_validator({{"table", kString}, {"order", kOrder}, {"paginationOpts", kAny}}));
  auto table_name = args_validator({{"tableName", kString}});
  auto table_name_in = component_args({{"tableName", kString}});
  add_query(functions, "_system/cli/tableSize.js:default", "ViewData", size_of, table_name);
  add_query(functions, "_system/cli/queryTable.js:default", "ViewData", query_table, table_name);
  add_query(functions, "_system/frontend/tableSize.js:default", "ViewData", size_of, table_name_in);
  add_query(functions, "_system/frontend/tableSize.js:sizeOfAllTables", "ViewData", size_of_all,
            component_args());
  add_query(functions, "_system/frontend/getTableMapping.js:default", "ViewData", table_mapping,
            component_args());
  add_query(functions, "_system/frontend/getSchemas.js:default", "ViewData", schemas, component_args());
  add_query(functions, "_system/frontend/getSchemas.js:schemaValidationProgress", "ViewData",
            validation_progress, component_args());
  add_query(functions, "_system/frontend/indexes.js:default", "ViewData", indexes,
            args_validator({{"tableName?", kNullableString}, {"tableNamespace", kNullableString}}));
}

}  // namespace hull::sys
