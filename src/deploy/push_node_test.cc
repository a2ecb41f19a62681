// Pushes with "use node" modules: what is prepared, stored and answered.
#include "deploy/push_fixture.h"

namespace hull {
namespace {

using testing::PushTest;

class PushNodeTest : public PushTest {
 protected:
  static Push node_push(const std::string& dependencies = "[]", const std::string& version = "") {
    Push push;
    push.changed = {{"messages.js", "query list"}, {"node/ai.js", "action ask"}, {"_deps/node/AB.js", "x y"}};
    push.node_dependencies = dependencies;
    if (!version.empty()) push.more = ",\"nodeVersion\":\"" + version + "\"";
    return push;
  }
  NodeSettings deployed() { return node_settings_of(*engine_->snapshot()->catalog()); }
  std::string code_key() { return (*runner_->code().load(*engine_->snapshot()->catalog()))->key(); }
  size_t rows(const std::string& table) { return engine_->snapshot()->catalog()->system_rows(table).size(); }
};

TEST_F(PushNodeTest, ModulesAreAnalysedByTheirEnvironment) {
  push(node_push());
  EXPECT_EQ(runner_->last_analysis.function_modules, std::vector<std::string>{"messages.js"});
  EXPECT_EQ(runner_->last_analysis.node_modules, std::vector<std::string>{"node/ai.js"});
  ASSERT_EQ(runner_->prepared_node.size(), 1u);
  EXPECT_TRUE(deployed().empty());
  auto code = *runner_->code().load(*engine_->snapshot()->catalog());
  EXPECT_EQ(code->modules().at("node/ai.js").environment, "node");
  EXPECT_EQ(code->modules().at("node/ai.js").functions.count("ask"), 1u);
  EXPECT_EQ(code->entries(), std::vector<std::string>{"messages.js"});
}

TEST_F(PushNodeTest, PackagesAndVersionAreRememberedAndPartOfTheCode) {
  push(node_push());
  std::string plain = code_key();
  auto started =
      start(node_push(R"([{"name":"sharp","version":"0.33.5"},{"name":"ms","version":"2.1.3"}])", "22"));
  EXPECT_TRUE(deployed().empty()) << "only finishing switches";
  Value answer = parsed(started);
  EXPECT_TRUE(answer->find("externalDepsId")->is_string());
  ASSERT_TRUE(finish(*started).ok());
  NodeSettings expected{"22", {{"ms", "2.1.3"}, {"sharp", "0.33.5"}}};
  EXPECT_EQ(deployed(), expected);
  EXPECT_EQ(runner_->prepared_node.back(), expected);
  EXPECT_EQ(runner_->last_analysis.node, expected);
  EXPECT_NE(code_key(), plain);
  EXPECT_EQ(runner_->prepared.back(), code_key());
  EXPECT_EQ(hashes()->find("nodeVersion")->as_string(), "22");
  // The same list is the same row, in whatever order it comes.
  push(node_push(R"([{"name":"ms","version":"2.1.3"},{"name":"sharp","version":"0.33.5"}])", "22"));
  EXPECT_EQ(rows("_external_packages"), 1u);
  push(node_push());
  EXPECT_TRUE(deployed().empty());
  EXPECT_TRUE(hashes()->find("nodeVersion")->is_null());
  EXPECT_EQ(code_key(), plain);
  EXPECT_EQ(rows("_source_packages"), 1u);
}

TEST_F(PushNodeTest, ARefusalOfNodeEndsThePushUnlessNobodyNeedsIt) {
  runner_->node_failure = Error::bad_request("DeploymentNotConfiguredForNodeActions", "no node");
  EXPECT_EQ(text(start(node_push())),
            "DeploymentNotConfiguredForNodeActions: Hit an error while pushing:\nno node");
  Push plain;
  plain.changed = {{"messages.js", "query list"}};
  EXPECT_TRUE(start(plain).ok());
}

TEST_F(PushNodeTest, AnUnknownPackageListIsRefused) {
  auto started = start(node_push());
  std::string tampered = *started;
  tampered.replace(tampered.find("\"externalDepsId\":null"), 21, "\"externalDepsId\":\"nonsense\"");
  EXPECT_EQ(text(finish(tampered)), "BadJsonBody: invalid field `externalDepsId`");
}

}  // namespace
}  // namespace hull
