// What pushes are refused for, with codes and texts (deploy-and-cli.md §2.4, §2.7, §3).
#include "deploy/push_fixture.h"
#include "deploy/source_package.h"

namespace hull {
namespace {

using testing::kByBody;
using testing::messages_table;
using testing::PushTest;
using testing::schema_of;

class PushRefusalsTest : public PushTest {
 protected:
  // A row of `_modules` as a push leaves it, in the package of module a.js.
  void store_module(const std::string& path, const std::string& environment, const std::string& sha256) {
    std::string package;
    for (const auto& row : engine_->snapshot()->catalog()->system_rows("_modules"))
      package = std::string(row->value->find("sourcePackageId")->as_string());
    write([&](Transaction& tx) -> Result<void> {
      ValueBuilder b;
      b.begin_object();
      b.key("path").string(path);
      b.key("environment").string(environment);
      b.key("sha256").string(sha256);
      b.key("sourcePackageId").string(package);
      b.key("analyzeResult").null();
      b.end();
      auto id = tx.system_insert("_modules", b.finish());
      HULL_CHECK_OK(id);
      return {};
    });
  }
  static std::string app_with(const std::string& member) {
    return R"({"definitionType":{"type":"app"},)" + member + "}";
  }
};

TEST_F(PushRefusalsTest, StaleHashesAreConflictsThatTheCliRetries) {
  push({{{"a.js", "query one"}}});
  const std::string hash = module_hash("elsewhere", "");
  store_module("node.js", "node", hash);
  store_module("lost.js", "isolate", hash);
  const struct {
    std::string path, sha256, text;
  } cases[] = {
      {"b.js", hash,
       "MissingExistingModule: Hit an error while pushing:\nCould not find existing unchanged module."},
      {"a.js", hash,
       "ExistingModuleHashConflict: Hit an error while pushing:\nExisting module hash does not match."},
      {"node.js", hash,
       "ExistingModuleEnvConflict: Hit an error while pushing:\nExisting module environment does not match."},
      {"lost.js", hash,
       "MissingExistingModuleMetadata: Hit an error while pushing:\nMissing metadata for existing module."},
  };
  for (const auto& each : cases) {
    auto refused = start({{}, {{each.path, each.sha256}}});
    EXPECT_EQ(text(refused), each.text);
    EXPECT_EQ(http_status(refused.error().kind), 409) << each.path;
  }
}

TEST_F(PushRefusalsTest, DefinitionsThatAreNone) {
  const struct {
    std::string definition, code, part;
  } cases[] = {
      {"5", "InvalidDefinition", "`defineApp()`"},
      {R"({"definitionType":{"type":"childComponent","name":"x","args":[]}})", "InvalidDefinition",
       "`defineApp()`"},
      {app_with(R"("childComponents":[{"name":"x","path":"x"}])"), "ComponentsUnsupported", "app.use"},
      {app_with(R"("envVars":5)"), "InvalidEnvVarDeclaration", "array"},
      {app_with(R"("envVars":[["N",{"type":"value","value":"{\"type\":\"number\"}"}]])"),
       "InvalidEnvVarDeclaration", "N has an invalid declaration: only string validators"},
      {app_with(R"("envVars":[["N",{"type":"value","value":"nonsense"}]])"), "InvalidEnvVarDeclaration",
       "N has"},
  };
  for (const auto& each : cases) {
    auto refused = start({{{"a.js", "query one"}}, {}, "", each.definition});
    ASSERT_FALSE(refused.ok()) << each.definition;
    EXPECT_EQ(refused.error().code, each.code) << each.definition;
    EXPECT_NE(refused.error().message.find(each.part), std::string::npos) << text(refused);
    EXPECT_TRUE(refused.error().message.starts_with("Hit an error while pushing:\n"));
  }
}

TEST_F(PushRefusalsTest, TooManyFiles) {
  Push many;
  for (int i = 0; i <= 4096; ++i) many.changed.emplace_back("m" + std::to_string(i) + ".js", "");
  auto refused = start(many);
  EXPECT_TRUE(text(refused).starts_with(
      "InvalidModules: Hit an error while pushing:\nToo many function files (4097 > maximum 4096) in "
      "\"convex/\"."))
      << text(refused);
  many.changed.back().first = "_deps/chunk.js";
  EXPECT_TRUE(start(many).ok());
}

