// Test only: pushes over a real engine on a temporary SQLite file, with a runner whose analysis is made up.
// Sources stand for their own analysis: a line "query name" (mutation, action) declares a function, any line
// of schema.js is the schema.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <sstream>
#include <thread>

#include "base/random.h"
#include "database/transact.h"
#include "deploy/deploy.h"
#include "functions/code_loader.h"
#include "services/admin_keys.h"
#include "storage/sqlite/sqlite_store.h"
#include "value/json.h"

namespace hull::testing {

class FakeRunner final : public FunctionRunner {
 public:
  FakeRunner(Engine* engine, BlobStore* blobs)
      : engine_(engine),
        loader_(blobs, {{"CONVEX_CLOUD_URL", "http://cloud"}, {"CONVEX_SITE_URL", "http://site"}}) {}

  void query(FunctionCall, std::optional<std::string>, Timestamp, bool,
             std::function<void(QueryOutcome)>) override {
    std::abort();
  }
  void took_result(const FunctionCall&, const CachedQuery&) override { std::abort(); }
  void mutation(FunctionCall, std::optional<SessionRequest>, FunctionCallback) override { std::abort(); }
  void framed_mutation(FunctionCall, MutationFrame, FunctionCallback) override { std::abort(); }
  void action(FunctionCall, FunctionCallback) override { std::abort(); }
  void any(FunctionCall, FunctionCallback) override { std::abort(); }
  FunctionLog& log() override { std::abort(); }
  const FunctionStatistics& statistics() override { std::abort(); }
  metrics::Families metric_families() override { return {}; }
  SystemFunctions& system_functions() override { return functions_; }
  CodeLoader& code() override { return loader_; }
  Engine& engine() override { return *engine_; }
  Stats stats() override { return {}; }

  Result<AnalysisOutcome> analyze(const AnalysisRequest& request) override {
    last_analysis = request;
    AnalysisOutcome outcome = next_outcome;
    if (outcome.failure) return outcome;
    auto source = [&request](const std::string& path) { return *request.text(path, ModuleText::kSource); };
    for (const auto* paths : {&request.function_modules, &request.node_modules})
      for (const auto& path : *paths) outcome.modules.push_back(analyze_module(path, source(path), request));
    if (!request.schema_module.empty()) outcome.schema_json = source(request.schema_module);
    if (!request.auth_module.empty()) {
      outcome.auth_json = source(request.auth_module);
      if (size_t at = outcome.auth_json.find("$DOMAIN"); at != std::string::npos) {
        auto domain = request.env.find("DOMAIN");
        if (domain == request.env.end()) {
          outcome.failure = {
              request.auth_module,
              "Uncaught Error: Environment variable DOMAIN is used in auth config file but its "
              "value was not set\n    at <anonymous> (../convex/auth.config.ts:1:1)\n",
              "AuthConfigMissingEnvironmentVariable"};
          return outcome;
        }
        outcome.auth_json.replace(at, 7, domain->second);
      }
    }
    if (!request.definition_module.empty()) outcome.definition_json = source(request.definition_module);
    return outcome;
  }
  void http_action(HttpActionRequest, OnHttpResponse) override {}
  void answer_fetch_locally(FetchService::Local) override {}
  void cancel_actions() override {}
  Result<FunctionResult> test_query(TestQuery) override { return Error::internal("fake"); }
  Result<void> prepare_node(const NodeSettings& settings) override {
    prepared_node.push_back(settings);
    if (node_failure) return *node_failure;
    return {};
  }
  Result<void> prepare(std::shared_ptr<const Code> code) override {
    prepared.push_back(code->key());
    if (on_prepare) on_prepare();
    return {};
  }

  AnalysisOutcome next_outcome;
  AnalysisRequest last_analysis;
  std::vector<std::string> prepared;
  std::vector<NodeSettings> prepared_node;
  std::optional<Error> node_failure;
  std::function<void()> on_prepare;

