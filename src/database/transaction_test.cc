#include "database/transaction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "database/catalog_rows.h"
#include "database/test_support.h"

namespace hull {
namespace {

using testing::collect;
using testing::failure;
using testing::FakeDatabase;
using testing::field;
using testing::fields;
using testing::full_scan;
using testing::json;
using testing::options;

std::string insert(Transaction& tx, std::string_view table, std::string_view value) {
  auto id = tx.insert(table, json(value));
  EXPECT_EQ(failure(id), "");
  return id.ok() ? id->text() : "";
}

TEST(Transaction, ReadsItsOwnWritesAndCommitsThem) {
  FakeDatabase db;
  Transaction tx(db.snapshot(), options());
  std::string a = insert(tx, "t", R"({"n":1})");
  std::string b = insert(tx, "t", R"({"n":2})");
  EXPECT_EQ(fields(collect(tx, full_scan("t", "desc")), "n"), "2.0 1.0");
  ASSERT_TRUE(tx.patch(a, json(R"({"n":5,"m":"x"})"), {}).ok());
  ASSERT_TRUE(tx.patch(a, json(R"({"m":{"$undefined":null}})"), {}).ok());
  ASSERT_TRUE(tx.remove(b, {}).ok());
  EXPECT_EQ(fields(collect(tx, full_scan("t")), "n"), "5.0");
  auto request = tx.commit_request("test");
  EXPECT_EQ(request.writes.size(), 2u) << "the table row and one document: insert and delete leave nothing";
  ASSERT_TRUE(db.commit(std::move(request)));
  Transaction next(db.snapshot(), options(false));
  auto document = next.get(a, false, {});
  ASSERT_EQ(failure(document), "");
  EXPECT_EQ(field(*document, "n"), "5.0");
  EXPECT_EQ(field(*document, "m"), "undefined");
  EXPECT_EQ(*next.count("t"), 1u);
  EXPECT_EQ(*next.count("nothing"), 0u);
}

TEST(Transaction, CreationTimesIncreaseWithinATransaction) {
  FakeDatabase db;
  auto opts = options();
  opts.now_ms = 1.8e12;
  Transaction tx(db.snapshot(), opts);
  for (int i = 0; i < 50; ++i) insert(tx, "t", "{\"n\":" + std::to_string(i) + "}");
  auto documents = collect(tx, full_scan("t"));
  double last = 0;
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(documents[i]->value.view().find("n")->as_float64(), i);
    double time = documents[i]->value.view().find("_creationTime")->as_float64();
    EXPECT_GT(time, last);
    EXPECT_GE(time, 1.8e12);
    last = time;
  }
}

TEST(Transaction, ANoOpWritesNothing) {
  FakeDatabase db;
  Transaction create(db.snapshot(), options());
  std::string id = insert(create, "t", R"({"n":1,"o":{"b":1,"a":2}})");
  ASSERT_TRUE(db.commit(create.commit_request("test")));
  Transaction tx(db.snapshot(), options());
  ASSERT_TRUE(tx.patch(id, json(R"({"n":1})"), {}).ok());
  ASSERT_TRUE(tx.replace(id, json(R"({"o":{"a":2,"b":1},"n":1})"), {}).ok());
  EXPECT_FALSE(tx.has_writes());
  EXPECT_EQ(tx.usage().documents_written, 0u);
  EXPECT_EQ(tx.usage().documents_read, 2u);
}

TEST(Transaction, ErrorTexts) {
  FakeDatabase db;
  Transaction create(db.snapshot(), options());
  std::string a = insert(create, "users", R"({"n":1})");
  std::string b = insert(create, "posts", R"({"n":1})");
  ASSERT_TRUE(db.commit(create.commit_request("test")));
  Transaction tx(db.snapshot(), options());
  DocumentId unknown{10999, InternalId{}}, storage{512 + 28, InternalId{}}, modules{512 + 9, InternalId{}};
  EXPECT_EQ(failure(tx.get("abc", false, {})),
            "InvalidArgument: Invalid argument `id` for `db.get`: Unable to decode ID: Invalid ID length 3");
  EXPECT_TRUE(failure(tx.get("abc", true, {})).find("`db.system.get`") != std::string::npos);
  EXPECT_EQ(failure(tx.get(a, false, "posts")),
            "InvalidArgument: Invalid argument `id` for `db.get`: expected to be an Id<\"posts\">, got "
            "Id<\"users\"> "
            "instead.");
  EXPECT_EQ(*tx.get(unknown.text(), false, {}), nullptr);
  EXPECT_EQ(*tx.get(modules.text(), false, {}), nullptr);
  EXPECT_EQ(failure(tx.get(storage.text(), false, {})),
            "SystemTableError: System tables can only be accessed with db.system.");
  EXPECT_EQ(failure(tx.get(a, true, {})), "SystemTableError: User tables cannot be accessed with db.system.");
  EXPECT_EQ(failure(tx.patch(unknown.text(), json("{}"), {})),
            "InvalidArgument: Invalid argument `id` for `db.patch`: "
            "Table for ID \"" +
                unknown.text() + "\" not found");
  EXPECT_EQ(failure(tx.remove(storage.text(), {})),
            "SystemTableError: System tables can only be accessed with db.system.");
  std::string gone = DocumentId{DocumentId::parse(a)->table, InternalId{}}.text();
  EXPECT_EQ(failure(tx.patch(gone, json("{}"), {})),
            "NonexistentDocument: Update on nonexistent document ID " + gone);
  EXPECT_EQ(failure(tx.replace(gone, json("{}"), {})),
            "NonexistentDocument: Replace on nonexistent document ID " + gone);
  EXPECT_EQ(failure(tx.remove(gone, {})), "NonexistentDocument: Delete on nonexistent document ID " + gone);
  EXPECT_EQ(failure(tx.insert("t", json("5"))),
            "InvalidArgument: Invalid argument `value` for `db.insert`: Value must be an Object");
  EXPECT_TRUE(failure(tx.insert("a b", json("{}")))
                  .starts_with("InvalidArgument: Invalid argument `table` for `db.insert`"));
  EXPECT_EQ(failure(tx.insert("_modules", json("{}"))),
            "SystemTableError: System tables can only be accessed with db.system.");
  EXPECT_EQ(failure(tx.insert("_storage", json("{}"))), "ReadOnlyTable: _storage is a read-only table");
  EXPECT_TRUE(
      failure(tx.insert("t", json(R"({"_id":"x"})"))).starts_with("InvalidIdError: Provided document ID \""));
  EXPECT_TRUE(
      failure(tx.patch(a, json(R"({"_creationTime":1})"), {})).starts_with("InvalidCreationTimeError: "));
  EXPECT_TRUE(
      failure(tx.insert("t", json(R"({"_x":1})")))
          .ends_with(
              "Field '_x' starts with an underscore, which is only allowed for system fields like '_id'"));
  EXPECT_TRUE(failure(tx.insert("t", json("{\"s\":\"" + std::string(1 << 20, 'x') + "\"}")))
                  .starts_with("ValueTooLargeError: Value is too large ("));
  std::string nested = "1";
  for (int i = 0; i < 17; ++i) nested = "[" + nested + "]";
  EXPECT_NE(failure(tx.insert("t", json("{\"a\":" + nested + "}"))).find("levels deep > maximum nesting 16"),
            std::string::npos);
  EXPECT_EQ(tx.catalog().table("t"), nullptr) << "a refused insert leaves no table";
  EXPECT_FALSE(tx.has_writes());
  Transaction query(db.snapshot(), options(false));
  EXPECT_NE(failure(query.insert("t", json("{}"))), "");
  EXPECT_EQ(*tx.normalize_id("users", a), a);
  EXPECT_EQ(*tx.normalize_id("users", b), std::nullopt);
  EXPECT_EQ(*tx.normalize_id("_modules", modules.text()), std::nullopt);
  EXPECT_EQ(*tx.normalize_id("_storage", storage.text()), storage.text());
}

TEST(Transaction, IndexErrors) {
  FakeDatabase db;
  Transaction create(db.snapshot(), options());
  insert(create, "t", "{}");
  ASSERT_TRUE(db.commit(create.commit_request("test")));
  Transaction tx(db.snapshot(), options());
  ASSERT_TRUE(tx.add_index("t", {"by_x", {"x", "_creationTime"}, false}).ok());
  auto staged = tx.add_index("t", {"by_y", {"y", "_creationTime"}, true});
  ASSERT_TRUE(tx.set_index_state(*staged, IndexState::kBackfilled, true).ok());
  auto query = [&](std::string_view name) {
    return failure(tx.query(testing::spec(R"({"source":{"type":"IndexRange","indexName":")" +
                                          std::string(name) + R"(","range":[]}})"),
                            false));
  };
  EXPECT_EQ(query("t.by_x"),
            "IndexBackfillingError: Index t.by_x is currently backfilling and not available to query yet.");
  EXPECT_EQ(
      query("t.by_y"),
      "IndexStagedError: Index t.by_y is currently staged and not available to query until it is enabled.");
  EXPECT_EQ(query("t.by_z"), "IndexNotFoundError: Index t.by_z not found.");
  EXPECT_EQ(query("u.by_creation_time"), "IndexNotFoundError: Index u.by_creation_time not found.");
  EXPECT_EQ(query("_modules.by_path"), "IndexNotFoundError: Index _modules.by_path not found.");
  EXPECT_TRUE(collect(tx, full_scan("u")).empty());
  EXPECT_TRUE(collect(tx, full_scan("_storage")).empty());
  EXPECT_TRUE(collect(tx, full_scan("_modules")).empty());
}

