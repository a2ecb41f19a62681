// Test only: a deployment with a real engine on a temporary SQLite file and real workers.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string>

#include "base/random.h"
#include "functions/file_store.h"
#include "functions/runner.h"
#include "storage/sqlite/sqlite_store.h"
#include "value/json.h"

namespace hull::testing {

// Prepended to every test module: definitions with the shape npm convex gives them, and a tiny ctx.
inline constexpr std::string_view kPrelude = R"js(
const define = (kind, invoke, handler, options) => Object.assign(() => {}, {
  ['is' + kind]: true, [options.internal ? 'isInternal' : 'isPublic']: true, _handler: handler,
  exportArgs: () => JSON.stringify(options.args ?? {type: 'any'}),
  exportReturns: () => JSON.stringify(options.returns ?? null),
  [invoke]: async (...given) => JSON.stringify((await handler(...JSON.parse(given.at(-1)))) ?? null),
});
const query = (handler, options = {}) => define('Query', 'invokeQuery', handler, options);
const mutation = (handler, options = {}) => define('Mutation', 'invokeMutation', handler, options);
const action = (handler, options = {}) => define('Action', 'invokeAction', handler, options);
const op = async (name, args) => JSON.parse(await Convex.asyncSyscall(name, JSON.stringify(args)));
const stream = (query) => JSON.parse(Convex.syscall('1.0/queryStream', JSON.stringify({query}))).queryId;
const next = (queryId) => op('1.0/queryStreamNext', {queryId});
const collect = async (table, limit) => {
  const id = stream({source: {type: 'FullTableScan', tableName: table, order: 'asc'},
                     operators: limit === undefined ? [] : [{limit}]});
  const rows = [];
  for (;;) { const {value, done} = await next(id); if (done) return rows; rows.push(value); }
};
const insert = async (table, value) => (await op('1.0/insert', {table, value}))._id;
const runQuery = (name, args = {}) => op('1.0/runUdf', {udfType: 'query', name, args});
const runMutation = (name, args = {}) => op('1.0/runUdf', {udfType: 'mutation', name, args});
)js";

class TestDeployment {
 public:
  explicit TestDeployment(Knobs knobs = {}, std::string node_executable = "") : knobs_(knobs) {
    directory_ = std::filesystem::temp_directory_path() / ("hull-functions-" + random_hex(8));
    std::filesystem::create_directories(directory_ / "lib");
    std::filesystem::create_symlink(HULL_TEST_NODE, directory_ / "lib/node");
    for (const char* file : {"worker.node", "runtime.js", "node_executor.mjs"}) {
      std::filesystem::create_symlink(std::filesystem::path(HULL_TEST_LIB_DIR) / file,
                                      directory_ / "lib" / file);
    }
    auto store = open_sqlite_store({.path = (directory_ / "db.sqlite3").string()});
    EXPECT_TRUE(store.ok());
    engine_ = *Engine::open(*std::move(store), knobs_);
    blobs_ = *open_local_blob_store((directory_ / "blobs").string());
    RunnerOptions options;
    options.engine = engine_.get();
    options.blobs = blobs_.get();
    files_ = std::make_unique<FileStore>(
        FileStoreOptions{engine_.get(), blobs_.get(), &knobs_, &secret_, "test", "http://127.0.0.1:3210"});
    options.files = files_.get();
    options.knobs = &knobs_;
    options.secret = &secret_;
    options.instance_name = "test";
    options.lib_dir = (directory_ / "lib").string();
    options.scratch_dir = (directory_ / "scratch").string();
    options.node_packages_dir = (directory_ / "node_packages").string();
    options.node_executable = node_executable;
    options.cloud_origin = "http://127.0.0.1:3210";
    options.site_origin = "http://127.0.0.1:3211";
    runner_ = *FunctionRunner::start(options);
  }
  ~TestDeployment() {
    runner_.reset();
    files_.reset();
    engine_.reset();
    std::filesystem::remove_all(directory_);
  }

  void stop() { runner_.reset(); }
  const std::filesystem::path& directory() const { return directory_; }
  FunctionRunner& runner() { return *runner_; }
  Engine& engine() { return *engine_; }
  Knobs& knobs() { return knobs_; }

