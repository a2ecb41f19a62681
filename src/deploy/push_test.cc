// Whole pushes: answers, code rows, switch, races.
#include <set>

#include "base/time.h"
#include "deploy/push_fixture.h"
#include "deploy/source_package.h"
#include "services/environment.h"

namespace hull {
namespace {

using testing::kByBody;
using testing::messages_table;
using testing::PushTest;
using testing::schema_of;

std::string hash_of(const std::string& source) { return module_hash(source, ""); }

// The names in an array of strings.
std::string list(std::optional<ValueView> array) {
  std::string out;
  for (size_t i = 0; array && i < array->count(); ++i)
    out += std::string(array->element(i).as_string()) + " ";
  return out;
}
ValueView root_diff(const Value& finished) { return *finished->find("componentDiffs")->find(""); }

TEST_F(PushTest, BeforeTheFirstPush) {
  EXPECT_EQ(
      to_plain_json(hashes()),
      R"({"config":{"functions":"convex/"},"moduleHashes":[],"nodeVersion":null,"udfServerVersion":null})");
}

TEST_F(PushTest, TheFirstPushCreatesEverything) {
  auto started = start({{{"messages.js", "query list mutation send"}, {"_deps/AB.js", "x y"}},
                        {},
                        schema_of(messages_table(kByBody))});
  ASSERT_TRUE(started.ok()) << text(started);
  Value answer = parsed(started);
  EXPECT_TRUE(answer->find("externalDepsId")->is_null());
  EXPECT_EQ(answer->find("environmentVariables")->count(), 0u);
  EXPECT_TRUE(answer->find("componentDefinitionPackages")->find("")->find("storageKey")->is_string());
  ValueView root = *answer->find("analysis")->find("");
  EXPECT_EQ(root.find("definition")->find("path")->as_string(), "");
  EXPECT_EQ(root.find("udfConfig")->find("serverVersion")->as_string(), "1.48.0");
  EXPECT_EQ(root.find("functions")->count(), 1u);
  ValueView function = root.find("functions")->find("messages.js")->find("functions")->element(0);
  EXPECT_EQ(to_plain_json(function),
            R"({"args":"{\"type\":\"any\"}","name":"list","pos":{"path":"messages.js","start_col":1,)"
            R"("start_lineno":1},"returns":"null","udfType":"Query","visibility":{"kind":"public"}})");
  ValueView diff = *answer->find("schemaChange")->find("indexDiffs")->find("");
  EXPECT_EQ(
      to_plain_json(*diff.find("added_indexes")),
      R"([{"fields":["body","_creationTime"],"name":"messages.by_it","staged":false,"type":"database"}])");
  ASSERT_NE(answer->find("schemaChange")->find("allocatedComponentIds")->find(""), std::nullopt);

  EXPECT_EQ(wait_to_the_end(*started), "{\"type\":\"complete\"}");
  Value finished = parsed(finish(*started));
  ValueView root_of = root_diff(finished);
  EXPECT_EQ(root_of.find("diffType")->find("type")->as_string(), "create");
  EXPECT_EQ(list(root_of.find("moduleDiff")->find("added")), "messages.js schema.js ");
  EXPECT_TRUE(root_of.find("udfConfigDiff")->is_null());
  EXPECT_TRUE(root_of.find("schemaDiff")->find("previous_schema")->is_null());
  EXPECT_TRUE(root_of.find("schemaDiff")->find("next_schema")->is_string());

  Value stored = hashes();
  EXPECT_EQ(stored->find("moduleHashes")->count(), 3u);
  EXPECT_EQ(stored->find("udfServerVersion")->as_string(), "1.48.0");
  auto catalog = engine_->snapshot()->catalog();
  EXPECT_NE(catalog->active_schema(), nullptr);
  EXPECT_EQ(catalog->table("messages")->find_index("by_it")->state, IndexState::kEnabled);
  // What was prepared is what traffic gets.
  EXPECT_EQ(runner_->prepared.back(), (*runner_->code().load(*catalog))->key());
}

TEST_F(PushTest, UnchangedModulesComeFromTheStore) {
  push({{{"a.js", "query one"}, {"b.js", "query two"}}});
  auto before = engine_->snapshot()->catalog();
  Value finished = push({{{"b.js", "query three"}}, {{"a.js", hash_of("query one")}}});
  EXPECT_EQ(list(root_diff(finished).find("moduleDiff")->find("added")), "");
  EXPECT_EQ(root_diff(finished).find("diffType")->find("type")->as_string(), "modify");
  auto code = *runner_->code().load(*engine_->snapshot()->catalog());
  EXPECT_EQ(*code->text("a.js", ModuleText::kSource), "query one");
  EXPECT_EQ(*code->text("b.js", ModuleText::kSource), "query three");
  // The row of the unchanged module was not touched.
  auto after = engine_->snapshot()->catalog();
  for (const auto& row : before->system_rows("_modules")) {
    bool same = after->system_row("_modules", row->id.internal)->ts == row->ts;
    EXPECT_EQ(same, row->value->find("path")->as_string() == "a.js");
  }

  auto conflict = start({{}, {{"a.js", hash_of("other")}}});
  EXPECT_EQ(http_status(conflict.error().kind), 409);
  EXPECT_EQ(text(conflict),
            "ExistingModuleHashConflict: Hit an error while pushing:\nExisting module hash does not match.");
  EXPECT_EQ(start({{}, {{"c.js", hash_of("other")}}}).error().code, "MissingExistingModule");
}

TEST_F(PushTest, ModulesThatAreNotPushedGo) {
  push({{{"a.js", "query one"}, {"b.js", "query two"}}});
  Value finished = push({{{"b.js", "query two"}}, {}, "", "", "1.49.0"});
  EXPECT_EQ(list(root_diff(finished).find("moduleDiff")->find("removed")), "a.js ");
  EXPECT_EQ(to_plain_json(*root_diff(finished).find("udfConfigDiff")),
            R"({"next_version":"1.49.0","previous_version":"1.48.0"})");
  EXPECT_EQ(hashes()->find("moduleHashes")->count(), 1u);
}

TEST_F(PushTest, TheImportPhaseChangesOnlyWithTheVersion) {
  push({{{"a.js", "query one"}}});
  auto seed = runner_->last_analysis.import_seed;
  push({{{"a.js", "query two"}}});
  EXPECT_EQ(runner_->last_analysis.import_seed, seed);
  push({{{"a.js", "query two"}}, {}, "", "", "1.49.0"});
  EXPECT_NE(runner_->last_analysis.import_seed, seed);
}

TEST_F(PushTest, FailedAnalysisIsToldAsTheCliExpects) {
  runner_->next_outcome.failure = {"messages.js",
                                   "Uncaught Error: boom\n    at <anonymous> (../convex/m.ts:3:7)\n", ""};
  EXPECT_EQ(
      text(start({{{"messages.js", "query x"}}})),
      "InvalidModules: Hit an error while pushing:\nLoading the pushed modules encountered the following\n"
      "    error:\nFailed to analyze messages.js: Uncaught Error: boom\n    at <anonymous> "
      "(../convex/m.ts:3:7)\n");
  runner_->next_outcome.failure = {"schema.js", "no default", "MissingSchemaExportError"};
  EXPECT_EQ(
      text(start({{}, {}, "x"})),
      "MissingSchemaExportError: Hit an error while pushing:\nHit an error while evaluating your schema:\n"
      "no default");
  EXPECT_EQ(hashes()->find("moduleHashes")->count(), 0u);
}

TEST_F(PushTest, BadNamesAndSchemasAreRefused) {
  EXPECT_EQ(start({{{"a.js", "query $x"}}}).error().code, "InvalidFunctionName");
  auto schema = start({{}, {}, schema_of(R"({"tableName":"_x","indexes":[]})")});
  EXPECT_FALSE(schema.ok());
  EXPECT_TRUE(schema.error().message.starts_with(
      "Hit an error while pushing:\nHit an error while evaluating your schema:\n"))
      << text(schema);
}

TEST_F(PushTest, KeysAreChecked) {
  std::string good = key_;
  key_ = "happy-animal|00";
  auto refused = start({});
  EXPECT_EQ(refused.error().code, "BadDeployKey");
  EXPECT_EQ(http_status(refused.error().kind), 403);
  EXPECT_TRUE(refused.error().message.starts_with(
      "The provided deploy key was invalid for deployment 'happy-animal'."));
  key_ = mint_admin_key(secret_, "happy-animal", {true, false, 0, 5});
  EXPECT_TRUE(start({}).error().message.starts_with(
      "You do not have permission to perform this operation (deployment:deploy)."));
  key_ = good;
  EXPECT_EQ(deploy_->start_push("{", nullptr).error().code, "BadJsonBody");
  EXPECT_EQ(deploy_->report_push_completed("{}", Identity::anonymous()).error().code, "BadDeployKey");
  EXPECT_EQ(*deploy_->report_push_completed("{\"spans\":[]}", Identity::admin(false, std::nullopt)), "null");
  EXPECT_EQ(deploy_->evaluate_schema("{\"adminKey\":\"none\"}", nullptr).error().code, "BadDeployKey");
}

TEST_F(PushTest, EnvironmentMustNotChangeDuringAPush) {
  set_variable("A", "1");
  auto started = start({{{"a.js", "query one"}}});
  EXPECT_EQ(parsed(started)->find("environmentVariables")->find("A")->as_string(), "1");
  set_variable("B", "2");
  EXPECT_EQ(text(finish(*started)),
            "RaceDetected: Hit an error while pushing:\nEnvironment variables have changed during push");
}

TEST_F(PushTest, DeclaredVariablesAreRequired) {
  std::string definition =
      R"({"definitionType":{"type":"app"},"childComponents":[],"httpMounts":{},)"
      R"("exports":{"type":"branch","branch":[]},"envVars":[["NEEDED",{"type":"value",)"
      R"("value":"{\"type\":\"string\"}"}],["MAYBE",{"type":"value","value":"{\"type\":\"string\"}","optional":true}]]})";
  auto started = start({{{"a.js", "query one"}}, {}, "", definition});
  ASSERT_TRUE(started.ok()) << text(started);
  EXPECT_EQ(
      text(finish(*started)),
      "MissingEnvironmentVariables: Hit an error while pushing:\nRequired environment variables are not set: "
      "NEEDED. Set them in the Convex dashboard or CLI before pushing.");
  set_variable("NEEDED", "yes");
  push({{{"a.js", "query one"}}, {}, "", definition});
  EXPECT_EQ(change_environment(*runner_, knobs_, {{"NEEDED", std::nullopt}}).error().code,
            "RequiredEnvironmentVariable");
}

