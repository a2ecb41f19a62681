// "use node" actions on real executors: semantics shared with other actions, faults, isolation, lifetime.
#include <gmock/gmock.h>
#include <signal.h>

#include <set>
#include <thread>

#include "functions/test_deployment.h"

namespace hull::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kIsolate = R"js(
export const add = mutation(async ({n}) => insert('t', {n}));
export const total = query(async () => (await collect('t')).reduce((a, r) => a + r.n, 0));
export const outer = action(async () => op('1.0/actions/action', {name: 'n:inner', args: {}}));
)js";
constexpr const char* kNode = R"js('use node';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
const call = (kind, name, args = {}) => op('1.0/actions/' + kind, {name, args});
let calls = 0;
export const hash = action(async ({text}) => createHash('sha1').update(text).digest('hex'));
export const warm = action(async () => ++calls);
export const pid = action(async () => process.pid);
export const work = action(async () => {
  console.log('start', {n: 1});
  for (const n of [1, 2, 3]) await call('mutation', 'm:add', {n});
  return call('query', 'm:total');
});
export const inner = action(async () => 'inner', {internal: true});
export const nap = action(async ({ms}) => { await new Promise(r => setTimeout(r, ms)); return process.pid; });
export const boom = action(async () => { throw new Error('boom'); });
export const badReturn = action(async () => 5, {returns: {type: 'string'}});
export const die = action(async () => { process.kill(process.pid, 'SIGKILL'); await new Promise(() => {}); });
export const exit = action(async () => process.exit(2));
export const loop = action(async () => { for (;;); });
export const never = action(async () => new Promise(() => {}));
export const heap = action(async () => { const all = []; for (;;) all.push(new Array(1000).fill({})); });
export const buffers = action(async () => {
  const all = [];
  for (;;) { all.push(Buffer.alloc(8 << 20, 1)); await new Promise(r => setTimeout(r, 5)); }
});
export const env = action(async () => ({names: Object.keys(process.env).sort(), url: process.env.CONVEX_CLOUD_URL}));
export const where = action(async () => [process.cwd(), existsSync('modules/n.js'), existsSync('modules/m.js')]);
export const version = action(async () => 1);
)js";