  // Args and returns validators (JSON) of a function, in place of analysed ones.
  struct Validators {
    std::string args, returns;
  };
  // Analyses and commits modules; returns the analysis failure, "" if there is none.
  std::string push(const std::map<std::string, std::string>& modules,
                   const std::map<std::string, Validators>& validators = {}) {
    AnalysisRequest request;
    request.import_seed = std::string(32, 's');
    request.import_time_ms = 1700000000000;
    std::vector<ModuleSource> sources;
    PackageWriter writer;
    for (const auto& [path, source] : modules) {
      const bool on_node = source.find("'use node'") != std::string::npos;
      sources.push_back({path, std::string(kPrelude) + source, "", on_node ? "node" : "isolate"});
      writer.add(sources.back());
      request.modules.push_back({path, sources.back().environment});
      (on_node ? request.node_modules : request.function_modules).push_back(path);
    }
    request.text = [&sources](const std::string& path, ModuleText which) -> Result<std::string> {
      for (const ModuleSource& module : sources) {
        if (module.path == path) return which == ModuleText::kSource ? module.source : module.source_map;
      }
      return Error::not_found("ModuleNotFound", path);
    };
    auto outcome = runner_->analyze(request);
    if (!outcome.ok()) return outcome.error().message;
    if (outcome->failure) return outcome->failure->module + ": " + outcome->failure->text;

    std::string package = "package-" + random_hex(8);
    EXPECT_TRUE(blobs_->put(package, std::move(writer).finish()).ok());
    transact([&](Transaction& transaction) {
      for (const DocumentPtr& row : transaction.system_rows("_modules")) {
        EXPECT_TRUE(transaction.system_remove(row->id).ok());
      }
      for (const ModuleSource& module : sources) {
        const AnalyzedModule* analysis = nullptr;
        for (const AnalyzedModule& each : outcome->modules) {
          if (each.path == module.path) analysis = &each;
        }
        std::string functions;
        if (analysis) {
          for (AnalyzedFunction f : analysis->functions) {
            if (auto it = validators.find(f.name); it != validators.end()) {
              f.args_json = it->second.args;
              f.returns_json = it->second.returns;
            }
            functions += (functions.empty() ? "" : ",") + std::string("{\"name\":") + json_string(f.name) +
                         ",\"udfType\":" + json_string(f.udf_type) +
                         ",\"visibility\":{\"kind\":" + json_string(f.visibility) +
                         "},\"args\":" + json_string(f.args_json) +
                         ",\"returns\":" + json_string(f.returns_json) + "}";
          }
        }
        ValueBuilder row;
        row.begin_object();
        row.key("path").string(module.path);
        row.key("environment").string(module.environment);
        row.key("sha256").string(module_hash(module.source, ""));
        row.key("sourcePackageId").string(package);
        row.key("analyzeResult").value(*parse_plain_json("{\"functions\":[" + functions + "]}"));
        row.end();
        EXPECT_TRUE(transaction.system_insert("_modules", row.finish()).ok());
      }
    });
    return "";
  }

  void transact(const std::function<void(Transaction&)>& body) {
    Transaction::Options options;
    options.access = TableAccess::kSystem;
    options.writable = true;
    options.knobs = &knobs_;
    options.cursors = {&secret_, "test"};
    options.now_ms = unix_millis();
    Transaction transaction(engine_->snapshot(), options);
    body(transaction);
    ASSERT_TRUE(transaction.finish().ok());
    std::promise<CommitOutcome> done;
    engine_->submit(transaction.commit_request("test"),
                    [&](CommitOutcome outcome) { done.set_value(outcome); });
    EXPECT_TRUE(done.get_future().get().ts.has_value());
  }

  FunctionCall call(const std::string& path, const std::string& args) {
    FunctionCall call;
    call.path = *FunctionPath::parse(path);
    call.args = *parse_convex_json("[" + args + "]");
    call.args_json = to_json(call.args);
    call.context.request_id = random_hex(8);
    return call;
  }

  QueryOutcome query(const std::string& path, const std::string& args = "{}", IdentityPtr identity = nullptr,
                     std::optional<std::string> journal = std::nullopt) {
    FunctionCall c = call(path, args);
    if (identity) c.identity = identity;
    std::promise<QueryOutcome> done;
    runner_->query(std::move(c), journal, Timestamp{}, false,
                   [&](QueryOutcome o) { done.set_value(std::move(o)); });
    return done.get_future().get();
  }
  FunctionResult mutation(const std::string& path, const std::string& args = "{}",
                          std::optional<SessionRequest> session = std::nullopt) {
    std::promise<FunctionResult> done;
    runner_->mutation(call(path, args), session, [&](FunctionResult r) { done.set_value(std::move(r)); });
    return done.get_future().get();
  }
  FunctionResult action(const std::string& path, const std::string& args = "{}") {
    std::promise<FunctionResult> done;
    runner_->action(call(path, args), [&](FunctionResult r) { done.set_value(std::move(r)); });
    return done.get_future().get();
  }
  // The result's JSON, or the text of what went wrong.
  static std::string text(const QueryOutcome& outcome) {
    if (!outcome.query) return "system: " + outcome.system_error->code + ": " + outcome.system_error->message;
    return outcome.query->ok() ? outcome.query->value_json() : outcome.query->error().message;
  }
  static std::string text(const FunctionResult& result) {
    if (result.value) return to_json(*result.value);
    if (result.error) return result.error->message;
    return "system: " + result.system_error->code + ": " + result.system_error->message;
  }

 private:
  Knobs knobs_;
  std::filesystem::path directory_;
  InstanceSecret secret_ = InstanceSecret::generate();
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<FileStore> files_;
  std::unique_ptr<FunctionRunner> runner_;
};

}  // namespace hull::testing
