// Pushes that change schemas and indexes: back-fill, validation, races.
#include "database/catalog_rows.h"
#include "deploy/index_diff.h"
#include "deploy/push_fixture.h"

namespace hull {
namespace {

using testing::kByBody;
using testing::kByChannel;
using testing::messages_table;
using testing::PushTest;
using testing::schema_of;

class PushSchemaTest : public PushTest {
 protected:
  std::shared_ptr<const Catalog> catalog() { return engine_->snapshot()->catalog(); }
  static std::string names(ValueView start, std::string_view group) {
    std::string out;
    ValueView list = *start.find("schemaChange")->find("indexDiffs")->find("")->find(group);
    for (size_t i = 0; i < list.count(); ++i)
      out += std::string(list.element(i).find("name")->as_string()) + " ";
    return out;
  }
  size_t user_indexes() {
    size_t count = 0;
    for (const auto& index : catalog()->table("messages")->indexes)
      if (index->name != "by_id" && index->name != "by_creation_time") ++count;
    return count;
  }
};

TEST_F(PushSchemaTest, AChangedIndexServesUntilTheSwitch) {
  push({{}, {}, schema_of(messages_table(kByBody))});
  for (int i = 0; i < 50; ++i) insert("messages", R"({"body":"b)" + std::to_string(i) + "\"}");
  auto started = start({{}, {}, schema_of(messages_table(kByChannel))});
  EXPECT_EQ(names(parsed(started), "added_indexes"), "messages.by_it ");
  EXPECT_EQ(names(parsed(started), "removed_indexes"), "messages.by_it ");
  EXPECT_EQ(wait_to_the_end(*started), "{\"type\":\"complete\"}");
  EXPECT_EQ(catalog()->table("messages")->find_index("by_it")->fields[0], "body");
  EXPECT_EQ(user_indexes(), 2u);
  Value finished = parsed(finish(*started));
  EXPECT_EQ(finished->find("componentDiffs")->find("")->find("indexDiff")->find("added_indexes")->count(),
            1u);
  EXPECT_EQ(catalog()->table("messages")->find_index("by_it")->fields[0], "channel");
  EXPECT_EQ(user_indexes(), 1u);
}

TEST_F(PushSchemaTest, LeftoversOfAnAbandonedPushAreTakenOverOrDropped) {
  insert("messages", R"({"body":"x"})");
  auto abandoned = start({{}, {}, schema_of(messages_table(kByBody))});
  EXPECT_EQ(wait_to_the_end(*abandoned), "{\"type\":\"complete\"}");
  EXPECT_EQ(user_indexes(), 1u);
  // The same schema again: same row, same schema id, still something new for the user.
  auto again = start({{}, {}, schema_of(messages_table(kByBody))});
  EXPECT_EQ(names(parsed(again), "added_indexes"), "messages.by_it ");
  EXPECT_EQ(user_indexes(), 1u);
  EXPECT_EQ(to_plain_json(*parsed(again)->find("schemaChange")->find("schemaIds")),
            to_plain_json(*parsed(abandoned)->find("schemaChange")->find("schemaIds")));
  // Another definition: the leftover goes at once.
  auto other = start({{}, {}, schema_of(messages_table(kByChannel))});
  EXPECT_EQ(names(parsed(other), "removed_indexes"), "");
  EXPECT_EQ(user_indexes(), 1u);
  EXPECT_EQ(wait(*abandoned).value(), "{\"type\":\"raceDetected\"}");
  EXPECT_EQ(finish(*abandoned).error().code, "SchemaAlreadyOverwritten");
  EXPECT_EQ(wait_to_the_end(*other), "{\"type\":\"complete\"}");
  EXPECT_TRUE(finish(*other).ok());
}

TEST_F(PushSchemaTest, NoSchemaMeansNoIndexesAndNoRules) {
  push({{}, {}, schema_of(messages_table(kByBody))});
  insert("messages", R"({"body":"x"})");
  auto started = start({{{"a.js", "query one"}}});
  EXPECT_EQ(names(parsed(started), "removed_indexes"), "messages.by_it ");
  EXPECT_TRUE(parsed(started)->find("schemaChange")->find("schemaIds")->find("")->is_null());
  EXPECT_EQ(*wait(*started), "{\"type\":\"complete\"}");
  Value finished = parsed(finish(*started));
  EXPECT_TRUE(finished->find("componentDiffs")->find("")->find("schemaDiff")->find("next_schema")->is_null());
  EXPECT_EQ(user_indexes(), 0u);
  EXPECT_EQ(catalog()->active_schema(), nullptr);
  insert("messages", R"({"anything":1})");
}

TEST_F(PushSchemaTest, ExistingDocumentsFailASchema) {
  insert("messages", R"({"body":"text"})");
  auto started = start({{}, {}, schema_of(messages_table("", "number"))});
  Value status = *parse_plain_json(wait_to_the_end(*started));
  EXPECT_EQ(status->find("type")->as_string(), "failed");
  EXPECT_EQ(status->find("componentPath")->as_string(), "");
  EXPECT_EQ(status->find("tableName")->as_string(), "messages");
  std::string error(status->find("error")->as_string());
  EXPECT_TRUE(error.starts_with("Document with ID \"")) << error;
  EXPECT_NE(error.find("in table \"messages\" does not match the schema: "), std::string::npos) << error;
  auto finished = finish(*started);
  EXPECT_EQ(finished.error().code, "SchemaAlreadyFailed");
  EXPECT_TRUE(finished.error().message.starts_with(
      "Hit an error while pushing:\nSchema has already been failed with error: Document with ID "));
  // The old rules, here none, still hold.
  insert("messages", R"({"body":"more"})");
}

TEST_F(PushSchemaTest, EnforcementStartsWithTheSwitch) {
  auto started = start({{}, {}, schema_of(messages_table("", "string"))});
  EXPECT_EQ(wait_to_the_end(*started), "{\"type\":\"complete\"}");
  ASSERT_TRUE(finish(*started).ok());
  auto refused = transact(*engine_, knobs_, "test", [](Transaction& tx) -> Result<void> {
    auto id = tx.insert("messages", *parse_convex_json(R"({"body":5})"));
    HULL_CHECK_OK(id);
    return {};
  });
  EXPECT_EQ(refused.error().code, "SchemaEnforcementError");
}

TEST_F(PushSchemaTest, AWriteThatBreaksTheSubmittedSchemaFailsIt) {
  auto started = start({{}, {}, schema_of(messages_table("", "number"))});
  EXPECT_EQ(wait_to_the_end(*started), "{\"type\":\"complete\"}");
  insert("messages", R"({"body":"text"})");
  Value status = *parse_plain_json(*wait(*started));
  EXPECT_EQ(status->find("type")->as_string(), "failed");
  EXPECT_TRUE(status->find("error")->as_string().starts_with("New document in table \"messages\""));
}

TEST_F(PushSchemaTest, DeletingATableFailsASubmittedSchemaThatNeedsIt) {
  auto drop = [this](const std::string& table) {
    write([&](Transaction& tx) { return tx.drop_table(table); });
  };
  insert("notes", R"({"n":1})");
  insert("users", R"({"n":1})");
  auto started = start({{}, {}, schema_of(messages_table(""))});
  drop("notes");
  EXPECT_EQ(wait_to_the_end(*started), "{\"type\":\"complete\"}");
  drop("messages");
  EXPECT_EQ(
      wait_to_the_end(*started),
      R"({"type":"failed","error":"Failed to delete table \"messages\" because it appears in the schema",)"
      R"("componentPath":"","tableName":"messages"})");
  EXPECT_EQ(text(finish(*started)),
            "SchemaAlreadyFailed: Hit an error while pushing:\nSchema has already been failed with error: "
            "Failed to "
            "delete table \"messages\" because it appears in the schema");
  // What refers to the table needs it too.
  started =
      start({{},
             {},
             schema_of(R"({"tableName":"posts","indexes":[],"documentType":{"type":"object","value":)"
                       R"({"by":{"fieldType":{"type":"id","tableName":"users"},"optional":false}}}})")});
  drop("users");
  EXPECT_EQ(
      wait_to_the_end(*started),
      R"({"type":"failed","error":"Failed to delete table \"users\" because `v.id(\"users\")` appears in the )"
      R"(schema of table \"posts\"","componentPath":"","tableName":"users"})");
  // The next push makes the table anew.
  push({{}, {}, schema_of(messages_table(kByBody))});
  EXPECT_EQ(user_indexes(), 1u);
}

