// Browsing and changing user tables, filters and the audit log (system-functions.md §2.2-§2.4).
#include <future>

#include "base/encoding.h"
#include "deploy/push_fixture.h"
#include "services/document_filter.h"
#include "services/system_functions.h"
#include "services/table_deletion.h"
#include "services/table_shapes.h"

namespace hull {
namespace {

using testing::kByBody;
using testing::messages_table;
using testing::PushTest;
using testing::schema_of;

class SystemDocumentsTest : public PushTest {
 protected:
  void SetUp() override {
    PushTest::SetUp();
    register_system_functions(*runner_);
  }
  // The result as Convex JSON, or "code: message". A mutation is committed if it succeeds.
  std::string call(const std::string& name, const std::string& args = "{}") {
    const SystemFunction* function = runner_->system_functions().find("_system/frontend/" + name);
    if (!function) return "no such function";
    Value parsed = *parse_convex_json(args);
    EXPECT_EQ(function->args->check(parsed, TableNameResolver{}).value_or(""), "") << name;
    const bool writable = function->type == UdfType::kMutation;
    auto options = system_transaction_options(knobs_, writable);
    options.cursors = {&secret_, "happy-animal"};
    Transaction transaction(engine_->snapshot(), options);
    auto value = function->run(transaction, parsed, std::nullopt);
    if (!value.ok()) return value.error().code + ": " + value.error().message;
    if (transaction.has_writes()) commit(transaction);
    return to_json(*value);
  }
  void commit(Transaction& transaction) {
    std::promise<Timestamp> committed;
    engine_->submit(transaction.commit_request("test"),
                    [&](CommitOutcome outcome) { committed.set_value(outcome.ts.value_or(Timestamp{})); });
    Timestamp ts = committed.get_future().get();
    ASSERT_GT(ts.ns, 0);
    std::promise<void> published;
    engine_->when_published(ts, [&] { published.set_value(); });
    published.get_future().get();
  }
  static std::string with_filters(const std::string& table, const std::string& filters,
                                  const std::string& cursor = "null") {
    return "{\"table\":" + json_string(table) +
           ",\"filters\":" + (filters.empty() ? "null" : json_string(base64url_encode(filters))) +
           ",\"paginationOpts\":{\"cursor\":" + cursor + ",\"numItems\":10}}";
  }
  // The field `n` of each document of a page, or the texts of its problems.
  std::string found(const std::string& filters, const std::string& table = "notes") {
    auto answer = call("paginatedTableDocuments.js:default", with_filters(table, filters));
    auto page = parse_convex_json(answer);
    if (!page.ok()) return answer;
    std::string out;
    ValueView list = *page->view().find("page");
    for (size_t i = 0; i < list.count(); ++i) {
      ValueView entry = list.element(i);
      out += (out.empty() ? "" : " ");
      out += entry.find("_id")
                 ? to_json(*entry.find("n"))
                 : to_json(*entry.find("filter")) + ": " + std::string(entry.find("error")->as_string());
    }
    return out;
  }
  std::string id_of(const std::string& table, size_t at = 0) {
    Value list =
        *parse_convex_json(call("listTableScan.js:default", "{\"table\":\"" + table + "\",\"limit\":100}"));
    return std::string(list->element(list->count() - 1 - at).find("_id")->as_string());
  }
  std::string actions() {
    Value list =
        *parse_convex_json(call("listDeploymentEventsFromTime.js:default", R"({"fromTimestamp":0})"));
    std::string out;
    for (size_t i = 0; i < list->count(); ++i)
      out += std::string(list->element(i).find("action")->as_string()) + " ";
    return out;
  }
};

TEST_F(SystemDocumentsTest, FiltersFindWhatTheySay) {
  for (const char* document :
       {R"({"n":1,"s":"a"})", R"({"n":2,"s":"b","o":{"x":5}})", R"({"n":3})", R"({"n":4,"s":null})"})
    insert("notes", document);
  const std::string undefined = json_string(kUndefinedPlaceholder);
  const struct {
    std::string filters, found;
  } cases[] = {
      {"", "4 3 2 1"},
      {R"({"clauses":[],"order":"asc"})", "1 2 3 4"},
      {R"({"clauses":[{"op":"eq","field":"n","value":2}]})", "2"},
      {R"({"clauses":[{"op":"neq","field":"n","value":2}]})", "4 3 1"},
      {R"({"clauses":[{"op":"gt","field":"n","value":1},{"op":"lte","field":"n","value":3}]})", "3 2"},
      {R"({"clauses":[{"op":"gt","field":"n","value":1,"enabled":false}]})", "4 3 2 1"},
      {R"({"clauses":[{"op":"anyOf","field":"s","value":["a","b"]}]})", "2 1"},
      {R"({"clauses":[{"op":"anyOf","field":"s","value":[]}]})", "4 3 2 1"},
      {R"({"clauses":[{"op":"noneOf","field":"s","value":["a","b"]}]})", "4 3"},
      {R"({"clauses":[{"op":"eq","field":"o.x","value":5}]})", "2"},
      {R"({"clauses":[{"op":"eq","field":"s","value":)" + undefined + "}]}", "3"},
      {R"({"clauses":[{"op":"type","field":"s","value":"string"}]})", "2 1"},
      {R"({"clauses":[{"op":"notype","field":"s","value":"string"}]})", "4 3"},
      {R"({"clauses":[{"op":"type","field":"s","value":"unset"}]})", "3"},
      {R"({"clauses":[{"op":"type","field":"s","value":"null"}]})", "4"},
      {R"({"clauses":[{"op":"type","field":"o","value":"object"}]})", "2"},
      {R"({"clauses":[{"op":"type","field":"_id","value":"id"}]})", "4 3 2 1"},
      {R"({"clauses":[{"op":"type","field":"n","value":"number"}]})", "4 3 2 1"},
      {R"({"clauses":[{"op":"eq","field":"n","value":{"$integer":"x"}},{"op":"eq","field":"n","value":2}]})",
       R"(0: Invalid value: {"$integer":"x"}.)"},
      {R"({"clauses":[{"op":"like","field":"n"}]})", "InvalidFilters: Invalid filters: unknown op \"like\""},
      {R"({"clauses":5})", "BadJsonBody: invalid type of field `clauses`: expected an array"},
  };
  for (const auto& each : cases) EXPECT_EQ(found(each.filters), each.found) << each.filters;
  EXPECT_EQ(found(R"({"clauses":[{"op":"eq","field":"_id","value":")" + id_of("notes", 1) + "\"}]}"), "2");
  EXPECT_EQ(found(R"({"clauses":[{"op":"eq","field":"_id","value":"none"}]})"), "");
  EXPECT_EQ(found("", "_environment_variables"), "");
  EXPECT_EQ(found("", "unknown"), "");
  EXPECT_TRUE(call("paginatedTableDocuments.js:default",
                   R"({"table":"notes","filters":"@","paginationOpts":{"cursor":null,"numItems":1}})")
                  .starts_with("InvalidFilters: "));
}

TEST_F(SystemDocumentsTest, FiltersUseIndexes) {
  push(
      {{},
       {},
       schema_of(
           R"({"tableName":"notes","indexes":[{"indexDescriptor":"by_s_n","fields":["s","n"]}],"searchIndexes":[)"
           R"({"indexDescriptor":"text","searchField":"s","filterFields":["n"]}],"documentType":{"type":"any"}})",
           false)});
  for (const char* document : {R"({"n":1,"s":"a"})", R"({"n":2,"s":"a"})", R"({"n":3,"s":"b"})"})
    insert("notes", document);
  auto index = [](const std::string& name, const std::string& clauses, const std::string& more = "") {
    return R"({"clauses":[],"order":"asc","index":{"name":")" + name + R"(","clauses":[)" + clauses + "]" +
           more + "}}";
  };
  const std::string eq = R"({"type":"indexEq","enabled":true,"value":"a"})",
                    off = R"({"type":"indexEq","enabled":false,"value":"a"})",
                    range = R"({"type":"indexRange","enabled":true,"lowerOp":"gte","lowerValue":2})";
  const struct {
    std::string filters, found;
  } cases[] = {
      {index("by_s_n", eq), "1 2"},
      {index("by_s_n", eq + "," + range), "2"},
      {index("by_s_n", off), "1 2 3"},
      {index("by_creation_time", ""), "1 2 3"},
      {index("gone", ""), "-1: Index gone does not exist."},
      {index("text", ""),
       "-1: Index text is a search index, but the query is trying to use it as a database index."},
      {index("by_s_n", eq, R"(,"search":"x")"),
       "-1: Index by_s_n is not a search index, but the query is trying to use it as search index."},
      {index("by_creation_time", eq + "," + eq),
       "-1: Index by_creation_time has 1 fields, but the query has 2 clauses."},
      {index("by_s_n", off + "," + eq),
       "-1: Invalid index filter selection: found an enabled clause after an disabled clause."},
      {index("by_s_n", range + "," + eq),
       "-1: Invalid index filter selection: found a range filter after a non-range filter."},
      {R"({"clauses":[],"index":{"name":"text","search":"x","clauses":[]}})",
       "-1: Trying to query search index `text` in descending order."},
      {index("text", R"({"field":"s","enabled":true,"value":1})", R"(,"search":"x")"),
       "0: Invalid index filter selection: found a filter for field `s` which is not part of the filter "
       "fields of "
       "the search index `text`."},
      {index("text", R"({"field":"n","enabled":true,"value":1},{"field":"n","enabled":true,"value":2})",
             R"(,"search":"x")"),
       "1: Invalid filter: there are multiple filters for field `n`."},
  };
  for (const auto& each : cases) EXPECT_EQ(found(each.filters), each.found) << each.filters;
}

TEST_F(SystemDocumentsTest, DocumentsById) {
  insert("notes", R"({"n":1})");
  set_variable("SECRET", "x");
  std::string id = id_of("notes");
  std::string secret = engine_->snapshot()->catalog()->system_rows("_environment_variables")[0]->id.text();
  auto entry = [](const std::string& id, const std::string& table) {
    return "{\"id\":\"" + id + "\",\"tableName\":\"" + table + "\"}";
  };
  Value list = *parse_convex_json(call(
      "listById.js:default", "{\"ids\":[" + entry(id, "notes") + "," + entry(id, "others") + "," +
                                 entry("x", "notes") + "," + entry(secret, "_environment_variables") + "]}"));
  EXPECT_EQ(list->element(0).find("n")->as_float64(), 1);
  for (size_t i = 1; i < 4; ++i) EXPECT_TRUE(list->element(i).is_null()) << i;
  EXPECT_EQ(call("getById.js:default", "{\"id\":\"" + secret + "\"}"), "null");
}

TEST_F(SystemDocumentsTest, ChangesAreMadeAndAudited) {
  EXPECT_EQ(call("createTable.js:default", R"({"table":"notes"})"), "null");
  EXPECT_TRUE(call("createTable.js:default", R"({"table":"_notes"})").starts_with("InvalidTableName: "));
  EXPECT_EQ(
      call("addDocument.js:default", R"({"table":"notes","documents":[{"n":1,"s":"a"},{"n":2,"s":"b"}]})"),
      R"({"success":true})");
  std::string id = id_of("notes");
  EXPECT_EQ(call("replaceDocument.js:default",
                 "{\"id\":\"" + id + "\",\"document\":{\"_id\":\"" + id + R"(","n":5,"s":"c"}})"),
            R"({"success":true})");
  EXPECT_EQ(call("replaceDocument.js:default", R"({"id":"x","document":{}})"),
            R"({"error":"Document does not exist.","success":false})");
  EXPECT_EQ(call("patchDocumentsFields.js:default",
                 "{\"table\":\"notes\",\"ids\":[\"" + id +
                     "\"],\"fields\":{\"s\":" + json_string(kUndefinedPlaceholder) + ",\"t\":true}}"),
            R"({"success":true})");
  EXPECT_EQ(
      found(
          R"({"clauses":[{"op":"eq","field":"t","value":true},{"op":"type","field":"s","value":"unset"}]})"),
      "5");
  EXPECT_EQ(call("patchDocumentsFields.js:default", R"({"table":"notes","fields":{"all":1}})"),
            R"({"success":true})");
  EXPECT_EQ(found(R"({"clauses":[{"op":"eq","field":"all","value":1}]})"), "2 5");
  EXPECT_EQ(
      call("deleteDocuments.js:default", "{\"toDelete\":[{\"id\":\"" + id + "\",\"tableName\":\"notes\"}]}"),
      R"({"success":true})");
  EXPECT_NE(
      call("deleteDocuments.js:default", "{\"toDelete\":[{\"id\":\"" + id + "\",\"tableName\":\"notes\"}]}"),
      R"({"success":true})");
  EXPECT_EQ(found(""), "2");
  EXPECT_EQ(
      actions(),
      "create_table add_documents update_documents update_documents update_documents delete_documents ");
  std::string many = "{\"id\":\"x\",\"tableName\":\"notes\"}";
  for (int i = 0; i < 4096; ++i) many += ",{\"id\":\"x\",\"tableName\":\"notes\"}";
  EXPECT_EQ(
      call("deleteDocuments.js:default", "{\"toDelete\":[" + many + "]}"),
      R"({"error":"You can't delete more than 4096. Try selecting fewer documents instead..","success":false})");
}

