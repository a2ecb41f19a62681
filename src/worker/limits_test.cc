// Time and memory limits, cancelling, the sandbox, dying.
#include "worker/exit_status.h"
#include "worker/test_worker.h"

namespace hull::worker {
namespace {

class LimitsTest : public WorkerTest {
 protected:
  Outcome Run(TestWorker& worker, const std::string& source, wire::UdfType type = wire::QUERY,
              uint32_t timeout_ms = 300) {
    worker.modules["m.js"] = source;
    auto start = TestWorker::Start(type, "m.js", "f");
    start.set_user_timeout_ms(timeout_ms);
    return worker.Run(start);
  }
};

TEST_F(LimitsTest, EndlessLoop) {
  TestWorker worker(runtime_);
  worker.Init();
  const auto out = Run(worker, "export const f = () => { while (true) { try { while (true); } catch {} } }");
  EXPECT_EQ(out.done.error().kind(), wire::JsError::TIMEOUT);
  EXPECT_EQ(out.done.error().message(), "Function execution timed out (maximum duration: 0.3s)");
  EXPECT_TRUE(out.done.retire());
  EXPECT_GE(out.done.user_time_us(), 290000u);
  // The isolate still works for the calls that share it.
  worker.modules["ok.js"] = "export const f = () => 1";
  EXPECT_EQ(worker.Run(TestWorker::Start(wire::QUERY, "ok.js", "f")).done.result_json(), "1");
}

TEST_F(LimitsTest, EndlessMicrotasksAndImports) {
  TestWorker worker(runtime_);
  worker.Init();
  EXPECT_EQ(Run(worker, "export const f = async () => { while (true) await null; }").done.error().kind(),
            wire::JsError::TIMEOUT);
  worker.modules["n.js"] = "while (true);";
  auto start = TestWorker::Start(wire::QUERY, "n.js", "f");
  start.set_user_timeout_ms(1000);
  EXPECT_EQ(worker.Run(start).done.error().message(), "Function execution timed out (maximum duration: 1s)");
}

TEST_F(LimitsTest, WaitingIsFree) {
  TestWorker worker(runtime_);
  worker.Init();
  worker.modules["m.js"] =
      "export const f = async () => { await Convex.asyncSyscall('1.0/get', ''); "
      "Convex.syscall('1.0/db/normalizeId', ''); "
      "return 1 }";
  auto start = TestWorker::Start(wire::QUERY, "m.js", "f");
  start.set_user_timeout_ms(100);
  const auto out = worker.Run(start, [](const wire::Op& op, wire::OpResults* results) {
    usleep(200000);
    AddJson(results, op, "{}");
  });
  EXPECT_EQ(out.done.result_json(), "1");
}

TEST_F(LimitsTest, ActionsAreLimitedInWallClockTime) {
  TestWorker worker(runtime_);
  worker.Init();
  const auto out = Run(worker, "export const f = () => host.asyncOp('sleep', '')", wire::ACTION);
  EXPECT_EQ(out.done.error().kind(), wire::JsError::TIMEOUT);
}

TEST_F(LimitsTest, HeapAndArrayBuffers) {
  TestWorker worker(runtime_);
  worker.Init();
  EXPECT_EQ(Run(worker,
                "export const f = () => { const a = []; try { for (let i = 0; i < 5; i++)"
                " a.push(new Uint8Array(20 << 20)); } catch (e) { return [e.name, e.message, a.length] } }")
                .done.result_json(),
            R"(["RangeError","Array buffer allocation failed",3])");
  worker.modules["oom.js"] = "export const f = () => { const a = []; while (true) a.push({x: [a.length]}); }";
  auto start = TestWorker::Start(wire::QUERY, "oom.js", "f");
  start.set_user_timeout_ms(20000);
  const auto out = worker.Run(start);
  EXPECT_EQ(out.done.error().kind(), wire::JsError::OUT_OF_MEMORY);
  EXPECT_EQ(out.done.error().message(),
            "JavaScript execution ran out of memory (maximum memory usage: 64 MB)");
  EXPECT_TRUE(out.done.retire());
}

TEST_F(LimitsTest, OptimizedAllocationWithoutEndIsStoppedInTime) {
  TestWorker worker(runtime_);
  worker.Init();
  const auto out = Run(worker,
                       "export const f = async () => { const kept = []; for (;;) kept.push(new "
                       "Array(1000).fill(kept.length)); }",
                       wire::QUERY, 20000);
  EXPECT_EQ(out.done.error().kind(), wire::JsError::OUT_OF_MEMORY);
  EXPECT_LT(worker.PeakMebibytes(), 250u);
  worker.modules["ok.js"] = "export const f = () => 1";
  EXPECT_EQ(worker.Run(TestWorker::Start(wire::QUERY, "ok.js", "f")).done.result_json(), "1");
}

// A builtin that notices no termination: the process has to go.
TEST_F(LimitsTest, DeafTurnsEndTheProcess) {
  TestWorker full(runtime_);
  full.Init();
  Run(full, "export const f = () => Array.from({length: 1e9}).length", wire::QUERY, 20000);
  EXPECT_EQ(WEXITSTATUS(full.Reap(5)), kExitOutOfMemory);
  TestWorker late(runtime_);
  late.Init();
  Run(late, "export const f = () => Array.prototype.indexOf.call({length: 2 ** 50}, 1)");
  EXPECT_EQ(WEXITSTATUS(late.Reap(5)), kExitTimeout);
}

TEST_F(LimitsTest, FatalOutOfMemoryDiesQuickly) {
  TestWorker worker(runtime_);
  worker.Init();
  const auto out = Run(worker, "export const f = () => 'x'.repeat(2**28).split('')", wire::QUERY, 10000);
  EXPECT_NE(out.done.error().message(), "");
  if (out.done.error().message() == "the worker is gone") {
    EXPECT_NE(worker.Reap(5), -1);
  }
}

TEST_F(LimitsTest, StackOverflowIsAnException) {
  TestWorker worker(runtime_);
  worker.Init();
  EXPECT_EQ(Run(worker, "const g = n => g(n + 1) + 1; export const f = () => g(0)").done.error().message(),
            "Uncaught RangeError: Maximum call stack size exceeded");
}

TEST_F(LimitsTest, Cancelling) {
  TestWorker worker(runtime_);
  worker.Init();
  worker.modules["m.js"] =
      "export const loop = () => { while (true); };"
      "export const wait = () => Convex.asyncSyscall('1.0/get', ''); export const sync = () => "
      "Convex.syscall('1.0/db/normalizeId', '');";
  for (const char* function : {"loop", "wait", "sync"}) {
    auto start = TestWorker::Start(wire::QUERY, "m.js", function);
    start.set_user_timeout_ms(10000);
    worker.Begin(start);
    usleep(200000);
    wire::ToWorker message;
    message.mutable_terminate()->set_call_id(start.call_id());
    worker.Send(message);
    const auto out = worker.Finish();
    EXPECT_EQ(out.done.call_id(), start.call_id());
    EXPECT_EQ(out.done.error().kind(), wire::JsError::TERMINATED) << function;
  }
}

TEST_F(LimitsTest, SandboxedWorkerWorks) {
  TestWorker worker(runtime_);
  auto init = TestWorker::DefaultInit();
  init.set_sandbox(true);
  const auto ready = worker.Init(init);
  EXPECT_EQ(ready.sandbox_report(), "");
  const auto out =
      Run(worker,
          "export const f = () => { let x = 0; for (let i = 0; i < 3e6; i++) x += Math.sqrt(i);"
          " const a = []; for (let i = 0; i < 3e5; i++) a.push({i});"
          " const r = new Uint8Array(4); host.secureRandom(r);"
          " return [x > 0, a.length, new Date(0).toLocaleString('de-DE', {timeZone: 'Asia/Tokyo'}),"
          " r.length, [3,1,2].toSorted()] }",
          wire::QUERY, 5000);
  EXPECT_EQ(out.done.result_json(), R"([true,300000,"1.1.1970, 09:00:00",4,[1,2,3]])");
  std::ifstream status("/proc/" + std::to_string(worker.pid()) + "/status");
  std::string line;
  std::string seccomp;
  while (std::getline(status, line)) {
    if (line.starts_with("Seccomp:")) seccomp = line;
  }
  EXPECT_EQ(seccomp, "Seccomp:\t2");
}

TEST_F(LimitsTest, LeavesWithTheServer) {
  auto worker = std::make_unique<TestWorker>(runtime_);
  worker->Init();
  wire::ToWorker message;
  message.mutable_shutdown();
  worker->Send(message);
  EXPECT_EQ(worker->Reap(5), 0);
}

}  // namespace
}  // namespace hull::worker