TEST(Transaction, TheReadSetHoldsWhatWasConsumed) {
  FakeDatabase db;
  Transaction create(db.snapshot(), options());
  for (int i = 0; i < 5; ++i) insert(create, "t", "{\"n\":" + std::to_string(i) + "}");
  ASSERT_TRUE(db.commit(create.commit_request("test")));
  Transaction all(db.snapshot(), options(false));
  auto documents = collect(all, full_scan("t"));
  auto index = db.catalog()->table("t")->find_index("by_creation_time");
  auto key = [&](int i) { return index->key_for(documents[i]->value); };
  for (bool desc : {false, true}) {
    Transaction tx(db.snapshot(), options(false));
    auto stream = tx.query(full_scan("t", desc ? "desc" : "asc"), false);
    auto peeked = (*stream)->peek(3);
    EXPECT_EQ(peeked->rows.size(), 3u);
    EXPECT_FALSE(peeked->exhausted);
    EXPECT_EQ(tx.usage().documents_read, 0u);
    ASSERT_TRUE((*stream)->next().ok());
    ASSERT_TRUE((*stream)->next().ok());
    EXPECT_EQ(tx.usage().documents_read, 2u);
    EXPECT_EQ(tx.reads().contains(index->id, key(0)), !desc);
    EXPECT_EQ(tx.reads().contains(index->id, key(1)), !desc);
    EXPECT_FALSE(tx.reads().contains(index->id, key(2)));
    EXPECT_EQ(tx.reads().contains(index->id, key(4)), desc);
    EXPECT_EQ(tx.reads().user_intervals(), 1u);
    auto rest = (*stream)->peek(100);
    EXPECT_EQ(rest->rows.size(), 3u);
    EXPECT_TRUE(rest->exhausted);
    for (int i = 0; i < 4; ++i) ASSERT_TRUE((*stream)->next().ok());
    EXPECT_TRUE(tx.reads().contains(index->id, std::string(100, '\xfe')));
  }
  EXPECT_EQ(all.usage().documents_read, 5u);
}