TEST_F(PushTest, AuthConfigFollowsTheEnvironment) {
  std::string config = R"({"providers":[{"domain":"$DOMAIN","applicationID":"convex"}]})";
  EXPECT_EQ(text(start({{{"auth.config.js", config}}})),
            "AuthConfigMissingEnvironmentVariable: Hit an error while pushing:\nEnvironment variable DOMAIN "
            "is used "
            "in auth config file but its value was not set");
  set_variable("DOMAIN", "https://one.dev");
  Value finished = push({{{"auth.config.js", config}}});
  EXPECT_EQ(list(finished->find("authDiff")->find("added")),
            "{\"applicationID\":\"convex\",\"domain\":\"https://one.dev\"} ");
  EXPECT_TRUE(change_environment(*runner_, knobs_, {{"DOMAIN", "https://two.dev"}}).ok());
  EXPECT_EQ(stored_auth_providers(*engine_->snapshot()->catalog())[0].issuer, "https://two.dev");
  EXPECT_EQ(runner_->prepared.back(), (*runner_->code().load(*engine_->snapshot()->catalog()))->key());
  EXPECT_EQ(change_environment(*runner_, knobs_, {{"DOMAIN", std::nullopt}}).error().code,
            "AuthConfigMissingEnvironmentVariable");
  EXPECT_TRUE(change_environment(*runner_, knobs_, {{"DOMAIN", "ftp://x"}})
                  .error()
                  .message.starts_with("This change would make the auth config invalid: "));
  EXPECT_EQ(user_environment(*engine_->snapshot()->catalog()).at("DOMAIN"), "https://two.dev");
  EXPECT_EQ(list(push({{{"a.js", "query x"}}})->find("authDiff")->find("removed")),
            "{\"applicationID\":\"convex\",\"domain\":\"https://two.dev\"} ");
}

