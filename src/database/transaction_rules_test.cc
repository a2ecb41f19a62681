// Rules of values-and-schema.md and database.md that users meet through transactions.
#include <gtest/gtest.h>

#include "database/catalog_rows.h"
#include "database/test_support.h"
#include "value/key.h"

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

QuerySpec index_query(std::string_view index, std::string_view range = "") {
  return testing::spec(R"({"source":{"type":"IndexRange","indexName":")" + std::string(index) +
                       R"(","range":[)" + std::string(range) + "]}}");
}

std::string schema_json(std::string_view tables, bool validation = true) {
  return R"({"tables":[)" + std::string(tables) + R"(],"schemaValidation":)" +
         (validation ? "true}" : "false}");
}
std::string table_json(std::string_view name, std::string_view fields) {
  return R"({"tableName":")" + std::string(name) +
         R"(","indexes":[],"documentType":{"type":"object","value":{)" + std::string(fields) + "}}}";
}
std::string field_json(std::string_view name, std::string_view type, bool optional = false) {
  return "\"" + std::string(name) + R"(":{"fieldType":)" + std::string(type) + R"(,"optional":)" +
         (optional ? "true}" : "false}");
}
void set_schema(FakeDatabase& db, const std::string& schema) {
  Transaction tx(db.snapshot(), options());
  ASSERT_EQ(failure(tx.system_insert("_schemas", schema_row_fields(SchemaState::kActive, schema))), "");
  ASSERT_TRUE(db.commit(tx.commit_request("test")));
}

// --- commit timestamps (values-and-schema.md §1.6)

TEST(CommitTs, IsATokenUntilTheCommitAndItsTimestampAfterIt) {
  FakeDatabase db;
  {
    Transaction setup(db.snapshot(), options());
    ASSERT_TRUE(setup.add_index("t", {"by_at", {"at", "_creationTime"}, false}).ok());
    ASSERT_TRUE(db.commit(setup.commit_request("test")));
  }
  constexpr const char* kToken = R"({"$commitTs":null})";
  Transaction tx(db.snapshot(), options());
  std::string a = insert(tx, "t", R"({"at":{"$commitTs":null},"deep":{"list":[{"$commitTs":null},1]}})");
  std::string b = insert(tx, "t", R"({"at":{"$integer":"AQAAAAAAAAA="}})");
  std::string c = insert(tx, "t", R"({"n":1})");
  ASSERT_TRUE(tx.patch(c, json(R"({"at":{"$commitTs":null}})"), {}).ok());
  ASSERT_TRUE(tx.patch(a, json(R"({"n":2})"), {}).ok()) << "leaves the token pending";
  auto document = *tx.get(a, false, {});
  EXPECT_EQ(to_json(*document->value->find("at")), kToken);
  EXPECT_EQ(to_json(*document->value->find_path({"deep", "list"})), R"([{"$commitTs":null},1])");
  std::string range = R"({"type":"Eq","fieldPath":"at","value":{"$commitTs":null}})";
  EXPECT_EQ(collect(tx, index_query("t.by_at", range)).size(), 2u) << "the rows of this transaction";
  ASSERT_TRUE(tx.replace(c, json(R"({"at":1})"), {}).ok());
  EXPECT_EQ(collect(tx, index_query("t.by_at", range)).size(), 1u);
  ASSERT_TRUE(db.commit(tx.commit_request("test")));

  Transaction next(db.snapshot(), options());
  std::string ts = std::to_string(db.snapshot()->ts().ns);
  document = *next.get(a, false, {});
  EXPECT_EQ(field(document, "at"), ts);
  EXPECT_EQ(field(document, "deep"), "{list: [" + ts + ", 1.0]}");
  EXPECT_TRUE(collect(next, index_query("t.by_at", range)).empty());
  EXPECT_EQ(fields(collect(next, index_query("t.by_at")), "at"), "1 " + ts + " 1.0");
  // Over a resolved timestamp the token is a change, over a pending one it is none.
  ASSERT_TRUE(next.patch(a, json(R"({"at":{"$commitTs":null}})"), {}).ok());
  EXPECT_EQ(next.usage().documents_written, 1u);
  ASSERT_TRUE(next.patch(a, json(R"({"at":{"$commitTs":null}})"), {}).ok());
  EXPECT_EQ(next.usage().documents_written, 1u);
}

