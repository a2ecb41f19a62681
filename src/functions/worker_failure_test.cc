// Calls whose worker dies, hangs or grows without end: they cost one call, never the server (DESIGN §1).
#include <gmock/gmock.h>
#include <signal.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "functions/test_deployment.h"

namespace hull::testing {
namespace {

using ::testing::StartsWith;

constexpr const char* kModule = R"js(
export const ok = query(async () => 'ok');
export const loop = query(async () => { for (;;) {} });
export const loopMutation = mutation(async () => { await insert('t', {a: 1}); for (;;) {} });
export const allocate = query(async () => { const a = []; for (;;) a.push(new Array(1000).fill(a.length)); });
export const abort = query(async () => { 'x'.repeat(2 ** 28).split(''); });
export const slow = query(async ({ms}) => { let n = 0;
  for (let i = 0; i < ms * 100000; i++) n += i % 7; await collect('t'); return n > 0; });
export const rows = query(async () => (await collect('t')).length);
export const die = action(async () => { 'x'.repeat(2 ** 28).split(''); });
)js";

// Children of this process that are workers.
std::vector<pid_t> workers() {
  std::vector<pid_t> pids;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream children(task.path() / "children");
    for (pid_t pid; children >> pid;) pids.push_back(pid);
  }
  return pids;
}

class WorkerFailureTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(d.push({{"m.js", kModule}}), ""); }
  TestDeployment d;
};

TEST_F(WorkerFailureTest, EndlessLoopTimesOutAndTheNextCallWorks) {
  EXPECT_EQ(d.text(d.query("m:loop")), "Function execution timed out (maximum duration: 1s)\n");
  EXPECT_EQ(d.text(d.query("m:ok")), R"("ok")");
  EXPECT_THAT(d.text(d.mutation("m:loopMutation")), StartsWith("Function execution timed out"));
  EXPECT_EQ(d.text(d.query("m:rows")), "0");
}

TEST_F(WorkerFailureTest, AllocationWithoutEndIsAnError) {
  EXPECT_EQ(d.text(d.query("m:allocate")),
            "JavaScript execution ran out of memory (maximum memory usage: 64 MB)\n");
  EXPECT_EQ(d.text(d.query("m:ok")), R"("ok")");
}

TEST_F(WorkerFailureTest, AbortOfTheProcessIsAnError) {
  d.knobs().udf_user_timeout_s = 10;  // filling the memory must not take longer
  EXPECT_EQ(d.text(d.query("m:abort")),
            "JavaScript execution ran out of memory (maximum memory usage: 64 MB)\n");
  EXPECT_EQ(d.text(d.query("m:ok")), R"("ok")");
  EXPECT_EQ(d.text(d.action("m:die")),
            "JavaScript execution ran out of memory (maximum memory usage: 64 MB)\n");
}

TEST_F(WorkerFailureTest, LoopingCallsDoNotHoldUpOthers) {
  d.knobs().udf_user_timeout_s = 3;
  ASSERT_EQ(d.text(d.query("m:ok")), R"("ok")");
  std::atomic<int> ended{0};
  std::vector<std::future<void>> loops;
  for (int i = 0; i < 6; ++i) {
    auto done = std::make_shared<std::promise<void>>();
    loops.push_back(done->get_future());
    d.runner().query(d.call("m:loop", R"({"n":)" + std::to_string(i) + "}"), std::nullopt, Timestamp{}, false,
                     [&ended, done](QueryOutcome) {
                       ++ended;
                       done->set_value();
                     });
  }
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(d.text(d.query("m:rows", R"({"n":)" + std::to_string(i) + "}")), "0");
  }
  EXPECT_EQ(ended, 0);
  for (auto& loop : loops) loop.wait();
}

TEST_F(WorkerFailureTest, KilledWorkersAreInvisible) {
  ASSERT_EQ(d.text(d.query("m:ok")), R"("ok")");
  std::promise<QueryOutcome> done;
  d.runner().query(d.call("m:slow", R"({"ms":300})"), std::nullopt, Timestamp{}, false,
                   [&](QueryOutcome o) { done.set_value(std::move(o)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  for (pid_t pid : workers()) kill(pid, SIGKILL);
  EXPECT_EQ(d.text(done.get_future().get()), "true");
  for (pid_t pid : workers()) kill(pid, SIGKILL);  // idle ones: the next call finds out
  EXPECT_EQ(d.text(d.query("m:rows")), "0");
}

TEST_F(WorkerFailureTest, StoppingWhileCallsRunAnswersAllOfThem) {
  std::atomic<int> answers{0};
  for (int i = 0; i < 20; ++i) {
    d.runner().query(d.call("m:slow", R"({"ms":)" + std::to_string(i) + "}"), std::nullopt, Timestamp{},
                     false, [&](QueryOutcome) { ++answers; });
  }
  d.stop();
  EXPECT_EQ(answers, 20);
}

TEST_F(WorkerFailureTest, WorkersKnowNoSecretsAndReachNoNetwork) {
  ASSERT_EQ(d.text(d.query("m:ok")), R"("ok")");
  ASSERT_FALSE(workers().empty());
  for (pid_t pid : workers()) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/environ");
    std::string environment((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(environment.find("PATH="), std::string::npos);
    size_t descriptors = 0;
    for ([[maybe_unused]] auto& fd :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
      ++descriptors;
    }
    EXPECT_LT(descriptors, 40u);
  }
}

}  // namespace
}  // namespace hull::testing