TEST_F(PushTest, CronsAreCheckedAndStored) {
  EXPECT_TRUE(
      text(start({{{"crons.js", "cron jobs:clean"}, {"jobs.js", "query clean"}}}))
          .ends_with("The cron job 'tick' schedules a query function, only actions and mutations can be "
                     "scheduled: jobs.js:clean"));
  EXPECT_TRUE(text(start({{{"crons.js", "cron jobs:gone"}}}))
                  .ends_with("The cron job 'tick' schedules a function that does not exist: jobs.js:gone"));
  auto cron_diff = [](const Value& finished) { return to_plain_json(*root_diff(finished).find("cronDiff")); };
  EXPECT_EQ(cron_diff(push({{{"crons.js", "cron jobs:a"}, {"jobs.js", "mutation a mutation b"}}})),
            R"({"added":["tick"],"deleted":[],"updated":[]})");
  EXPECT_EQ(cron_diff(push({{{"crons.js", "cron jobs:a"}, {"jobs.js", "mutation a mutation b"}}})),
            R"({"added":[],"deleted":[],"updated":[]})");
  EXPECT_EQ(cron_diff(push({{{"crons.js", "cron jobs:b"}, {"jobs.js", "mutation a mutation b"}}})),
            R"({"added":[],"deleted":[],"updated":["tick"]})");
  EXPECT_EQ(cron_diff(push({{{"jobs.js", "mutation a mutation b"}}})),
            R"({"added":[],"deleted":["tick"],"updated":[]})");
}

