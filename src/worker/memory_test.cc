// What a worker keeps between calls: neither the garbage of earlier calls nor every source it ever saw.
#include "worker/test_worker.h"

namespace hull::worker {
namespace {

class MemoryTest : public WorkerTest {
 protected:
  // Makes `calls` calls, fewer on a machine that has no time for them.
  static std::string Failures(TestWorker& worker, const std::string& module, int calls) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    int failed = 0;
    std::string first;
    for (int i = 0; i < calls && (i < 20 || std::chrono::steady_clock::now() < deadline); ++i) {
      auto start = TestWorker::Start(wire::QUERY, module, "f");
      start.set_user_timeout_ms(20000);
      const auto out = worker.Run(start);
      if (!out.done.has_error()) continue;
      if (failed++ == 0) first = std::to_string(i) + ": " + out.done.error().message();
    }
    return failed == 0 ? "" : std::to_string(failed) + " failed, first " + first;
  }
};

// 64 MiB of heap are enough for any number of calls that need 30 MiB each.
TEST_F(MemoryTest, CallsDoNotPayForTheGarbageOfEarlierCalls) {
  TestWorker worker(runtime_);
  worker.Init();
  worker.modules["arrays.js"] =
      "export const f = () => { const kept = []; for (let i = 0; i < 30; i++) kept.push(new "
      "Array(131072).fill(i));"
      " return kept.length }";
  EXPECT_EQ(Failures(worker, "arrays.js", 2000), "");
  EXPECT_LT(worker.PeakMebibytes(), 250u);
}

TEST_F(MemoryTest, CallsOfManySmallObjectsDoNotEither) {
  TestWorker worker(runtime_);
  worker.Init();
  worker.modules["objects.js"] =
      "export const f = () => { const kept = []; for (let i = 0; i < 400000; i++) kept.push({i, next: kept[i "
      "- 1]});"
      " return kept.length }";
  EXPECT_EQ(Failures(worker, "objects.js", 150), "");
}

}  // namespace
}  // namespace hull::worker