TEST_F(SystemDocumentsTest, WhatTheSchemaRefusesLeavesNothing) {
  push({{}, {}, schema_of(messages_table(kByBody))});
  EXPECT_TRUE(call("addDocument.js:default", R"({"table":"messages","documents":[{"body":"x"},{"body":5}]})")
                  .starts_with("SchemaEnforcementError: "));
  EXPECT_EQ(found("", "messages"), "");
  Transaction transaction(engine_->snapshot(), system_transaction_options(knobs_, true));
  auto refused =
      runner_->system_functions()
          .find("_system/frontend/addDocument.js:default")
          ->run(transaction, *parse_convex_json(R"({"table":"messages","documents":[{"body":5}]})"),
                std::nullopt);
  EXPECT_EQ(refused.error().data_json, json_string(refused.error().message));
}

TEST_F(SystemDocumentsTest, TablesAreClearedPageByPage) {
  write([](Transaction& tx) -> Result<void> {
    for (int i = 0; i < 4500; ++i) HULL_CHECK_OK(tx.insert("notes", *parse_convex_json("{}")));
    return {};
  });
  Value page =
      *parse_convex_json(call("clearTablePage.js:default", R"({"tableName":"notes","cursor":null})"));
  EXPECT_EQ(page->find("deleted")->as_float64(), 4000);
  EXPECT_TRUE(page->find("hasMore")->as_bool());
  page = *parse_convex_json(call(
      "clearTablePage.js:default",
      "{\"tableName\":\"notes\",\"cursor\":" + json_string(page->find("continueCursor")->as_string()) + "}"));
  EXPECT_EQ(page->find("deleted")->as_float64(), 500);
  EXPECT_FALSE(page->find("hasMore")->as_bool());
  EXPECT_EQ(found(""), "");
  EXPECT_TRUE(call("clearTablePage.js:default", R"({"tableName":"_modules","cursor":null})")
                  .starts_with("InvalidTableName: "));
}