TEST_F(PushTest, DryRunsChangeNoCode) {
  auto started = start(
      {{{"a.js", "query one"}}, {}, schema_of(messages_table(kByBody)), "", "1.48.0", ",\"dryRun\":true"});
  ASSERT_TRUE(started.ok());
  EXPECT_EQ(
      *deploy_->finish_push(
          "{\"adminKey\":" + json_string(key_) + ",\"startPush\":" + *started + ",\"dryRun\":true}", nullptr),
      R"({"authDiff":{"added":[],"removed":[]},"definitionDiffs":{},"componentDiffs":{}})");
  EXPECT_EQ(hashes()->find("moduleHashes")->count(), 0u);
  EXPECT_EQ(engine_->snapshot()->catalog()->table("messages")->find_index("by_it"), nullptr);
  EXPECT_NE(engine_->snapshot()->catalog()->in_progress_schema(), nullptr);
}

TEST_F(PushTest, EvaluatePushLeavesNothingBehind) {
  auto answer = deploy_->evaluate_push(
      body({{{"a.js", "query one"}}, {}, schema_of(messages_table(kByBody))}), nullptr);
  EXPECT_EQ(
      parsed(answer)->find("schemaChange")->find("indexDiffs")->find("")->find("added_indexes")->count(), 1u);
  EXPECT_EQ(engine_->snapshot()->catalog()->table("messages"), nullptr);
  EXPECT_EQ(engine_->snapshot()->catalog()->in_progress_schema(), nullptr);
}

