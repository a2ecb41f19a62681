// Looking at documents one by one, by id and through filters (system-functions.md §2.2, §2.3).
#include "services/document_filter.h"
#include "services/json_fields.h"
#include "services/system_areas.h"
#include "services/system_function_kit.h"
#include "value/json.h"

namespace hull::sys {
namespace {

constexpr size_t kMaxScanned = 10000;

Value problem_page(const std::vector<DocumentFilter::Problem>& problems) {
  ValueBuilder b;
  b.begin_object();
  b.key("page").begin_array();
  for (const auto& problem : problems) {
    b.begin_object();
    b.key("filter").float64(problem.clause);
    b.key("error").string(problem.text);
    b.end();
  }
  b.end();
  b.key("isDone").boolean(true);
  b.key("continueCursor").string("");
  b.end();
  return b.finish();
}

// A document of a user or virtual table; null if there is none or the id is of another kind. `table`: "" =
// any.
Result<DocumentPtr> find_document(Transaction& transaction, const std::string& id_text,
                                  const std::string& table) {
  auto id = DocumentId::parse(id_text);
  if (!id.ok()) return DocumentPtr();
  transaction.depend_on_system_table("_tables");
  const TableInfo* info = transaction.catalog().table(id->table);
  if (!info || (info->system && !virtual_table_name(info->name))) return DocumentPtr();
  if (!table.empty() && info->name != table && virtual_table_name(info->name).value_or(info->name) != table)
    return DocumentPtr();
  return transaction.get(id_text, info->system, std::nullopt);
}

const TableDef* definition_of(Transaction& transaction, const std::string& table) {
  transaction.depend_on_system_table("_schemas");
  const SchemaInfo* active = transaction.catalog().active_schema();
  if (!active) return nullptr;
  auto it = active->schema->tables.find(table);
  return it == active->schema->tables.end() ? nullptr : &it->second;
}

Result<Value> filtered_page(Transaction& transaction, ValueView args,
                            std::optional<std::string_view> journal_end) {
  std::string name = json::text_or_empty(args, "table");
  HULL_TRY(auto filter, DocumentFilter::parse(json::text_or_empty(args, "filters"), name,
                                              definition_of(transaction, name)));
  if (!filter.problems.empty()) return problem_page(filter.problems);
  transaction.depend_on_system_table("_tables");
  auto table = reachable_table(name);
  if (!table || (!system_table_of_virtual(*table) && !transaction.catalog().table(*table)))
    return empty_page();
  Page page;
  if (filter.id) {
    HULL_TRY(DocumentPtr document, find_document(transaction, *filter.id, name));
    if (document) page.documents.push_back(std::move(document));
    page.is_done = true;
    return page_value(page);
  }
  HULL_TRY(PageSpec spec, page_spec(args));
  HULL_TRY(spec.query, QuerySpec::parse(filter.query_json, "queryPage"));
  spec.query.table = *table;
  HULL_TRY(page, transaction.paginate(spec, journal_end));
  std::erase_if(page.documents, [&](const DocumentPtr& document) { return !filter.passes(document->value); });
  return page_value(page);
}

Result<Value> list_by_id(Transaction& transaction, ValueView args) {
  ValueView ids = *args.find("ids");
  ValueBuilder b;
  b.begin_array();
  for (size_t i = 0; i < ids.count(); ++i) {
    HULL_TRY(DocumentPtr document, find_document(transaction, json::text_or_empty(ids.element(i), "id"),
                                                 json::text_or_empty(ids.element(i), "tableName")));
    if (document)
      b.value(document->value);
    else
      b.null();
  }
  b.end();
  return b.finish();
}

Result<Value> get_by_id(Transaction& transaction, ValueView args) {
  HULL_TRY(DocumentPtr document, find_document(transaction, json::text_or_empty(args, "id"), ""));
  return document ? Value::copy_of(document->value) : Value();
}

Result<Value> table_scan(Transaction& transaction, ValueView args) {
  ValueBuilder b;
  b.begin_array();
  auto table = reachable_table(json::text_or_empty(args, "table"));
  const double limit = args.find("limit")->as_float64();
  if (table && limit >= 1) {
    PageSpec spec;
    HULL_TRY(spec.query, QuerySpec::parse("{\"source\":{\"type\":\"FullTableScan\",\"tableName\":" +
                                              json_string(*table) + ",\"order\":\"desc\"},\"operators\":[]}",
                                          "queryPage"));
    spec.page_size = static_cast<size_t>(std::min(limit, static_cast<double>(kMaxScanned)));
    HULL_TRY(Page page, transaction.paginate(spec, std::nullopt));
    for (const auto& document : page.documents) b.value(document->value);
  }
  b.end();
  return b.finish();
}

constexpr std::string_view kIds =
    R"({"type":"array","value":{"type":"object","value":{"id":{"fieldType":{"type":"string"},"optional":false},)"
    R"("tableName":{"fieldType":{"type":"string"},"optional":false}}}})";

}  // namespace

void register_browse_functions(FunctionRunner& runner) {
  SystemFunctions& functions = runner.system_functions();
  add_page_query(
      functions, "_system/frontend/paginatedTableDocuments.js:default", "ViewData", filtered_page,
      component_args({{"paginationOpts", kAny}, {"table", kString}, {"filters", kNullableString}}));
  add_query(functions, "_system/frontend/listById.js:default", "ViewData", list_by_id,
            component_args({{"ids", kIds}}));
  add_query(functions, "_system/frontend/getById.js:default", "ViewData", get_by_id,
            component_args({{"id", kString}}));
  add_query(functions, "_system/frontend/listTableScan.js:default", "ViewData", table_scan,
            component_args({{"table", kString}, {"limit", kNumber}}));
}

}  // namespace hull::sys