class NodeActionTest : public ::testing::Test {
 protected:
  void begin(Knobs knobs = {}) {
    d.emplace(knobs);
    ASSERT_EQ(d->push({{"m.js", kIsolate}, {"n.js", kNode}}), "");
  }
  std::string run(const std::string& path, const std::string& args = "{}") {
    return d->text(d->action(path, args));
  }
  std::future<FunctionResult> start(const std::string& path, const std::string& args = "{}") {
    auto promise = std::make_shared<std::promise<FunctionResult>>();
    d->runner().action(d->call(path, args),
                       [promise](FunctionResult r) { promise->set_value(std::move(r)); });
    return promise->get_future();
  }
  // Waits until the modules of so many versions are unpacked; false after 10 s.
  bool unpacked(size_t count) {
    for (int i = 0; i < 1000; ++i) {
      if (directories() == count) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  size_t directories() const {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(d->directory() / "scratch/node"))
      count += entry.is_directory();
    return count;
  }
  std::optional<TestDeployment> d;
};

TEST_F(NodeActionTest, RunLikeOtherActionsInNodesOwnWorld) {
  begin();
  EXPECT_EQ(run("n:hash", R"({"text":"a"})"), R"("86f7e437faa5a7fce15d1ddcb9eaeaea377667b8")");
  auto result = d->action("n:work");
  EXPECT_EQ(d->text(result), "6");
  ASSERT_EQ(result.log_lines.size(), 1u);
  EXPECT_EQ(result.log_lines[0].pretty(), "[LOG] 'start' { n: 1 }");
  EXPECT_EQ(run("m:outer"), R"("inner")");
  EXPECT_EQ(run("n:warm"), "1");
  EXPECT_EQ(run("n:warm"), "2");
  EXPECT_THAT(run("n:boom"), StartsWith("Uncaught Error: boom\n"));
  EXPECT_THAT(run("n:badReturn"), StartsWith("ReturnsValidationError: "));
  EXPECT_THAT(run("n:inner"), HasSubstr("inner"));
}

TEST_F(NodeActionTest, SeesOnlyTheDeploymentsVariablesAndItsOwnModules) {
  setenv("HULL_TEST_SECRET", "s3cr3t", 1);
  begin();
  std::string env = run("n:env");
  EXPECT_THAT(env, HasSubstr(R"("url":"http://127.0.0.1:3210")"));
  EXPECT_THAT(env, HasSubstr("\"CONVEX_SITE_URL\""));
  EXPECT_THAT(env, ::testing::Not(HasSubstr("HULL_TEST_SECRET")));
  EXPECT_THAT(env, ::testing::Not(HasSubstr("HOME")));
  EXPECT_THAT(run("n:where"), ::testing::AllOf(HasSubstr("/scratch/node/"), HasSubstr(",true,false]")));
}

TEST_F(NodeActionTest, ArgumentsAreLimitedToFiveMebibytes) {
  begin();
  EXPECT_THAT(run("n:hash", "{\"text\":\"" + std::string(5u << 20, 'x') + "\"}"),
              StartsWith("Node actions arguments size is too large. The maximum size is 5 MiB. "));
}

TEST_F(NodeActionTest, CallsAtOncePreferProcessesOfTheirOwnUpToAFew) {
  begin();
  std::vector<std::future<FunctionResult>> results;
  for (int i = 0; i < 20; ++i) results.push_back(start("n:nap", R"({"ms":400})"));
  std::set<std::string> pids;
  for (auto& result : results) pids.insert(d->text(result.get()));
  EXPECT_EQ(pids.size(), 3u);
}

TEST_F(NodeActionTest, ACrashCostsOnlyTheCallsOfItsProcess) {
  begin();
  auto healthy = start("n:nap", R"({"ms":1000})");
  EXPECT_THAT(run("n:die"), StartsWith("The Node.js process that ran this action ended unexpectedly."));
  EXPECT_THAT(d->text(healthy.get()), ::testing::MatchesRegex("[0-9]+"));
  EXPECT_EQ(run("n:warm"), "1");
}

TEST_F(NodeActionTest, AProcessThatWantedToExitIsReplaced) {
  begin();
  const std::string pid = run("n:pid");
  EXPECT_EQ(run("n:exit"), "process.exit() called with exit code 2\n");
  EXPECT_NE(run("n:pid"), pid);
}

TEST_F(NodeActionTest, TimeLimits) {
  Knobs knobs;
  knobs.node_action_user_timeout_s = 0.4;
  begin(knobs);
  auto loop = start("n:loop");
  EXPECT_EQ(run("n:never"), "Action `never` execution timed out (maximum duration 0.4s)\n");
  EXPECT_EQ(d->text(loop.get()),
            "Function execution unexpectedly timed out. Check your function for infinite loops or other "
            "long-running operations.\n");
}

TEST_F(NodeActionTest, MemoryIsLimited) {
  Knobs knobs;
  knobs.node_action_memory = 160u << 20;
  begin(knobs);
  const std::string text = "JavaScript execution ran out of memory (maximum memory usage: 160 MB)\n";
  EXPECT_EQ(run("n:heap"), text);
  EXPECT_EQ(run("n:buffers"), text);
  EXPECT_EQ(run("n:warm"), "1");
}

TEST_F(NodeActionTest, ConcurrencyIsLimited) {
  Knobs knobs;
  knobs.max_concurrent_node_actions = 1;
  begin(knobs);
  auto slow = start("n:nap", R"({"ms":12500})");
  EXPECT_EQ(run("n:warm"),
            "system: TooManyConcurrentRequests: Too many concurrent requests. Your backend is limited to 1 "
            "concurrent node actions.");
  EXPECT_TRUE(slow.get().ok());
}

TEST_F(NodeActionTest, ACallEndsWithTheCodeItBeganWith) {
  begin();
  run("n:warm");
  auto old = start("n:nap", R"({"ms":1500})");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  std::string next = kNode;
  next.replace(next.find("version = action(async () => 1)"), 31, "version = action(async () => 2)");
  ASSERT_EQ(d->push({{"m.js", kIsolate}, {"n.js", next}}), "");
  EXPECT_EQ(run("n:version"), "2");
  EXPECT_TRUE(old.get().ok());
  EXPECT_TRUE(unpacked(1)) << "modules of the old code are still there";
}

TEST_F(NodeActionTest, ProcessesRetireWhenIdle) {
  Knobs knobs;
  knobs.node_process_idle_s = 0.2;
  begin(knobs);
  const std::string first = run("n:pid");
  for (int i = 0; i < 200 && kill(std::stoi(first), 0) == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_NE(kill(std::stoi(first), 0), 0);
  EXPECT_NE(run("n:pid"), first);
}

TEST_F(NodeActionTest, StoppingEndsCallsAndRemovesWhatWasUnpacked) {
  begin();
  auto endless = start("n:never");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  d->stop();
  EXPECT_FALSE(endless.get().ok());
  EXPECT_EQ(directories(), 0u);
}

TEST_F(NodeActionTest, AnalysisNamesWhatIsNoActionAndWhatFails) {
  d.emplace();
  EXPECT_EQ(d->push({{"n.js", "'use node'; export const q = query(async () => 1);"}}),
            "n.js: `q` defined in `n.js` is a Query function. Only actions can be defined in Node.js. See "
            "https://docs.convex.dev/functions/actions for more details.");
  EXPECT_THAT(d->push({{"n.js", "'use node'; throw new Error('at import');"}}),
              StartsWith("n.js: Uncaught Error: at import"));
  EXPECT_THAT(
      d->push({{"n.js", "'use node'; process.kill(process.pid, 'SIGKILL'); await new Promise(() => {});"}}),
      HasSubstr("ran out of memory or crashed"));
}

TEST_F(NodeActionTest, WithoutNodeThePushIsRefused) {
  d.emplace(Knobs{}, "/nowhere/node");
  EXPECT_THAT(
      d->push({{"n.js", kNode}}),
      StartsWith("Deployment is not configured to deploy \"use node\" actions. Node.js v20, 22, or 24 is "
                 "not installed."));
  EXPECT_EQ(d->runner().prepare_node({}).error().code, "DeploymentNotConfiguredForNodeActions");
  EXPECT_EQ(d->push({{"m.js", kIsolate}}), "");
}

}  // namespace
}  // namespace hull::testing