TEST_F(PushRefusalsTest, PackagesAreLimitedInTheTextAndCompressed) {
  auto store = [&](size_t text_bytes, size_t packed_bytes) {
    PackageEntry entry;
    entry.path = "a.js";
    entry.package_key = "modules/other";
    entry.source.packed = static_cast<uint32_t>(packed_bytes);
    entry.source.size = static_cast<uint32_t>(text_bytes);
    PackageWriter writer;
    writer.refer(entry);
    return store_package(std::move(writer), *blobs_);
  };
  EXPECT_TRUE(store(229'999'999, 89'999'999).ok());
  EXPECT_EQ(text(store(230'000'000, 10)).substr(0, 69),
            "ModulesTooLarge: Total module size exceeded the unzipped maximum (219");
  EXPECT_EQ(text(store(100'000'000, 90'000'000)).substr(0, 66),
            "ModulesTooLarge: Total module size exceeded the zipped maximum (85");
}

TEST_F(PushRefusalsTest, FinishingBeforeIndexesAreBackFilled) {
  insert("messages", R"({"body":"x"})");
  maintenance_.reset();  // nobody back-fills
  deploy_ = Deploy::create({runner_.get(), blobs_.get(), nullptr, &auth_, &knobs_, "happy-animal"});
  auto started = start({{}, {}, schema_of(messages_table(kByBody), false)});
  EXPECT_EQ(
      text(finish(*started)),
      "IndexNotReady: Hit an error while pushing:\nIndex messages.by_it is still being backfilled. Wait "
      "for it before finishing the push.");
  EXPECT_EQ(engine_->snapshot()->catalog()->active_schema(), nullptr);
}

TEST_F(PushRefusalsTest, NothingIsVisibleOfAPushThatIsNeverFinished) {
  push({{{"a.js", "query one"}}});
  auto before = engine_->snapshot()->catalog();
  ASSERT_TRUE(start({{{"b.js", "query two"}}, {}, schema_of(messages_table(kByBody)), "", "1.49.0"}).ok());
  auto after = engine_->snapshot()->catalog();
  for (const char* table : {"_modules", "_udf_config", "_auth", "_components", "_component_definitions",
                            "_cron_jobs", "_deployment_audit_log"})
    EXPECT_EQ(after->version_of(table), before->version_of(table)) << table;
  EXPECT_EQ(after->active_schema(), nullptr);
  EXPECT_NE(after->table("messages")->find_index("by_it")->state, IndexState::kEnabled);
  // The next push neither minds nor keeps what was left.
  push({{{"c.js", "query three"}}});
  EXPECT_EQ(engine_->snapshot()->catalog()->table("messages")->find_index("by_it"), nullptr);
  EXPECT_EQ(engine_->snapshot()->catalog()->in_progress_schema(), nullptr);
}

TEST_F(PushRefusalsTest, DryRunsSubmitTheSchemaAndNoIndex) {
  for (const char* flag : {",\"dryRun\":true", ",\"forCodegen\":true"}) {
    Push dry{{{"a.js", "query one"}}, {}, schema_of(messages_table(kByBody))};
    dry.more = flag;
    auto started = start(dry);
    ASSERT_TRUE(started.ok()) << text(started);
    ValueView diff = *parsed(started)->find("schemaChange")->find("indexDiffs")->find("");
    EXPECT_EQ(diff.find("added_indexes")->count(), 1u);
    auto catalog = engine_->snapshot()->catalog();
    ASSERT_NE(catalog->in_progress_schema(), nullptr);
    EXPECT_EQ(catalog->table("messages")->find_index("by_it"), nullptr);
  }
}

TEST_F(PushRefusalsTest, StagedValidatorsAreAcceptedAndIgnored) {
  std::string table = messages_table(kByBody);
  table.insert(table.size() - 1, R"(,"stagedDocumentType":{"type":"object","value":{}})");
  push({{}, {}, schema_of(table)});
  insert("messages", R"({"body":"x","channel":"c"})");
  // The same schema for this server.
  Value finished = push({{}, {}, schema_of(messages_table(kByBody))});
  EXPECT_TRUE(finished->find("componentDiffs")->find("")->find("schemaDiff")->is_null());
}

}  // namespace
}  // namespace hull