 private:
  static AnalyzedModule analyze_module(const std::string& path, const std::string& source,
                                       const AnalysisRequest& request) {
    AnalyzedModule result;
    result.path = path;
    std::istringstream lines(source);
    int line = 0;
    for (std::string kind, name; lines >> kind >> name;) {
      ++line;
      if (kind == "query") result.functions.push_back({name, "Query", "public", "", "", line, 1});
      if (kind == "mutation") result.functions.push_back({name, "Mutation", "internal", "", "", line, 1});
      if (kind == "action") result.functions.push_back({name, "Action", "public", "", "", line, 1});
      if (kind == "route") {
        if (!result.http_routes) result.http_routes.emplace();
        result.http_routes->emplace_back(name, "GET");
      }
      if (kind == "cron" && path == request.crons_module)
        result.crons_json =
            R"({"tick":{"name":")" + name + R"(","args":[{}],"schedule":{"type":"interval","seconds":30}}})";
    }
    return result;
  }

  Engine* engine_;
  BlobCodeLoader loader_;
  SystemFunctions functions_;
};

class PushTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / ("hull-push-" + random_hex(8));
    std::filesystem::create_directories(directory_);
    auto store = open_sqlite_store({.path = directory_ / "db", .durability = Durability::kRelaxed});
    ASSERT_TRUE(store.ok()) << store.error().message;
    engine_ = *Engine::open(std::move(*store), knobs_);
    blobs_ = *open_local_blob_store(directory_ / "blobs");
    maintenance_ = Maintenance::start(*engine_, knobs_);
    runner_ = std::make_unique<FakeRunner>(engine_.get(), blobs_.get());
    deploy_ =
        Deploy::create({runner_.get(), blobs_.get(), maintenance_.get(), &auth_, &knobs_, "happy-animal"});
  }
  void TearDown() override {
    deploy_.reset();
    runner_.reset();
    maintenance_.reset();
    engine_.reset();
    std::filesystem::remove_all(directory_);
  }

  using Sources = std::vector<std::pair<std::string, std::string>>;
  struct Push {
    Sources changed;
    std::vector<std::pair<std::string, std::string>> unchanged;  // path, hash
    std::string schema, definition, version = "1.48.0", more;
    std::string node_dependencies = "[]";
  };
  static std::string module_json(const std::string& path, const std::string& source) {
    return "{\"path\":" + json_string(path) + ",\"source\":" + json_string(source) + ",\"environment\":\"" +
           environment_of(path) + "\"}";
  }
  static std::string environment_of(const std::string& path) {
    return path.starts_with("node/") || path.starts_with("_deps/node/") ? "node" : "isolate";
  }
  std::string body(const Push& push) const {
    std::string changed, unchanged;
    for (const auto& [path, source] : push.changed)
      changed += (changed.empty() ? "" : ",") + module_json(path, source);
    for (const auto& [path, hash] : push.unchanged)
      unchanged +=
          (unchanged.empty() ? "" : ",") +
          ("{\"path\":" + json_string(path) + ",\"environment\":\"isolate\",\"sha256\":\"" + hash + "\"}");
    return "{\"adminKey\":" + json_string(key_) +
           ",\"functions\":\"convex/\",\"appDefinition\":{\"definition\":" +
           (push.definition.empty() ? "null" : module_json("convex.config.js", push.definition)) +
           ",\"schema\":" + (push.schema.empty() ? "null" : module_json("schema.js", push.schema)) +
           ",\"changedModules\":[" + changed + "],\"unchangedModuleHashes\":[" + unchanged +
           "],\"udfServerVersion\":\"" + push.version + "\"},\"nodeDependencies\":" + push.node_dependencies +
           push.more + "}";
  }
  static std::string text(const Result<std::string>& result) {
    return result.ok() ? *result : result.error().code + ": " + result.error().message;
  }
  static Value parsed(const Result<std::string>& result) {
    EXPECT_TRUE(result.ok()) << text(result);
    auto value = parse_plain_json(result.ok() ? *result : "null");
    EXPECT_TRUE(value.ok()) << text(result);
    return value.ok() ? *value : Value();
  }
  Result<std::string> start(const Push& push) { return deploy_->start_push(body(push), nullptr); }
  Result<std::string> evaluate_schema(const Push& push) {
    return deploy_->evaluate_schema(body(push), nullptr);
  }
  Result<std::string> wait(const std::string& start, int timeout_ms = 5000) {
    Value change = Value::copy_of(*parsed(start)->find("schemaChange"));
    auto wait = deploy_->wait_for_schema("{\"adminKey\":" + json_string(key_) +
                                             ",\"schemaChange\":" + to_plain_json(change) +
                                             ",\"timeoutMs\":" + std::to_string(timeout_ms) + "}",
                                         nullptr);
    if (!wait.ok()) return wait.error();
    const auto deadline = std::chrono::steady_clock::now() + wait->timeout;
    while (true) {
      auto changed = std::make_shared<std::promise<void>>();
      auto look = wait->watch.look([changed] { changed->set_value(); });
      if (look.final || changed->get_future().wait_until(deadline) == std::future_status::timeout)
        return look.json;
    }
  }
  // Waits as the CLI does: as long as things go on.
  std::string wait_to_the_end(const std::string& start) {
    for (int i = 0; i < 200; ++i) {
      auto status = wait(start);
      if (!status.ok() || parsed(status)->find("type")->as_string() != "inProgress") return text(status);
    }
    return "never ends";
  }
  Result<std::string> finish(const std::string& start, const std::string& more = "") {
    return deploy_->finish_push("{\"adminKey\":" + json_string(key_) + ",\"startPush\":" + start +
                                    ",\"dryRun\":false,\"message\":null" + more + "}",
                                nullptr);
  }
  Value hashes() {
    return parsed(deploy_->get_config_hashes(
        "{\"version\":\"1.48.0\",\"adminKey\":" + json_string(key_) + "}", nullptr));
  }
  // A whole push; the answer of finish_push.
  Value push(const Push& push) {
    auto started = start(push);
    EXPECT_TRUE(started.ok()) << text(started);
    if (!started.ok()) return Value();
    EXPECT_EQ(wait_to_the_end(*started), "{\"type\":\"complete\"}");
    return parsed(finish(*started));
  }
  void write(const std::function<Result<void>(Transaction&)>& body) {
    auto result = transact(*engine_, knobs_, "test", body);
    ASSERT_TRUE(result.ok()) << result.error().message;
  }
  void insert(const std::string& table, const std::string& json) {
    write([&](Transaction& tx) -> Result<void> {
      auto id = tx.insert(table, *parse_convex_json(json));
      HULL_CHECK_OK(id);
      return {};
    });
  }
  void set_variable(const std::string& name, const std::string& value) {
    write([&](Transaction& tx) -> Result<void> {
      ValueBuilder b;
      b.begin_object().key("name").string(name).key("value").string(value).end();
      auto id = tx.system_insert("_environment_variables", b.finish());
      HULL_CHECK_OK(id);
      return {};
    });
  }

  Knobs knobs_;
  InstanceSecret secret_ = InstanceSecret::generate();
  Authenticator auth_{&secret_, "happy-animal"};
  std::string key_ = mint_admin_key(secret_, "happy-animal", {false, false, 0, 1767225600});
  std::filesystem::path directory_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<Maintenance> maintenance_;
  std::unique_ptr<FakeRunner> runner_;
  std::unique_ptr<Deploy> deploy_;
};

// schema.js text of tables written as {"tableName":...} fragments.
inline std::string schema_of(const std::string& tables, bool validation = true) {
  return "{\"tables\":[" + tables + "],\"schemaValidation\":" + (validation ? "true" : "false") + "}";
}
inline std::string messages_table(const std::string& indexes, const std::string& body_type = "string") {
  return R"({"tableName":"messages","indexes":[)" + indexes +
         R"(],"documentType":{"type":"object","value":{"body":{"fieldType":{"type":")" + body_type +
         R"("},"optional":false},"channel":{"fieldType":{"type":"string"},"optional":true}}}})";
}
inline constexpr const char* kByBody = R"({"indexDescriptor":"by_it","fields":["body"]})";
inline constexpr const char* kByChannel = R"({"indexDescriptor":"by_it","fields":["channel"]})";

}  // namespace hull::testing