TEST(CommitTs, FitsInt64ValidatorsAndOnlyThose) {
  FakeDatabase db;
  set_schema(db, schema_json(table_json("t", field_json("at", R"({"type":"commitTs"})", true) + "," +
                                                 field_json("n", R"({"type":"bigint"})", true) + "," +
                                                 field_json("s", R"({"type":"string"})", true))));
  Transaction tx(db.snapshot(), options());
  insert(tx, "t", R"({"at":{"$commitTs":null},"n":{"$commitTs":null}})");
  insert(tx, "t", R"({"at":{"$integer":"AQAAAAAAAAA="}})");
  EXPECT_EQ(failure(tx.insert("t", json(R"({"s":{"$commitTs":null}})"))).substr(0, 23),
            "SchemaEnforcementError:");
}

TEST(CommitTs, IsRefusedInFiltersAndInQueriesOutsideMutations) {
  constexpr std::string_view kReserved = "Field name $commitTs starts with '$', which is reserved.";
  std::string range =
      R"({"source":{"type":"IndexRange","indexName":"t.by_at","range":[{"type":"Gt","fieldPath":"at",)"
      R"("value":[{"$commitTs":null}]}]}})";
  EXPECT_EQ(failure(QuerySpec::parse(range, "queryStream", false)),
            "InvalidArgument: Invalid argument `query` for `queryStream`: " + std::string(kReserved));
  EXPECT_EQ(failure(QuerySpec::parse(range, "queryStream", true)), "");
  std::string filter = R"({"source":{"type":"FullTableScan","tableName":"t"},"operators":[{"filter":)"
                       R"({"$eq":[{"$field":"at"},{"$literal":{"$commitTs":null}}]}}]})";
  EXPECT_EQ(failure(QuerySpec::parse(filter, "queryPage", true)),
            "InvalidArgument: Invalid argument `query` for `queryPage`: " + std::string(kReserved));
}

// --- schemas (values-and-schema.md §10)

TEST(SchemaRules, WithoutValidationASchemaRefusesNothing) {
  FakeDatabase db;
  set_schema(db, schema_json(table_json("t", field_json("n", R"({"type":"number"})")), false));
  Transaction tx(db.snapshot(), options());
  insert(tx, "t", R"({"n":"x"})");
  EXPECT_EQ(failure(tx.drop_table("t")), "");
}

TEST(SchemaRules, ATableThatIdsPointToStays) {
  FakeDatabase db;
  set_schema(db, schema_json(table_json("posts", field_json("by", R"({"type":"array","value":{"type":"id",)"
                                                                  R"("tableName":"users"}})"))));
  Transaction tx(db.snapshot(), options());
  insert(tx, "users", "{}");
  EXPECT_EQ(failure(tx.drop_table("users")),
            "SchemaEnforcementError: Failed to delete table \"users\" because `v.id(\"users\")` appears in "
            "the schema "
            "of table \"posts\"");
}

TEST(SchemaRules, ARefusedWriteCanBeCaughtAndNotCounted) {
  FakeDatabase db;
  set_schema(db, schema_json(table_json("t", field_json("n", R"({"type":"number"})"))));
  Transaction tx(db.snapshot(), options());
  std::string id = insert(tx, "t", R"({"n":1})");
  EXPECT_NE(failure(tx.patch(id, json(R"({"n":"x"})"), {})), "");
  EXPECT_NE(failure(tx.insert("t", json("{}"))), "");
  EXPECT_EQ(fields(collect(tx, full_scan("t")), "n"), "1.0");
  EXPECT_EQ(tx.usage().documents_written, 1u);
}

// --- tables and indexes