TEST_F(SystemDocumentsTest, TheAuditLogIsFilteredAndPaged) {
  EXPECT_EQ(call("deploymentEvents.js:lastPushEvent"), "null");
  push({{{"a.js", "query one"}}});
  call("createTable.js:default", R"({"table":"notes"})");
  Value last = *parse_convex_json(call("deploymentEvents.js:lastPushEvent"));
  EXPECT_EQ(last->find("action")->as_string(), "push_config_with_components");
  auto page = [&](const std::string& filters) {
    return call("paginatedDeploymentEvents.js:default",
                "{\"paginationOpts\":{\"cursor\":null,\"numItems\":10},\"filters\":" + filters + "}");
  };
  EXPECT_EQ(parse_convex_json(page(R"({"minDate":0})"))->view().find("page")->count(), 2u);
  Value tables = *parse_convex_json(page(R"({"minDate":0,"actions":["create_table"]})"));
  ASSERT_EQ(tables->find("page")->count(), 1u);
  EXPECT_EQ(to_json(*tables->find("page")->element(0).find("metadata")),
            R"({"component":null,"component_id":null,"table":"notes"})");
  EXPECT_EQ(parse_convex_json(page(R"({"minDate":0,"maxDate":5})"))->view().find("page")->count(), 0u);
}