TEST_F(PushSchemaTest, SubmittingTheActiveSchemaOverwritesTheOneInProgress) {
  push({{}, {}, schema_of(messages_table(kByBody))});
  auto other = start({{}, {}, schema_of(messages_table(kByChannel))});
  Value finished = push({{}, {}, schema_of(messages_table(kByBody))});
  EXPECT_TRUE(finished->find("componentDiffs")->find("")->find("schemaDiff")->is_null());
  EXPECT_EQ(*wait(*other), "{\"type\":\"raceDetected\"}");
  EXPECT_EQ(user_indexes(), 1u);
}

TEST_F(PushSchemaTest, StagedIndexesAreEnabledLater) {
  auto table = [](const std::string& indexes, const std::string& staged) {
    return schema_of(R"({"tableName":"messages","indexes":[)" + indexes + R"(],"stagedDbIndexes":[)" +
                     staged + R"(],"documentType":{"type":"any"}})");
  };
  insert("messages", R"({"body":"x"})");
  push({{}, {}, table("", kByBody)});
  auto index = catalog()->table("messages")->find_index("by_it");
  ASSERT_NE(index, nullptr);
  EXPECT_TRUE(index->staged);
  EXPECT_NE(index->state, IndexState::kEnabled);
  auto enabling = start({{}, {}, table(kByBody, "")});
  EXPECT_EQ(names(parsed(enabling), "enabled_indexes"), "messages.by_it ");
  EXPECT_EQ(names(parsed(enabling), "added_indexes"), "");
  EXPECT_EQ(wait_to_the_end(*enabling), "{\"type\":\"complete\"}");
  ASSERT_TRUE(finish(*enabling).ok());
  EXPECT_EQ(catalog()->table("messages")->find_index("by_it")->state, IndexState::kEnabled);
  auto disabling = start({{}, {}, table("", kByBody)});
  EXPECT_EQ(names(parsed(disabling), "disabled_indexes"), "messages.by_it ");
  EXPECT_EQ(wait_to_the_end(*disabling), "{\"type\":\"complete\"}");
  ASSERT_TRUE(finish(*disabling).ok());
  EXPECT_TRUE(catalog()->table("messages")->find_index("by_it")->staged);
  EXPECT_EQ(catalog()->table("messages")->find_index("by_it")->state, IndexState::kBackfilled);
}