TEST(TableRules, TenThousandTablesAreEnough) {
  std::vector<Catalog::Change> changes;
  for (uint32_t i = 0; i < 10000; ++i) {
    TableRow row{"t" + std::to_string(i), kFirstUserTableNumber + i, true, TabletId{kFirstUserTablet + i}};
    DocumentId id{kSystemTableNumberBase + 1, InternalId::random(0)};
    auto document = std::make_shared<Document>(
        Document{id, Catalog::system_tablet("_tables"), Timestamp{1}, row.fields()});
    changes.push_back({Catalog::system_tablet("_tables"), id, document});
  }
  auto snapshot = std::make_shared<testing::FakeSnapshot>(Timestamp{1}, Catalog::bootstrap()->with(changes),
                                                          testing::FakeRows{}, TableSummaries{});
  Transaction tx(snapshot, options());
  EXPECT_EQ(failure(tx.insert("one_more", json("{}"))),
            "TooManyTables: Number of tables cannot exceed 10000.");
  EXPECT_EQ(failure(tx.insert("t7", json("{}"))), "");
}

TEST(TableRules, AnIdSaysTheDayItWasMade) {
  FakeDatabase db;
  auto opts = options();
  opts.now_ms = 20'000.0 * 86'400'000 + 5;
  Transaction tx(db.snapshot(), opts);
  auto id = tx.insert("t", json("{}"));
  EXPECT_EQ(id->internal.bytes[14] << 8 | id->internal.bytes[15], 20'000);
}

TEST(IndexRules, VirtualTablesHaveTheBuiltInIndexesOnly) {
  FakeDatabase db;
  Transaction tx(db.snapshot(), options());
  auto query = [&](std::string_view name) { return failure(tx.query(index_query(name), true)); };
  EXPECT_EQ(query("_scheduled_functions.by_id"), "");
  EXPECT_EQ(query("_scheduled_functions.by_creation_time"), "");
  EXPECT_EQ(query("_scheduled_functions.by_next_ts"),
            "IndexNotFoundError: Index _scheduled_functions.by_next_ts not found.");
  EXPECT_EQ(query("_storage.by_storage_id"), "IndexNotFoundError: Index _storage.by_storage_id not found.");
}

TEST(IndexRules, SearchIndexesAreNotDatabaseIndexes) {
  FakeDatabase db;
  Transaction tx(db.snapshot(), options());
  ASSERT_TRUE(
      tx.add_other_index("t", "s", json(R"({"type":"search","searchField":"a","filterFields":[]})")).ok());
  EXPECT_EQ(failure(tx.query(index_query("t.s"), false)),
            "IndexNotADatabaseIndex: Index t.s is not a database index");
  EXPECT_EQ(failure(tx.query(
                testing::spec(R"({"source":{"type":"Search","indexName":"t.by_id","filters":[]}})"), false)),
            "IndexNotASearchIndexError: Index t.by_id is not a search index");
  EXPECT_EQ(failure(tx.query(testing::spec(R"({"source":{"type":"Search","indexName":"t.x","filters":[]}})"),
                             false)),
            "IndexNotFoundError: Index t.x not found.");
}

TEST(IndexRules, EnablingAStagedIndexIsInstantAndDisablingKeepsIt) {
  FakeDatabase db;
  Transaction tx(db.snapshot(), options());
  auto row = tx.add_index("t", {"by_n", {"n", "_creationTime"}, true});
  insert(tx, "t", R"({"n":2})");
  insert(tx, "t", R"({"n":1})");
  auto query = [&] { return failure(tx.query(index_query("t.by_n"), false)); };
  std::string staged =
      "IndexStagedError: Index t.by_n is currently staged and not available to query until it is enabled.";
  EXPECT_EQ(query(), staged);
  ASSERT_TRUE(tx.set_index_state(*row, IndexState::kEnabled, false).ok());
  EXPECT_EQ(fields(collect(tx, index_query("t.by_n")), "n"), "1.0 2.0");
  ASSERT_TRUE(tx.set_index_state(*row, IndexState::kBackfilled, true).ok());
  EXPECT_EQ(query(), staged);
  insert(tx, "t", R"({"n":0})");
  ASSERT_TRUE(tx.set_index_state(*row, IndexState::kEnabled, false).ok());
  EXPECT_EQ(fields(collect(tx, index_query("t.by_n")), "n"), "0.0 1.0 2.0");
}

TEST(IndexRules, TheOldDefinitionServesUntilTheNewOneIsEnabled) {
  FakeDatabase db;
  Transaction create(db.snapshot(), options());
  auto old_row = create.add_index("t", {"by_x", {"x", "_creationTime"}, false});
  insert(create, "t", R"({"x":1,"y":2})");
  insert(create, "t", R"({"x":2,"y":1})");
  ASSERT_TRUE(db.commit(create.commit_request("test")));
  Transaction tx(db.snapshot(), options());
  auto new_row = tx.add_index("t", {"by_x", {"y", "_creationTime"}, false});
  ASSERT_TRUE(new_row.ok());
  EXPECT_EQ(fields(collect(tx, index_query("t.by_x")), "x"), "1.0 2.0");
  ASSERT_TRUE(tx.drop_index(*old_row).ok());
  EXPECT_EQ(failure(tx.query(index_query("t.by_x"), false)).substr(0, 22), "IndexBackfillingError:");
  ASSERT_TRUE(tx.set_index_state(*new_row, IndexState::kEnabled, false).ok());
  auto index = tx.catalog().table("t")->find_index("by_x");
  EXPECT_EQ(index->fields, (std::vector<std::string>{"y", "_creationTime"}));
}

TEST(IndexRules, RollingBackAnIndexForgetsItsPendingRows) {
  FakeDatabase db;
  Transaction tx(db.snapshot(), options());
  insert(tx, "t", R"({"a":1,"b":2})");
  insert(tx, "t", R"({"a":2,"b":1})");
  tx.begin_nested();
  ASSERT_TRUE(tx.add_index("t", {"by_a", {"a", "_creationTime"}, false}).ok());
  EXPECT_EQ(fields(collect(tx, index_query("t.by_a")), "a"), "1.0 2.0");
  tx.rollback_nested();
  EXPECT_EQ(failure(tx.query(index_query("t.by_a"), false)), "IndexNotFoundError: Index t.by_a not found.");
  // The id of the index that is no more is given to another one.
  ASSERT_TRUE(tx.add_index("t", {"by_b", {"b", "_creationTime"}, false}).ok());
  EXPECT_EQ(fields(collect(tx, index_query("t.by_b")), "b"), "1.0 2.0");
}

TEST(SubTransactionRules, RollbackTakesBackEverythingButReads) {
  FakeDatabase db;
  Transaction create(db.snapshot(), options());
  std::string id = insert(create, "t", R"({"n":1})");
  ASSERT_TRUE(db.commit(create.commit_request("test")));
  Transaction tx(db.snapshot(), options());
  tx.begin_nested();
  ASSERT_TRUE(tx.get(id, false, {}).ok());
  ASSERT_TRUE(tx.patch(id, json(R"({"n":{"$commitTs":null}})"), {}).ok());
  insert(tx, "u", "{}");
  tx.rollback_nested();
  EXPECT_EQ(tx.catalog().table("u"), nullptr);
  EXPECT_FALSE(tx.has_writes());
  EXPECT_EQ(tx.usage().documents_read, 2u);
  EXPECT_EQ(tx.usage().documents_written, 0u);
  EXPECT_TRUE(tx.reads().contains(tx.catalog().table("t")->by_id, key_of(Value::string(id))));
  EXPECT_EQ(field(*tx.get(id, false, {}), "n"), "1.0");
}

// --- pages (database.md §7.4)

class PageRules : public ::testing::Test {
 protected:
  void SetUp() override {
    Transaction tx(db.snapshot(), options());
    for (int i = 0; i < 12; ++i) insert(tx, "t", "{\"n\":" + std::to_string(i) + "}");
    ASSERT_TRUE(db.commit(tx.commit_request("test")));
  }
  static PageSpec page(size_t size, QuerySpec query = full_scan("t")) {
    PageSpec spec;
    spec.query = std::move(query);
    spec.page_size = size;
    return spec;
  }
  FakeDatabase db;
};

TEST_F(PageRules, ChecksComeInTheirOrder) {
  Transaction tx(db.snapshot(), options(false));
  PageSpec spec = page(0, index_query("t.nope"));
  spec.maximum_bytes_read = 0;
  spec.cursor = "junk";
  auto next_failure = [&] { return failure(tx.paginate(spec, {})); };
  EXPECT_EQ(next_failure(), "NoDocumentsForPagination: Must request at least 1 document while paginating");
  spec.page_size = 32001;
  EXPECT_EQ(next_failure(), "PageSizeTooLarge: Requested too many items: 32001");
  spec.page_size = 1;
  EXPECT_EQ(next_failure(),
            "InvalidPaginationLimit: maximumRowsRead and maximumBytesRead must be greater than 0");
  spec.maximum_bytes_read.reset();
  EXPECT_EQ(next_failure(), "InvalidCursor: Failed to parse cursor");
  spec.cursor.reset();
  spec.end_cursor = "junk";
  EXPECT_EQ(next_failure(), "InvalidCursor: Failed to parse cursor");
  spec.end_cursor.reset();
  EXPECT_EQ(next_failure(), "IndexNotFoundError: Index t.nope not found.");
}

TEST_F(PageRules, OnePagePerFunctionAndTheJournalBelongsToTheFirst) {
  Transaction tx(db.snapshot(), options(false));
  tx.begin_nested();
  auto nested = tx.paginate(page(2), {});
  ASSERT_EQ(failure(nested), "");
  EXPECT_EQ(failure(tx.paginate(page(1), {})),
            "MultiplePaginatedDatabaseQueries: This query or mutation function ran multiple paginated "
            "queries. Convex "
            "only supports a single paginated query in each function.");
  tx.commit_nested();
  auto outer = tx.paginate(page(3, full_scan("t", "desc")), nested->continue_cursor);
  ASSERT_EQ(failure(outer), "") << "a journal of another query would be refused";
  EXPECT_EQ(outer->documents.size(), 3u);
  EXPECT_EQ(tx.journal(), nested->continue_cursor);
  EXPECT_NE(failure(tx.paginate(page(1), {})), "");
}

TEST_F(PageRules, SplittingIsRecommendedAboveThreeQuarters) {
  auto status = [&](size_t size, size_t maximum_rows) {
    Transaction tx(db.snapshot(), options(false));
    PageSpec spec = page(size);
    spec.maximum_rows_read = maximum_rows;
    return tx.paginate(spec, {})->status;
  };
  EXPECT_EQ(status(4, 6), Page::Status::kNone);
  EXPECT_EQ(status(5, 6), Page::Status::kSplitRecommended);
  EXPECT_EQ(status(7, 6), Page::Status::kSplitRequired);
  Transaction tx(db.snapshot(), options(false));
  auto two = tx.paginate(page(2), {});
  EXPECT_FALSE(two->split_cursor.has_value()) << "two rows need no split";
}

TEST_F(PageRules, ASplitCursorDividesThePage) {
  Transaction tx(db.snapshot(), options(false));
  auto whole = tx.paginate(page(5), {});
  PageSpec spec = page(1);
  spec.end_cursor = whole->split_cursor;
  Transaction left(db.snapshot(), options(false));
  auto first = left.paginate(spec, {});
  spec.cursor = whole->split_cursor;
  spec.end_cursor = whole->continue_cursor;
  Transaction right(db.snapshot(), options(false));
  auto second = right.paginate(spec, {});
  EXPECT_EQ(fields(first->documents, "n") + " " + fields(second->documents, "n"),
            fields(whole->documents, "n"));
  EXPECT_FALSE(second->documents.empty());
}

TEST_F(PageRules, ALimitInTheQueryEndsThePagesWithoutReadingOn) {
  Transaction tx(db.snapshot(), options(false));
  auto result = tx.paginate(
      page(10,
           testing::spec(R"({"source":{"type":"FullTableScan","tableName":"t"},"operators":[{"limit":3}]})")),
      {});
  ASSERT_EQ(failure(result), "");
  EXPECT_EQ(result->documents.size(), 3u);
  EXPECT_TRUE(result->is_done);
  EXPECT_EQ(tx.usage().documents_read, 3u);
  auto index = db.catalog()->table("t")->find_index("by_creation_time");
  EXPECT_FALSE(tx.reads().contains(index->id, std::string(50, '\xfe')));
}

}  // namespace
}  // namespace hull
