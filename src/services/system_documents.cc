// What the dashboard changes in user tables (system-functions.md §2.2). Names and ids given by callers reach
// user tables only; every change is in the audit log.
#include <map>

#include "services/audit_log.h"
#include "services/document_filter.h"
#include "services/json_fields.h"
#include "services/system_areas.h"
#include "services/system_function_kit.h"
#include "value/json.h"

namespace hull::sys {
namespace {

constexpr size_t kMaxDocuments = 4096;
constexpr size_t kClearedPage = 4000;
constexpr size_t kClearedBytes = 3'000'000;

using Ids = std::vector<std::string>;

Value success() {
  ValueBuilder b;
  b.begin_object().key("success").boolean(true).end();
  return b.finish();
}

Value failure(std::string_view error) {
  ValueBuilder b;
  b.begin_object().key("success").boolean(false).key("error").string(error).end();
  return b.finish();
}

// As if the function had thrown a ConvexError of the text.
Error thrown(Error error) {
  if (error.is_deterministic()) error.data_json = json_string(error.message);
  return error;
}

Result<void> audit(Transaction& transaction, std::string_view action, const std::string& table,
                   const Ids* documents) {
  ValueBuilder b;
  b.begin_object();
  b.key("component_id").null();
  b.key("component").null();
  b.key("table").string(table);
  if (documents) {
    b.key("document_ids").begin_array();
    for (const auto& id : *documents) b.string(id);
    b.end();
  }
  b.end();
  return append_audit_row(transaction, action, b.finish());
}

Error no_user_table(const std::string& name) {
  return Error::bad_request("InvalidTableName", "\"" + name + "\" is not the name of a user table");
}

// The user table that a document's id belongs to; "" = none.
std::string table_of(Transaction& transaction, const std::string& id_text) {
  auto id = DocumentId::parse(id_text);
  const TableInfo* table = id.ok() ? transaction.catalog().table(id->table) : nullptr;
  return table && !table->system ? table->name : "";
}

Result<Value> create_table(Transaction& transaction, ValueView args) {
  std::string table = json::text_or_empty(args, "table");
  if (transaction.catalog().table(table)) return Value();
  HULL_CHECK_OK(transaction.ensure_table(table));
  HULL_CHECK_OK(audit(transaction, "create_table", table, nullptr));
  return Value();
}

Result<Value> add_documents(Transaction& transaction, ValueView args) {
  std::string table = json::text_or_empty(args, "table");
  ValueView documents = *args.find("documents");
  if (documents.count() > kMaxDocuments)
    return failure("Can’t import more than " + std::to_string(kMaxDocuments) + " documents at once.");
  if (table.starts_with('_')) return no_user_table(table);
  Ids ids;
  for (size_t i = 0; i < documents.count(); ++i) {
    auto id = transaction.insert(table, documents.element(i));
    if (!id.ok()) return thrown(std::move(id).error());
    ids.push_back(id->text());
  }
  HULL_CHECK_OK(audit(transaction, "add_documents", table, &ids));
  return success();
}

Result<Value> replace_document(Transaction& transaction, ValueView args) {
  std::string id = json::text_or_empty(args, "id");
  std::string table = table_of(transaction, id);
  if (table.empty()) return failure("Document does not exist.");
  HULL_TRY(DocumentPtr current, transaction.get(id, false, table));
  if (!current) return failure("Document does not exist.");
  auto replaced = transaction.replace(id, *args.find("document"), std::nullopt);
  if (!replaced.ok()) return thrown(std::move(replaced).error());
  Ids ids{id};
  HULL_CHECK_OK(audit(transaction, "update_documents", table, &ids));
  return success();
}

// The patch that `fields` stands for: a placeholder removes its field.
Value patch_of(ValueView fields) {
  ValueBuilder b;
  b.begin_object();
  for (size_t i = 0; i < fields.count(); ++i) {
    auto [name, value] = fields.field(i);
    b.key(name);
    if (value.is_string() && value.as_string() == kUndefinedPlaceholder)
      b.undefined();
    else
      b.value(value);
  }
  b.end();
  return b.finish();
}

Result<Ids> all_ids(Transaction& transaction, const std::string& table) {
  HULL_TRY(auto spec, QuerySpec::parse("{\"source\":{\"type\":\"FullTableScan\",\"tableName\":" +
                                           json_string(table) + ",\"order\":\"asc\"},\"operators\":[]}",
                                       "queryStream"));
  HULL_TRY(auto stream, transaction.query(spec, false));
  Ids ids;
  while (true) {
    HULL_TRY(DocumentPtr document, stream->next());
    if (!document) return ids;
    ids.push_back(document->id.text());
  }
}

Result<Value> patch_fields(Transaction& transaction, ValueView args) {
  std::string table = json::text_or_empty(args, "table");
  if (table.starts_with('_')) return no_user_table(table);
  ValueView fields = *args.find("fields");
  if (!fields.is_object()) return thrown(Error::bad_request("InvalidArgument", "fields must be an object"));
  Ids ids;
  if (auto list = args.find("ids")) {
    for (size_t i = 0; i < list->count(); ++i) ids.emplace_back(list->element(i).as_string());
  } else {
    HULL_TRY(ids, all_ids(transaction, table));
  }
  Value patch = patch_of(fields);
  for (const auto& id : ids) {
    auto patched = transaction.patch(id, patch, table);
    if (!patched.ok()) return thrown(std::move(patched).error());
  }
  HULL_CHECK_OK(audit(transaction, "update_documents", table, &ids));
  return success();
}

Result<Value> delete_documents(Transaction& transaction, ValueView args) {
  ValueView list = *args.find("toDelete");
  if (list.count() > kMaxDocuments)
    return failure("You can't delete more than " + std::to_string(kMaxDocuments) +
                   ". Try selecting fewer documents instead..");
  std::map<std::string, Ids> by_table;
  for (size_t i = 0; i < list.count(); ++i) {
    std::string table = json::text_or_empty(list.element(i), "tableName");
    std::string id = json::text_or_empty(list.element(i), "id");
    if (table.starts_with('_')) return no_user_table(table);
    HULL_CHECK_OK(transaction.remove(id, table));
    by_table[table].push_back(std::move(id));
  }
  for (const auto& [table, ids] : by_table)
    HULL_CHECK_OK(audit(transaction, "delete_documents", table, &ids));
  return success();
}

Result<Value> clear_table_page(Transaction& transaction, ValueView args) {
  std::string table = json::text_or_empty(args, "tableName");
  if (table.starts_with('_')) return no_user_table(table);
  PageSpec spec;
  HULL_TRY(spec.query, QuerySpec::parse("{\"source\":{\"type\":\"FullTableScan\",\"tableName\":" +
                                            json_string(table) + ",\"order\":\"asc\"},\"operators\":[]}",
                                        "queryPage"));
  if (auto cursor = json::optional_field(args, "cursor")) spec.cursor = std::string(cursor->as_string());
  spec.page_size = kClearedPage;
  spec.maximum_bytes_read = kClearedBytes;
  HULL_TRY(Page page, transaction.paginate(spec, std::nullopt));
  Ids ids;
  for (const auto& document : page.documents) {
    ids.push_back(document->id.text());
    HULL_CHECK_OK(transaction.remove(ids.back(), table));
  }
  if (!ids.empty()) HULL_CHECK_OK(audit(transaction, "delete_documents", table, &ids));
  ValueBuilder b;
  b.begin_object();
  b.key("deleted").float64(static_cast<double>(ids.size()));
  b.key("hasMore").boolean(!page.is_done);
  b.key("continueCursor").string(page.continue_cursor);
  b.end();
  return b.finish();
}

constexpr std::string_view kArray = R"({"type":"array","value":{"type":"any"}})";
constexpr std::string_view kDocuments =
    R"({"type":"array","value":{"type":"object","value":{"id":{"fieldType":{"type":"string"},"optional":false},)"
    R"("tableName":{"fieldType":{"type":"string"},"optional":false}}}})";

}  // namespace

void register_document_functions(FunctionRunner& runner) {
  SystemFunctions& functions = runner.system_functions();
  auto add = [&functions](const std::string& name, Handler handler, ArgFields fields) {
    add_mutation(functions, "_system/frontend/" + name + ".js:default", "WriteData", std::move(handler),
                 component_args(std::move(fields)));
  };
  add("createTable", create_table, {{"table", kString}});
  add("addDocument", add_documents, {{"table", kString}, {"documents", kArray}});
  add("replaceDocument", replace_document, {{"id", kString}, {"document", kAny}});
  add("patchDocumentsFields", patch_fields, {{"table", kString}, {"fields", kAny}, {"ids?", kStrings}});
  add("deleteDocuments", delete_documents, {{"toDelete", kDocuments}});
  add("clearTablePage", clear_table_page, {{"tableName", kString}, {"cursor", kNullableString}});
}

}  // namespace hull::sys