TEST(Transaction, LimitsAndFiltersApplyInTheirOrder) {
  FakeDatabase db;
  Transaction tx(db.snapshot(), options());
  for (int i = 0; i < 10; ++i) insert(tx, "t", "{\"n\":" + std::to_string(i) + "}");
  auto query = [](std::string_view operators) {
    return testing::spec(R"({"source":{"type":"FullTableScan","tableName":"t"},"operators":[)" +
                         std::string(operators) + "]}");
  };
  std::string odd = R"({"filter":{"$eq":[{"$mod":[{"$field":"n"},{"$literal":2}]},{"$literal":1}]}})";
  EXPECT_EQ(fields(collect(tx, query(R"({"limit":3})")), "n"), "0.0 1.0 2.0");
  EXPECT_EQ(fields(collect(tx, query(odd + R"(,{"limit":3})")), "n"), "1.0 3.0 5.0");
  EXPECT_EQ(fields(collect(tx, query(R"({"limit":3},)" + odd)), "n"), "1.0");
  EXPECT_EQ(fields(collect(tx, query(R"({"limit":0})")), "n"), "");
}

TEST(Transaction, ConcurrentCreationOfATableConflicts) {
  FakeDatabase db;
  Transaction one(db.snapshot(), options()), same(db.snapshot(), options()), other(db.snapshot(), options());
  Transaction reader(db.snapshot(), options());
  insert(one, "t", "{}");
  insert(same, "t", "{}");
  insert(other, "u", "{}");
  EXPECT_TRUE(collect(reader, full_scan("t")).empty());
  ASSERT_TRUE(reader.ensure_table("v").ok() || true);
  ASSERT_TRUE(db.commit(one.commit_request("one")));
  EXPECT_FALSE(db.commit(same.commit_request("same")));
  EXPECT_FALSE(db.commit(other.commit_request("other"))) << "both took the same table number";
  EXPECT_FALSE(db.commit(reader.commit_request("reader"))) << "the absence of the table was read";
  Transaction unrelated(db.snapshot(), options()), creates(db.snapshot(), options());
  insert(unrelated, "t", "{}");
  insert(creates, "w", "{}");
  ASSERT_TRUE(db.commit(creates.commit_request("creates")));
  EXPECT_TRUE(db.commit(unrelated.commit_request("unrelated"))) << "creating another table disturbs nobody";
}

