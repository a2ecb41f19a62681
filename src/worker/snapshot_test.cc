// Snapshots and analysis.
#include "worker/test_worker.h"

namespace hull::worker {
namespace {

class SnapshotTest : public WorkerTest {
 protected:
  wire::SnapshotBuilt Build(const std::vector<std::string>& entries, bool sandbox = false) {
    TestWorker worker(runtime_);
    worker.modules = modules_;
    auto init = TestWorker::DefaultInit();
    init.set_sandbox(sandbox);
    worker.Init(init);
    wire::ToWorker message;
    for (const auto& entry : entries) message.mutable_build_snapshot()->add_entries(entry);
    message.mutable_build_snapshot()->set_output_path(snapshot());
    worker.Send(message);
    wire::FromWorker reply;
    EXPECT_TRUE(worker.Receive(&reply));
    EXPECT_EQ(worker.Reap(5), 0);
    return reply.snapshot();
  }

  std::map<std::string, std::string> modules_ = {
      {"a.js",
       "import {n} from './lib.js'; let c = 0; const t = info.importTime;"
       "export const f = async () => [++c, n(), t, info.kind, await Convex.asyncSyscall('1.0/get', '1')];"
       "export const boom = () => { throw new Error('late'); };"},
      {"b.js",
       "import {n} from './lib.js'; export const f = async () => [n(), (await import('./lib.js')).n(),"
       " (await import('./c.js')).c()];"},
      {"c.js", "import {n} from './lib.js'; export const c = () => n();"},
      {"lib.js", "let k = 0; export const n = () => ++k;"},
      {"throws.js", "throw new Error('import')"},
      {"intl.js", "const i = new Intl.NumberFormat('de'); export const f = () => i.format(1.5);"},
      {"loops.js", "while (true);"},
  };
};

TEST_F(SnapshotTest, ServesCallsFromEvaluatedContexts) {
  const auto built = Build({"a.js", "throws.js", "intl.js", "b.js"});
  EXPECT_EQ(built.entries_size(), 2);
  ASSERT_EQ(built.failed_entries_size(), 2);
  EXPECT_EQ(built.failed_entries(0), "throws.js");
  EXPECT_EQ(built.failed_entries(1), "intl.js");
  EXPECT_GT(built.bytes(), 100000u);

  TestWorker worker(runtime_);
  worker.modules = modules_;
  auto init = TestWorker::DefaultInit();
  init.set_snapshot_path(snapshot());
  const auto ready = worker.Init(init);
  EXPECT_EQ(ready.snapshot_entries_size(), 2);
  const auto echo = [](const wire::Op& op, wire::OpResults* results) { AddJson(results, op, "ok"); };
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(worker.Run(TestWorker::Start(wire::MUTATION, "a.js", "f"), echo).done.result_json(),
              R"([1,1,1000,"mutation","ok"])");
  }
  EXPECT_EQ(worker.module_requests, 0);
  const auto late = worker.Run(TestWorker::Start(wire::QUERY, "a.js", "boom"));
  EXPECT_EQ(late.done.error().message(), "Uncaught Error: late");
  EXPECT_EQ(late.done.error().frames(0), "boom@convex:/a.js:1");
  EXPECT_EQ(worker.Run(TestWorker::Start(wire::ACTION, "b.js", "f")).done.result_json(), "[1,2,3]");
  EXPECT_EQ(worker.Run(TestWorker::Start(wire::QUERY, "intl.js", "f")).done.result_json(), "\"1,5\"");
  EXPECT_EQ(worker.Run(TestWorker::Start(wire::QUERY, "throws.js", "f")).done.error().message(),
            "Uncaught Error: import");
}

TEST_F(SnapshotTest, BuiltInTheSandboxAndLoopsGiveUp) {
  const auto built = Build({"loops.js", "a.js"}, true);
  ASSERT_EQ(built.entries_size(), 1);
  EXPECT_GT(built.bytes(), 0u);
  EXPECT_EQ(access(snapshot().c_str(), R_OK), 0);
}

TEST_F(SnapshotTest, DamagedFilesAreIgnored) {
  std::ofstream(snapshot()) << "HULLSNP1 nonsense that is longer than the head";
  TestWorker worker(runtime_);
  worker.modules = modules_;
  auto init = TestWorker::DefaultInit();
  init.set_snapshot_path(snapshot());
  EXPECT_EQ(worker.Init(init).snapshot_entries_size(), 0);
  EXPECT_EQ(worker.Run(TestWorker::Start(wire::ACTION, "b.js", "f")).done.result_json(), "[1,2,3]");
}

TEST_F(SnapshotTest, ManyCallsStayRight) {
  Build({"a.js", "b.js"});
  TestWorker worker(runtime_);
  worker.modules = modules_;
  auto init = TestWorker::DefaultInit();
  init.set_snapshot_path(snapshot());
  init.set_sandbox(true);
  const auto ready = worker.Init(init);
  const auto echo = [](const wire::Op& op, wire::OpResults* results) { AddJson(results, op, "ok"); };
  const auto begin = std::chrono::steady_clock::now();
  constexpr int kCalls = 1000;
  uint64_t user_us = 0;
  for (int i = 0; i < kCalls; ++i) {
    const auto out = worker.Run(TestWorker::Start(wire::QUERY, "a.js", "f"), echo);
    ASSERT_EQ(out.done.result_json(), R"([1,1,1000,"query","ok"])");
    user_us += out.done.user_time_us();
  }
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
  RecordProperty("call_us", std::to_string(took.count() / kCalls));
  RecordProperty("user_us", std::to_string(user_us / kCalls));
  RecordProperty("start_ms", std::to_string(ready.start_ms()));
}

wire::AnalyzeResult Analyze(TestWorker& worker, const wire::Analyze& request) {
  wire::ToWorker message;
  *message.mutable_analyze() = request;
  message.mutable_analyze()->set_user_timeout_ms(300);
  worker.Send(message);
  wire::FromWorker reply;
  EXPECT_TRUE(worker.Receive(&reply));
  return reply.analyzed();
}

TEST_F(SnapshotTest, AnalyzesModules) {
  TestWorker worker(runtime_);
  worker.modules = modules_;
  worker.modules["http.js"] = "host.log('LOG', ['hi'], false, ''); export default [['/x', 'GET']];";
  worker.modules["crons.js"] = "export default {export: () => '{\"j\":1}'};";
  worker.modules["schema.js"] = "export default {export: () => host.phase()};";
  worker.modules["auth.config.js"] = "export default {name: host.env('NAME'), phase: host.phase()};";
  worker.modules["convex.config.js"] = "export default {export: () => ({d: 1})};";
  worker.Init();
  wire::Analyze request;
  request.add_modules("a.js");
  request.add_modules("http.js");
  request.set_http_module("http.js");
  request.set_crons_module("crons.js");
  request.set_schema_module("schema.js");
  request.set_auth_module("auth.config.js");
  request.set_definition_module("convex.config.js");
  const auto result = Analyze(worker, request);
  EXPECT_EQ(result.error().message(), "");
  ASSERT_EQ(result.modules_size(), 3);
  EXPECT_EQ(result.modules(0).functions(0).name(), "boom");
  EXPECT_EQ(result.modules(0).functions(0).line(), 3);
  EXPECT_EQ(result.modules(0).functions(0).args_json(), R"({"type":"any"})");
  EXPECT_TRUE(result.modules(1).is_http());
  EXPECT_EQ(result.modules(1).http_routes(0).path(), "/x");
  EXPECT_EQ(result.modules(2).crons_json(), R"({"j":1})");
  EXPECT_EQ(result.schema_json(), "schema");
  EXPECT_EQ(result.auth_json(), R"({"name":"value","phase":"auth"})");
  EXPECT_EQ(result.definition_json(), R"({"d":1})");
  EXPECT_EQ(result.logs_size(), 1);
}

TEST_F(SnapshotTest, AnalysisFailures) {
  TestWorker worker(runtime_);
  worker.modules = modules_;
  worker.modules["schema.js"] = "";
  worker.Init();
  wire::Analyze request;
  request.add_modules("a.js");
  request.add_modules("throws.js");
  auto result = Analyze(worker, request);
  EXPECT_EQ(result.failed_module(), "throws.js");
  EXPECT_EQ(result.error().message(), "Uncaught Error: import");
  request.clear_modules();
  request.add_modules("loops.js");
  result = Analyze(worker, request);
  EXPECT_EQ(result.error().kind(), wire::JsError::TIMEOUT);
  request.clear_modules();
  request.set_schema_module("schema.js");
  result = Analyze(worker, request);
  EXPECT_EQ(result.error_code(), "MissingSchemaExportError");
}

}  // namespace
}  // namespace hull::worker