TEST_F(PushTest, MessagesAreBoundedAndConcurrentPushesNamed) {
  auto started = start({{{"a.js", "query one"}}});
  EXPECT_EQ(finish(*started, ",\"message\":" + json_string(std::string(1025, 'x'))).error().code,
            "PushMessageTooLong");
  EXPECT_EQ(deploy_->finish_push(R"({"adminKey":)" + json_string(key_) + R"(,"startPush":{}})", nullptr)
                .error()
                .code,
            "BadJsonBody");
  // The last finish wins.
  auto other = start({{{"b.js", "query two"}}});
  EXPECT_TRUE(finish(*started).ok());
  EXPECT_TRUE(finish(*other).ok());
  EXPECT_EQ(hashes()->find("moduleHashes")->count(), 1u);
}

class PackageCollectionTest : public PushTest {
 protected:
  std::set<std::string> stored() {
    std::set<std::string> keys;
    for (const auto& blob : *blobs_->list("modules")) keys.insert(blob.key);
    return keys;
  }
  std::string package_of(const std::string& path) {
    for (const auto& row : engine_->snapshot()->catalog()->system_rows("_modules"))
      if (row->value->find("path")->as_string() == path)
        return std::string(row->value->find("sourcePackageId")->as_string());
    return "";
  }
  size_t collect(double hours, const std::vector<std::string>& in_use = {}) {
    auto removed = collect_packages(*engine_->snapshot()->catalog(), in_use,
                                    unix_nanos() + static_cast<int64_t>(hours * 3600e9), *blobs_);
    EXPECT_TRUE(removed.ok());
    return removed.ok() ? *removed : 0;
  }
};

TEST_F(PackageCollectionTest, WhatRowsAndYoungPushesNeedStays) {
  push({{{"a.js", "query one"}, {"b.js", "query two"}}});
  std::string first = package_of("a.js");
  push({{{"b.js", "query three"}}, {{"a.js", hash_of("query one")}}});
  std::string second = package_of("b.js");
  EXPECT_EQ(package_of("a.js"), first);
  EXPECT_NE(second, first);
  // The push stored only what it changed.
  PackageShelf shelf(blobs_.get());
  auto package = *shelf.open(second);
  EXPECT_EQ(package->find("a.js")->package_key, first);
  EXPECT_EQ(package->find("b.js")->package_key, "");
  EXPECT_EQ(collect(100), 0u);
  push({{{"a.js", "query four"}, {"b.js", "query five"}}});
  std::string third = package_of("a.js");
  EXPECT_EQ(collect(1), 0u);
  EXPECT_EQ(collect(25, {first}), 1u);
  EXPECT_EQ(stored(), (std::set<std::string>{first, third}));
  EXPECT_EQ(collect(25), 1u);
  EXPECT_EQ(stored(), std::set<std::string>{third});
}

TEST_F(PackageCollectionTest, AnUnfinishedPushKeepsWhatItLeftUnchanged) {
  push({{{"a.js", "query one"}}});
  auto unfinished = start({{{"b.js", "query two"}}, {{"a.js", hash_of("query one")}}});
  ASSERT_TRUE(unfinished.ok());
  push({{{"c.js", "query three"}}});
  EXPECT_EQ(collect(0), 0u);
  parsed(finish(*unfinished));
  auto code = *runner_->code().load(*engine_->snapshot()->catalog());
  EXPECT_EQ(*code->text("a.js", ModuleText::kSource), "query one");
  EXPECT_EQ(*code->text("b.js", ModuleText::kSource), "query two");
  EXPECT_EQ(collect(25), 1u);
}

TEST_F(PackageCollectionTest, CodeInUseNamesItsPackages) {
  push({{{"a.js", "query one"}}});
  auto code = *runner_->code().load(*engine_->snapshot()->catalog());
  EXPECT_EQ(runner_->code().packages_in_use(), std::vector<std::string>{package_of("a.js")});
}

}  // namespace
}  // namespace hull