TEST_F(SystemDocumentsTest, IndexesAndValidationShowTheirProgress) {
  insert("messages", R"({"body":"x"})");
  maintenance_.reset();  // nobody back-fills or validates
  deploy_ = Deploy::create({runner_.get(), blobs_.get(), nullptr, &auth_, &knobs_, "happy-animal"});
  EXPECT_EQ(call("getSchemas.js:schemaValidationProgress"), "null");
  ASSERT_TRUE(start({{}, {}, schema_of(messages_table(kByBody))}).ok());
  EXPECT_EQ(call("getSchemas.js:schemaValidationProgress"), R"({"numDocsValidated":0,"totalDocs":null})");
  std::string args = R"({"tableName":"messages","tableNamespace":null})";
  EXPECT_EQ(call("indexes.js:default", args),
            R"([{"backfill":{"state":"backfilling"},"fields":["body"],"name":"by_it","staged":false}])");
  auto id = engine_->snapshot()->catalog()->table("messages")->find_index("by_it")->id;
  write([&](Transaction& tx) -> Result<void> {
    ValueBuilder b;
    b.begin_object()
        .key("indexId")
        .int64(id.n)
        .key("numDocsIndexed")
        .int64(1)
        .key("totalDocs")
        .int64(3)
        .end();
    auto row = tx.system_insert("_index_backfills", b.finish());
    HULL_CHECK_OK(row);
    return {};
  });
  EXPECT_NE(call("indexes.js:default", args).find(R"("stats":{"numDocsIndexed":1,"totalDocs":3})"),
            std::string::npos);
}

