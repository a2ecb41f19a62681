// The worker with the real runtime bundle, where it has been built.
#include "worker/test_worker.h"

namespace hull::worker {
namespace {

class RealRuntimeTest : public WorkerTest {
 protected:
  void SetUp() override {
    WorkerTest::SetUp();
    ASSERT_EQ(access(HULL_RUNTIME_BUNDLE, R_OK), 0) << "build the target runtime_bundle first";
  }

  void Build(const std::vector<std::string>& entries) {
    TestWorker worker(HULL_RUNTIME_BUNDLE);
    worker.modules = modules_;
    worker.Init();
    wire::ToWorker message;
    for (const auto& entry : entries) message.mutable_build_snapshot()->add_entries(entry);
    message.mutable_build_snapshot()->set_output_path(snapshot());
    worker.Send(message);
    wire::FromWorker reply;
    ASSERT_TRUE(worker.Receive(&reply));
    EXPECT_EQ(reply.snapshot().entries_size(), static_cast<int>(entries.size()));
    RecordProperty("blob_bytes", std::to_string(reply.snapshot().bytes()));
  }

  void CheckCalls(TestWorker& worker) {
    const auto echo = [](const wire::Op& op, wire::OpResults* results) {
      AddJson(results, op, "{\"_id\":\"x\"}");
    };
    for (int i = 0; i < 2; ++i) {
      const auto out = worker.Run(TestWorker::Start(wire::QUERY, "m.js", "get", R"([{"n":1}])"), echo);
      EXPECT_EQ(out.done.result_json(), R"({"n":1,"doc":{"_id":"x"},"now":2000,"random":true})")
          << out.done.error().message();
      EXPECT_TRUE(out.done.observed_time());
      EXPECT_TRUE(out.done.observed_random());
      ASSERT_EQ(out.done.logs_size(), 1);
      EXPECT_EQ(out.done.logs(0).messages(0), "'hello'");
    }
    const auto failed = worker.Run(TestWorker::Start(wire::QUERY, "m.js", "fail"));
    EXPECT_EQ(failed.done.error().kind(), wire::JsError::EXCEPTION);
    EXPECT_EQ(failed.done.error().message(), "Uncaught Error: boom");
    const auto missing = worker.Run(TestWorker::Start(wire::QUERY, "m.js", "nothing"));
    EXPECT_EQ(missing.done.error().kind(), wire::JsError::DEVELOPER);
    EXPECT_EQ(missing.done.error().message(), "Couldn't find \"nothing\" in module \"m.js\".");
    const auto text = worker.Run(TestWorker::Start(wire::QUERY, "m.js", "text"));
    EXPECT_EQ(text.done.result_json(), R"(["-_z9_g==","fbfcfdfe","fafbfcfdfeff0001"])");
    const auto hidden = worker.Run(TestWorker::Start(wire::QUERY, "m.js", "hidden"));
    EXPECT_EQ(hidden.done.result_json(), "\"undefined\"");
  }

  std::map<std::string, std::string> modules_ = {
      {"m.js",
       "const query = handler => Object.assign(() => 0, {isQuery: true, isPublic: true, exportArgs: () => "
       "'{\"type\":\"any\"}',"
       " exportReturns: () => 'null',"
       " invokeQuery: async args => JSON.stringify(await handler(...JSON.parse(args)))});\n"
       "export const get = query(async ({n}) => { console.log('hello');"
       " return {n, doc: JSON.parse(await Convex.asyncSyscall('1.0/get', '{\"id\":\"x\"}')), now: Date.now(),"
       " random: Math.random() < 1}; });\n"
       "export const fail = query(() => { throw new Error('boom'); });\n"
       "export const text = query(() => { const all = Uint8Array.from({length: 8}, (_, i) => 250 + i);"
       " const part = all.subarray(1, 5); return [part.toBase64({alphabet: 'base64url'}), part.toHex(), "
       "all.toHex()]; });\n"
       "export const hidden = query(() => typeof globalThis.__hull);\n"},
  };
};

TEST_F(RealRuntimeTest, CallsFromSource) {
  TestWorker worker(HULL_RUNTIME_BUNDLE);
  worker.modules = modules_;
  worker.Init();
  CheckCalls(worker);
}

TEST_F(RealRuntimeTest, CallsFromSnapshot) {
  Build({"m.js"});
  TestWorker worker(HULL_RUNTIME_BUNDLE);
  worker.modules = modules_;
  auto init = TestWorker::DefaultInit();
  init.set_snapshot_path(snapshot());
  init.set_sandbox(true);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(worker.Init(init).snapshot_entries_size(), 1);
  const std::chrono::duration<double, std::milli> started = std::chrono::steady_clock::now() - begin;
  CheckCalls(worker);
  EXPECT_EQ(worker.module_requests, 0);
  constexpr int kCalls = 500;
  const auto calls_begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kCalls; ++i) worker.Run(TestWorker::Start(wire::QUERY, "m.js", "hidden"));
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - calls_begin;
  RecordProperty("process_start_ms", std::to_string(started.count()));
  RecordProperty("call_us", std::to_string(took.count() / kCalls));
  std::ifstream status("/proc/" + std::to_string(worker.pid()) + "/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmRSS:")) RecordProperty("rss", line);
  }
}

TEST_F(RealRuntimeTest, Analysis) {
  TestWorker worker(HULL_RUNTIME_BUNDLE);
  worker.modules = modules_;
  worker.Init();
  wire::ToWorker message;
  message.mutable_analyze()->add_modules("m.js");
  message.mutable_analyze()->set_user_timeout_ms(4000);
  worker.Send(message);
  wire::FromWorker reply;
  ASSERT_TRUE(worker.Receive(&reply));
  EXPECT_EQ(reply.analyzed().error().message(), "");
  ASSERT_EQ(reply.analyzed().modules_size(), 1);
  EXPECT_EQ(reply.analyzed().modules(0).functions_size(), 4);
}

}  // namespace
}  // namespace hull::worker
