// The system functions over what a push leaves behind (system-functions.md §2.1).
#include "services/system_functions.h"

#include "deploy/push_fixture.h"

namespace hull {
namespace {

using testing::messages_table;
using testing::PushTest;
using testing::schema_of;

class SystemFunctionsTest : public PushTest {
 protected:
  void SetUp() override {
    PushTest::SetUp();
    register_system_functions(*runner_);
  }
  // The result as Convex JSON, or "code: message".
  std::string call(const std::string& path, const std::string& args = "{}") {
    const SystemFunction* function = runner_->system_functions().find(path);
    if (!function) return "no such function";
    Value parsed = *parse_convex_json(args);
    EXPECT_EQ(function->args->check(parsed, TableNameResolver{}).value_or(""), "") << path;
    auto options = system_transaction_options(knobs_, false);
    options.cursors = {&secret_, "happy-animal"};
    Transaction transaction(engine_->snapshot(), options);
    auto value = function->run(transaction, parsed, std::nullopt);
    reads_ = std::make_shared<const ReadSet>(transaction.take_reads());
    return value.ok() ? to_json(*value) : value.error().code + ": " + value.error().message;
  }
  std::shared_ptr<const ReadSet> reads_;
};

TEST_F(SystemFunctionsTest, Environment) {
  EXPECT_EQ(call("_system/cli/queryEnvironmentVariables.js:default"), "[]");
  set_variable("B", "2");
  set_variable("A", "1");
  Value list = *parse_convex_json(call("_system/cli/queryEnvironmentVariables.js:default"));
  ASSERT_EQ(list->count(), 2u);
  EXPECT_EQ(list->element(0).find("name")->as_string(), "A");
  EXPECT_EQ(call("_system/cli/queryEnvironmentVariables.js:get", R"({"name":"B"})"),
            R"({"name":"B","value":"2"})");
  EXPECT_EQ(call("_system/cli/queryEnvironmentVariables.js:get", R"({"name":"CONVEX_SITE_URL"})"),
            R"({"name":"CONVEX_SITE_URL","value":"http://site"})");
  EXPECT_EQ(call("_system/cli/queryEnvironmentVariables.js:get", R"({"name":"C"})"), "null");
  EXPECT_EQ(call("_system/cli/convexUrl.js:cloudUrl"), R"("http://cloud")");
}

TEST_F(SystemFunctionsTest, OnlyKnownComponents) {
  push({{{"messages.js", "query list"}}});
  auto catalog = engine_->snapshot()->catalog();
  const std::string root = catalog->system_rows("_components").front()->id.text();
  const std::string other = DocumentId{catalog->table("_components")->number, InternalId{}}.text();
  const std::string spec = call("_system/cli/modules.js:apiSpec");
  for (const std::string& id : {std::string("null"), json_string(root)})
    EXPECT_EQ(call("_system/cli/modules.js:apiSpec", "{\"componentId\":" + id + "}"), spec);
  for (const char* path : {"_system/cli/modules.js:apiSpec", "_system/frontend/getTableMapping.js:default",
                           "_system/frontend/paginatedScheduledJobs.js:default"}) {
    const std::string more = std::string(path).find("Jobs") == std::string::npos
                                 ? ""
                                 : R"("paginationOpts":{"cursor":null,"numItems":2},)";
    EXPECT_EQ(call(path, "{" + more + "\"componentId\":" + json_string(other) + "}"),
              "ComponentNotFound: Component with ID " + other + " not found");
    EXPECT_EQ(call(path, "{" + more + R"("componentId":"waitlist"})"),
              "InvalidComponentId: Invalid component ID waitlist");
  }
  EXPECT_EQ(call("_system/frontend/indexes.js:default",
                 "{\"tableName\":\"x\",\"tableNamespace\":" + json_string(other) + "}"),
            "ComponentNotFound: Component with ID " + other + " not found");
}

TEST_F(SystemFunctionsTest, TheVariableListIsLive) {
  call("_system/cli/queryEnvironmentVariables.js:default");
  auto subscription = engine_->subscribe(reads_, engine_->latest(), [] {});
  EXPECT_TRUE(subscription->valid_at(engine_->latest()));
  set_variable("A", "1");
  EXPECT_FALSE(subscription->valid_at(engine_->latest()));
}

TEST_F(SystemFunctionsTest, Tables) {
  for (int i = 0; i < 3; ++i) insert("notes", "{\"n\":" + std::to_string(i) + "}");
  set_variable("SECRET", "x");
  std::string options = R"("paginationOpts":{"cursor":null,"numItems":2})";
  EXPECT_EQ(call("_system/cli/tables.js:default", "{" + options + "}"),
            R"({"continueCursor":"end","isDone":true,"page":[{"name":"notes"}]})");
  EXPECT_EQ(call("_system/cli/tableSize.js:default", R"({"tableName":"notes"})"), "3");
  EXPECT_EQ(call("_system/cli/tableSize.js:default", R"({"tableName":"unknown"})"), "0");
  EXPECT_EQ(call("_system/cli/tableSize.js:default", R"({"tableName":"_environment_variables"})"), "0");
  Value page = *parse_convex_json(
      call("_system/cli/tableData.js:default", R"({"table":"notes","order":"desc",)" + options + "}"));
  ASSERT_EQ(page->find("page")->count(), 2u);
  EXPECT_EQ(page->find("page")->element(0).find("n")->as_float64(), 2);
  EXPECT_FALSE(page->find("isDone")->as_bool());
  page =
      *parse_convex_json(call("_system/cli/tableData.js:default",
                              R"({"table":"notes","order":"desc","paginationOpts":{"numItems":2,"cursor":)" +
                                  json_string(page->find("continueCursor")->as_string()) + "}}"));
  EXPECT_EQ(page->find("page")->count(), 1u);
  EXPECT_TRUE(page->find("isDone")->as_bool());
  for (std::string hidden : {"_environment_variables", "_modules", "unknown", "_storage"})
    EXPECT_EQ(parse_convex_json(call("_system/cli/tableData.js:default",
                                     "{\"table\":\"" + hidden + "\",\"order\":\"asc\"," + options + "}"))
                  ->view()
                  .find("page")
                  ->count(),
              0u)
        << hidden;
}

TEST_F(SystemFunctionsTest, QueryTableChangesWithTheTable) {
  insert("notes", "{}");
  std::string args = R"({"tableName":"notes"})";
  EXPECT_NE(call("_system/cli/queryTable.js:default", args), call("_system/cli/queryTable.js:default", args));
  auto subscription = engine_->subscribe(reads_, engine_->latest(), [] {});
  insert("others", "{}");
  EXPECT_TRUE(subscription->valid_at(engine_->latest()));
  insert("notes", "{}");
  EXPECT_FALSE(subscription->valid_at(engine_->latest()));
}

TEST_F(SystemFunctionsTest, CodeAndSchemas) {
  EXPECT_EQ(call("_system/frontend/getVersion.js:default"), "null");
  EXPECT_EQ(call("_system/frontend/components.js:list"), "[]");
  push({{{"messages.js", "query list mutation send"}, {"http.js", "route /hook"}},
        {},
        schema_of(messages_table(""))});
  EXPECT_EQ(call("_system/cli/modules.js:apiSpec", R"({"componentId":null})"),
            R"([{"functionType":"HttpAction","method":"GET","path":"/hook"},)"
            R"({"args":{"type":"any"},"functionType":"Query","identifier":"messages.js:list",)"
            R"("returns":{"type":"any"},"visibility":{"kind":"public"}},)"
            R"({"args":{"type":"any"},"functionType":"Mutation","identifier":"messages.js:send",)"
            R"("returns":{"type":"any"},"visibility":{"kind":"internal"}}])");
  EXPECT_EQ(call("_system/frontend/getVersion.js:default"), "\"1.48.0\"");
  Value components = *parse_convex_json(call("_system/frontend/components.js:list"));
  ASSERT_EQ(components->count(), 1u);
  EXPECT_EQ(components->element(0).find("path")->as_string(), "");
  Value schemas = *parse_convex_json(call("_system/frontend/getSchemas.js:default"));
  EXPECT_TRUE(schemas->find("active")->is_string());
  EXPECT_FALSE(schemas->find("inProgress").has_value());
  Value modules = *parse_convex_json(call("_system/frontend/modules.js:listForAllComponents"));
  EXPECT_TRUE(modules->element(0).element(0).is_null());
  EXPECT_EQ(modules->element(0).element(1).count(), 2u);
}

TEST_F(SystemFunctionsTest, NodeVersion) {
  push({{{"messages.js", "query list"}}});
  EXPECT_EQ(call("_system/frontend/node.js:version"), "null");
  push({{{"node/ai.js", "action ask"}}});
  EXPECT_EQ(call("_system/frontend/node.js:version"), "\"nodejs24.x\"");
  Push chosen{{{"node/ai.js", "action ask"}}};
  chosen.more = ",\"nodeVersion\":\"20\"";
  push(chosen);
  EXPECT_EQ(call("_system/frontend/node.js:version"), "\"nodejs20.x\"");
}

TEST_F(SystemFunctionsTest, WhatDoesNotExistYetReadsAsEmpty) {
  EXPECT_EQ(call("_system/cli/exports.js:getLatest"), "null");
  EXPECT_EQ(call("_system/cli/queryImport.js:list"), "[]");
}

}  // namespace
}  // namespace hull