TEST_F(PushSchemaTest, SearchAndVectorIndexesAreWrittenDown) {
  auto table = [](const std::string& filter) {
    return schema_of(
        R"({"tableName":"docs","indexes":[],"searchIndexes":[{"indexDescriptor":"s","searchField":"body",)"
        R"("filterFields":[)" +
            filter +
            R"(]}],"vectorIndexes":[{"indexDescriptor":"v","vectorField":"e","dimensions":8,"filterFields":[]}],)"
            R"("documentType":{"type":"any"}})",
        false);
  };
  auto started = start({{}, {}, table("")});
  EXPECT_EQ(names(parsed(started), "added_indexes"), "docs.s docs.v ");
  EXPECT_EQ(*wait(*started), "{\"type\":\"complete\"}");
  ASSERT_TRUE(finish(*started).ok());
  EXPECT_EQ(catalog()->table("docs")->other_indexes.size(), 2u);
  started = start({{}, {}, table("")});
  EXPECT_EQ(names(parsed(started), "added_indexes"), "");
  started = start({{}, {}, table("\"a\"")});
  EXPECT_EQ(names(parsed(started), "added_indexes"), "docs.s ");
  EXPECT_EQ(names(parsed(started), "removed_indexes"), "docs.s ");
  ASSERT_TRUE(finish(*started).ok());
  EXPECT_EQ(catalog()->table("docs")->other_indexes.size(), 2u);
}

TEST_F(PushSchemaTest, OnlyWhatMayNotFitIsWalked) {
  maintenance_.reset();  // nobody validates
  deploy_ = Deploy::create({runner_.get(), blobs_.get(), nullptr, &auth_, &knobs_, "happy-animal"});
  push({{}, {}, schema_of(messages_table(""))});
  insert("messages", R"({"body":"x"})");
  std::string wider =
      R"({"tableName":"messages","indexes":[],"documentType":{"type":"object","value":{"body":{"fieldType":)"
      R"({"type":"union","value":[{"type":"string"},{"type":"null"}]},"optional":false},"channel":{"fieldType":)"
      R"({"type":"string"},"optional":true}}}})";
  push({{}, {}, schema_of(wider)});
  auto narrower = start({{}, {}, schema_of(messages_table(""))});
  EXPECT_EQ(parsed(wait(*narrower, 0))->find("type")->as_string(), "inProgress");
}

TEST_F(PushSchemaTest, OfPushesAtTheSameTimeOneWinsEntirely) {
  insert("messages", R"({"body":"x"})");
  auto round = [&](const std::string& index, std::string& ended) {
    auto started = start({{}, {}, schema_of(messages_table(index))});
    if (!started.ok()) {
      ended = text(started);
      return;
    }
    auto waited = wait_to_the_end(*started);
    if (waited != "{\"type\":\"complete\"}") {
      ended = waited;
      return;
    }
    auto finished = finish(*started);
    ended = finished.ok() ? "done" : text(finished);
  };
  for (int i = 0; i < 40; ++i) {
    std::string first, second;
    std::thread other([&] { round(kByChannel, second); });
    round(kByBody, first);
    other.join();
    for (const auto& ended : {first, second})
      EXPECT_TRUE(ended == "done" || ended == "{\"type\":\"raceDetected\"}" ||
                  ended.starts_with("SchemaAlreadyOverwritten") || ended.starts_with("ConcurrentPush"))
          << ended;
    ASSERT_TRUE(first == "done" || second == "done") << first << second;
    auto serving = catalog()->table("messages")->find_index("by_it");
    ASSERT_NE(serving, nullptr);
    EXPECT_EQ(catalog()->active_schema()->schema->tables.at("messages").indexes.at("by_it").fields,
              serving->fields);
    EXPECT_EQ(serving->state, IndexState::kEnabled);
  }
}