TEST_F(SystemDocumentsTest, ShapesOfTables) {
  insert("a", R"({"n":1,"s":"x","l":[1,null],"o":{"i":{"$integer":"AQAAAAAAAAA="}}})");
  insert("a", R"({"n":{"$float":"AAAAAAAA8H8="},"s":true,"l":[]})");
  insert("refs", "{\"to\":\"" + id_of("a") + "\",\"map\":{\"a-b\":1,\"c d\":2}}");
  call("createTable.js:default", R"({"table":"none"})");
  const std::string a =
      R"({"type":"Object","fields":[{"fieldName":"_creationTime","optional":false,"shape":)"
      R"({"type":"Float64","float64Range":{"hasSpecialValues":false}}},)"
      R"({"fieldName":"_id","optional":false,"shape":{"type":"Id","tableName":"a"}},)"
      R"({"fieldName":"l","optional":false,"shape":{"type":"Array","shape":{"type":"Union","shapes":[{"type":"Null"},)"
      R"({"type":"Float64","float64Range":{"hasSpecialValues":false}}]}}},)"
      R"({"fieldName":"n","optional":false,"shape":{"type":"Float64","float64Range":{"hasSpecialValues":true}}},)"
      R"({"fieldName":"o","optional":true,"shape":{"type":"Object","fields":[{"fieldName":"i","optional":false,)"
      R"("shape":{"type":"Int64"}}]}},)"
      R"({"fieldName":"s","optional":false,"shape":{"type":"Union","shapes":[{"type":"Boolean"},{"type":"String"}]}}]})";
  std::string shapes = *table_shapes(*engine_->snapshot());
  EXPECT_TRUE(shapes.starts_with("{\"a\":" + a + ",\"none\":{\"type\":\"Never\"},\"refs\":")) << shapes;
  EXPECT_NE(shapes.find(R"({"fieldName":"to","optional":false,"shape":{"type":"Id","tableName":"a"}})"),
            std::string::npos);
  EXPECT_NE(
      shapes.find(R"({"type":"Record","keyShape":{"type":"String"},"valueShape":{"optional":false,"shape":)"
                  R"({"type":"Float64","float64Range":{"hasSpecialValues":false}}}})"),
      std::string::npos)
      << shapes;
}

TEST_F(SystemDocumentsTest, TablesAreDeletedTogetherOrNotAtAll) {
  push({{}, {}, schema_of(messages_table(kByBody))});
  insert("a", "{}");
  insert("b", "{}");
  EXPECT_EQ(delete_tables(*engine_, knobs_, {"a", "gone"}).error().code, "TableNotFound");
  EXPECT_EQ(delete_tables(*engine_, knobs_, {"a", "_modules"}).error().code, "TableNotFound");
  EXPECT_EQ(delete_tables(*engine_, knobs_, {"a", "messages"}).error().message,
            "Failed to delete table \"messages\" because it appears in the schema");
  ASSERT_NE(engine_->snapshot()->catalog()->table("a"), nullptr);
  ASSERT_TRUE(delete_tables(*engine_, knobs_, {"a", "b"}).ok());
  EXPECT_EQ(engine_->snapshot()->catalog()->table("a"), nullptr);
  EXPECT_EQ(engine_->snapshot()->catalog()->table("b"), nullptr);
  EXPECT_TRUE(actions().ends_with("delete_tables ")) << actions();
}

TEST_F(SystemDocumentsTest, ArgsValidatorOfAFunction) {
  push({{{"dir/a.js", "query one"}}});
  EXPECT_EQ(call("modules.js:argsValidator", R"({"function":"dir/a:one"})"), R"("{\"type\":\"any\"}")");
  EXPECT_EQ(call("modules.js:argsValidator", R"({"function":"dir/a:two"})"), "null");
}

}  // namespace
}  // namespace hull