TEST(Transaction, ReadAndWriteLimits) {
  FakeDatabase db;
  Transaction create(db.snapshot(), options());
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(insert(create, "t", R"({"s":"0123456789"})"));
  ASSERT_TRUE(db.commit(create.commit_request("test")));
  const std::string help =
      " Consider using smaller limits in your queries, paginating your queries, or using indexed "
      "queries with a selective index range expressions.";
  auto drain = [](Transaction& tx, const QuerySpec& query) -> std::string {
    auto stream = tx.query(query, false);
    while (true) {
      auto document = (*stream)->next();
      if (!document.ok()) return failure(document);
      if (!*document) return "";
    }
  };
  Knobs knobs;
  knobs.max_documents_read = 4;
  Transaction documents(db.snapshot(), options(true, TableAccess::kUser, &knobs));
  EXPECT_EQ(
      drain(documents, full_scan("t")),
      "TooManyDocumentsRead: Too many documents read in a single function execution (limit: 4)." + help);
  EXPECT_EQ(documents.usage().documents_read, 5u);
  Transaction none(db.snapshot(), options(true, TableAccess::kUser, &knobs));
  EXPECT_TRUE(
      drain(
          none,
          testing::spec(
              R"({"source":{"type":"FullTableScan","tableName":"t"},"operators":[{"filter":{"$literal":false}}]})"))
          .starts_with("TooManyDocumentsRead: "));
  knobs = Knobs{};
  knobs.max_bytes_read = 100;
  Transaction bytes(db.snapshot(), options(true, TableAccess::kUser, &knobs));
  EXPECT_EQ(
      drain(bytes, full_scan("t")),
      "TooManyBytesRead: Too many bytes read in a single function execution (limit: 100 bytes)." + help);
  knobs = Knobs{};
  knobs.max_read_intervals = 2;
  Transaction intervals(db.snapshot(), options(true, TableAccess::kUser, &knobs));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(intervals.get(ids[i % 2], false, {}).ok());
  EXPECT_EQ(failure(intervals.get(ids[2], false, {})),
            "TooManyReads: Too many reads in a single function execution (limit: 2)." + help);
  knobs = Knobs{};
  knobs.max_documents_written = 2;
  Transaction writes(db.snapshot(), options(true, TableAccess::kUser, &knobs));
  insert(writes, "t", "{}");
  insert(writes, "t", "{}");
  EXPECT_EQ(writes.warnings().size(), 1u);
  EXPECT_EQ(failure(writes.insert("t", json("{}"))),
            "TooManyWrites: Too many writes in a single function execution (limit: 2)");
  knobs = Knobs{};
  knobs.max_bytes_written = 1024;
  Transaction written(db.snapshot(), options(true, TableAccess::kUser, &knobs));
  EXPECT_EQ(failure(written.insert("t", json("{\"s\":\"" + std::string(1100, 'x') + "\"}"))),
            "TooManyBytesWritten: Too many bytes written in a single function execution (limit: 1 KiB)");
  EXPECT_EQ(*written.count("t"), 10u) << "the refused write is not applied";
}