TEST_F(PushSchemaTest, ASchemaIsEvaluatedAheadOfAPush) {
  auto table = [](const std::string& name, const std::string& indexes, const std::string& staged,
                  const std::string& type) {
    return R"({"tableName":")" + name + R"(","indexes":[)" + indexes + R"(],"stagedDbIndexes":[)" + staged +
           R"(],"documentType":)" + type + "}";
  };
  auto index = [](const std::string& name) {
    return R"({"indexDescriptor":")" + name + R"(","fields":[")" + name + "\"]}";
  };
  const std::string text =
      R"({"type":"object","value":{"b":{"fieldType":{"type":"string"},"optional":false}}})";
  const std::string number =
      R"({"type":"object","value":{"b":{"fieldType":{"type":"number"},"optional":false}}})";
  push({{},
        {},
        schema_of(table("any", index("drop") + "," + index("keep") + "," + index("stage"), index("enable"),
                        R"({"type":"any"})") +
                  "," + table("text", "", "", text))});
  insert("any", R"({"b":1})");
  insert("any", R"({"b":2})");
  insert("text", R"({"b":"x"})");
  insert("unmentioned", R"({"b":"x"})");
  auto before = engine_->snapshot()->ts();
  Value answer = parsed(
      evaluate_schema({{},
                       {},
                       schema_of(table("any", index("keep") + "," + index("enable") + "," + index("new"),
                                       index("stage"), R"({"type":"any"})") +
                                 "," + table("later", "", "", number) + "," + table("text", "", "", text) +
                                 "," + table("unmentioned", "", "", number))}));
  EXPECT_EQ(engine_->snapshot()->ts(), before);
  ValueView root = *answer->find("componentSchemaEvaluations")->find("");
  EXPECT_TRUE(root.find("schemaValidation")->as_bool());
  std::string seen;
  for (size_t i = 0; i < root.find("tables")->count(); ++i) {
    ValueView entry = root.find("tables")->element(i);
    seen += std::string(entry.find("name")->as_string()) + "=" +
            std::string(entry.find("outcome")->as_string()) + "/" + to_plain_json(*entry.find("numDocs")) +
            (entry.find("sizeBytes")->as_float64() > 0 ? " " : "- ");
  }
  EXPECT_EQ(seen,
            "any=notValidated/2 later=supersetOfShape/0- text=supersetOfEnforced/1 unmentioned=mustWalk/1 ");
  seen.clear();
  for (size_t i = 0; i < root.find("indexes")->count(); ++i) {
    ValueView entry = root.find("indexes")->element(i);
    EXPECT_EQ(to_plain_json(*entry.find("numDocs")), "2");
    seen += std::string(entry.find("name")->as_string()) + "=" +
            std::string(entry.find("change")->as_string()) +
            (entry.find("needsBackfill")->as_bool() ? "! " : " ");
  }
  EXPECT_EQ(seen,
            "any.drop=dropped any.enable=enabled any.keep=identical any.new=added! any.stage=disabled ");
}

TEST_F(PushSchemaTest, WaitIsALongPoll) {
  insert("messages", R"({"body":1})");
  maintenance_.reset();  // nobody validates
  deploy_ = Deploy::create({runner_.get(), blobs_.get(), nullptr, &auth_, &knobs_, "happy-animal"});
  auto started = start({{}, {}, schema_of(messages_table("", "number"))});
  auto begin = std::chrono::steady_clock::now();
  Value status = parsed(wait(*started, 150));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(140));
  EXPECT_EQ(to_plain_json(status),
            R"({"components":{"":{"indexesComplete":0,"indexesTotal":0,"schemaValidationComplete":false}},)"
            R"("type":"inProgress"})");
  EXPECT_EQ(finish(*started).error().code, "SchemaNotValidated");
  // A commit that settles it wakes the waiting call.
  auto id = *catalog()->in_progress_schema();
  std::thread validator([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    write([&](Transaction& tx) {
      return tx.system_replace(id.row, schema_row_fields(SchemaState::kValidated, id.schema->json()));
    });
  });
  begin = std::chrono::steady_clock::now();
  EXPECT_EQ(*wait(*started, 20000), "{\"type\":\"complete\"}");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  validator.join();
}

}  // namespace
}  // namespace hull