TEST(Transaction, SchemaEnforcement) {
  FakeDatabase db;
  std::string schema = R"({"tables":[{"tableName":"t","indexes":[],"documentType":{"type":"object","value":{)"
                       R"("n":{"fieldType":{"type":"number"},"optional":false}}}}],"schemaValidation":true})";
  Transaction setup(db.snapshot(), options());
  ASSERT_TRUE(setup.system_insert("_schemas", schema_row_fields(SchemaState::kActive, schema)).ok());
  ASSERT_TRUE(setup.insert("t", json(R"({"n":1})")).ok());
  EXPECT_EQ(failure(setup.insert("t", json(R"({"n":"x"})"))),
            "SchemaEnforcementError: Failed to insert or update a document in table \"t\" because it does "
            "not match the "
            "schema: Value does not match validator.\nPath: .n\nValue: \"x\"\nValidator: v.float64()");
  EXPECT_EQ(failure(setup.insert("u", json(R"({"n":"x"})"))), "");
  EXPECT_EQ(failure(setup.drop_table("t")),
            "SchemaEnforcementError: Failed to delete table \"t\" because it appears in the schema");
  EXPECT_EQ(failure(setup.drop_table("u")), "");
  ASSERT_TRUE(db.commit(setup.commit_request("test")));

  // A write that only the pending schema refuses goes through and fails that schema, unless it is rolled
  // back.
  std::string stricter = schema;
  stricter.replace(stricter.find("\"number\""), 8, "\"string\"");
  Transaction push(db.snapshot(), options());
  auto pending = push.system_insert("_schemas", schema_row_fields(SchemaState::kPending, stricter));
  ASSERT_TRUE(db.commit(push.commit_request("push")));
  Transaction undone(db.snapshot(), options());
  undone.begin_nested();
  insert(undone, "t", R"({"n":2})");
  undone.rollback_nested();
  ASSERT_TRUE(undone.finish().ok());
  EXPECT_FALSE(undone.has_writes());
  Transaction tx(db.snapshot(), options());
  insert(tx, "t", R"({"n":2})");
  ASSERT_TRUE(tx.finish().ok());
  ASSERT_TRUE(db.commit(tx.commit_request("test")));
  const SchemaInfo* info = db.catalog()->schema(*pending);
  EXPECT_EQ(info->state, SchemaState::kFailed);
  EXPECT_EQ(info->error_table, "t");
  EXPECT_EQ(info->error,
            "New document in table \"t\" does not match the schema: Value does not match validator.\nPath: "
            ".n\nValue: 2.0\nValidator: v.string()");
}

TEST(Transaction, CommitTimestampTokensStayUntilCommit) {
  FakeDatabase db;
  Transaction tx(db.snapshot(), options());
  std::string id = insert(tx, "t", R"({"at":{"$commitTs":null},"n":1})");
  ASSERT_TRUE(tx.patch(id, json(R"({"n":2})"), {}).ok());
  auto document = tx.get(id, false, {});
  EXPECT_TRUE(contains_commit_ts((*document)->value));
}

// Random operations with nesting against a model; every index must be the sort of the table at all times.
TEST(Transaction, BehavesLikeTheModel) {
  FakeDatabase db;
  Transaction create(db.snapshot(), options());
  ASSERT_TRUE(create.add_index("t", {"by_a_b", {"a", "b", "_creationTime"}, false}).ok());
  ASSERT_TRUE(create.add_index("t", {"by_b", {"b", "_creationTime"}, false}).ok());
  ASSERT_TRUE(db.commit(create.commit_request("test")));
  std::mt19937 random(7);
  auto pick = [&](int n) { return static_cast<int>(random() % n); };
  using Model = std::map<std::string, Value>;
  Model model;
  auto check = [&](Transaction& tx, const Model& expected) {
    for (const char* name : {"by_id", "by_creation_time", "by_a_b", "by_b"}) {
      auto index = tx.catalog().table("t")->find_index(name);
      for (const char* order : {"asc", "desc"}) {
        std::vector<std::pair<std::string, std::string>> sorted;
        for (const auto& [id, value] : expected) sorted.emplace_back(index->key_for(value), to_json(value));
        std::sort(sorted.begin(), sorted.end());
        if (std::string_view(order) == "desc") std::reverse(sorted.begin(), sorted.end());
        size_t limit = 1 + pick(30);
        if (sorted.size() > limit) sorted.resize(limit);
        auto rows =
            collect(tx, testing::spec(R"({"source":{"type":"IndexRange","indexName":"t.)" +
                                      std::string(name) + R"(","range":[],"order":")" + order +
                                      R"("},"operators":[{"limit":)" + std::to_string(limit) + "}]}"));
        ASSERT_EQ(rows.size(), sorted.size());
        for (size_t i = 0; i < rows.size(); ++i)
          ASSERT_EQ(to_json(rows[i]->value), sorted[i].second) << name << order;
      }
    }
  };
  for (int round = 0; round < 25; ++round) {
    Transaction tx(db.snapshot(), options());
    std::vector<Model> stack;
    for (int step = 0; step < 30; ++step) {
      int op = pick(10);
      auto target = model.begin();
      if (!model.empty()) std::advance(target, pick(static_cast<int>(model.size())));
      std::string fields =
          "{\"a\":" + std::to_string(pick(3)) +
          (pick(2) ? ",\"b\":\"" + std::string(1, static_cast<char>('x' + pick(3))) + "\"" : "") + "}";
      if (op < 4 || model.empty()) {
        std::string id = insert(tx, "t", fields);
        model[id] = (*tx.get(id, false, {}))->value;
      } else if (op == 4) {
        ASSERT_TRUE(tx.remove(target->first, {}).ok());
        model.erase(target);
      } else if (op == 5) {
        target->second = (*tx.patch(target->first, json(fields), {}))->value;
      } else if (op == 6) {
        target->second = (*tx.replace(target->first, json(fields), {}))->value;
      } else if (op == 7) {
        tx.begin_nested();
        stack.push_back(model);
      } else if (op == 8 && !stack.empty()) {
        tx.commit_nested();
        stack.pop_back();
      } else if (op == 9 && !stack.empty()) {
        tx.rollback_nested();
        model = stack.back();
        stack.pop_back();
      }
      if (pick(5) == 0) check(tx, model);
    }
    while (!stack.empty()) {
      tx.commit_nested();
      stack.pop_back();
    }
    check(tx, model);
    ASSERT_TRUE(db.commit(tx.commit_request("test")));
  }
}

}  // namespace
}  // namespace hull
