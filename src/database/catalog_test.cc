#include "database/catalog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "database/catalog_rows.h"
#include "database/test_support.h"

namespace hull {
namespace {

using testing::FakeDatabase;
using testing::json;
using testing::options;

DatabaseIndexDef index_def(std::string name, std::vector<std::string> fields, bool staged = false) {
  fields.push_back("_creationTime");
  return DatabaseIndexDef{std::move(name), std::move(fields), staged};
}

TEST(Catalog, SystemTablesHaveFixedDistinctIdentities) {
  auto catalog = Catalog::bootstrap();
  std::set<uint32_t> tablets, indexes;
  for (const auto& system : system_tables()) {
    const TableInfo* table = catalog->table(std::string_view(system.name));
    ASSERT_NE(table, nullptr);
    EXPECT_EQ(table->number, 512 + system.n);
    EXPECT_TRUE(tablets.insert(table->tablet.n).second);
    EXPECT_LT(table->tablet.n, kFirstUserTablet);
    for (const auto& index : table->indexes) {
      EXPECT_TRUE(indexes.insert(index->id.n).second);
      EXPECT_LT(index->id.n, 2 * kFirstUserTablet);
    }
  }
  EXPECT_EQ(catalog->user_table_count(), 0u);
  EXPECT_EQ(catalog->next_table_number(), 10001u);
}

TEST(Catalog, TablesComeAndGoWithTheirRows) {
  FakeDatabase db;
  Transaction tx(db.snapshot(), options());
  ASSERT_TRUE(tx.ensure_table("a").ok());
  ASSERT_TRUE(tx.ensure_table("b").ok());
  ASSERT_TRUE(db.commit(tx.commit_request("test")));
  EXPECT_EQ(db.catalog()->table("a")->number, 10001u);
  EXPECT_EQ(db.catalog()->table("b")->number, 10002u);
  EXPECT_EQ(db.catalog()->table(TableNumber{10002})->name, "b");
  uint64_t version = db.catalog()->version_of("_tables");

  Transaction drop(db.snapshot(), options());
  ASSERT_TRUE(drop.drop_table("a").ok());
  ASSERT_TRUE(drop.ensure_table("a").ok());
  ASSERT_TRUE(db.commit(drop.commit_request("test")));
  EXPECT_EQ(db.catalog()->table("a")->number, 10003u) << "a deleted table's number stays occupied";
  EXPECT_EQ(db.catalog()->table(TableNumber{10001}), nullptr);
  EXPECT_GT(db.catalog()->version_of("_tables"), version);
}

TEST(Catalog, IsTheSameWhenRebuiltFromItsRowsInAnyOrder) {
  FakeDatabase db;
  Transaction tx(db.snapshot(), options());
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(tx.ensure_table(name).ok());
    ASSERT_TRUE(tx.add_index(name, index_def("by_x", {"x"})).ok());
  }
  ASSERT_TRUE(tx.drop_table("b").ok());
  ASSERT_TRUE(db.commit(tx.commit_request("test")));

  std::vector<Catalog::Change> changes;
  for (const char* table : {"_index", "_tables"})  // indexes before their tables
    for (const auto& row : db.catalog()->system_rows(table)) changes.push_back({row->tablet, row->id, row});
  auto rebuilt = Catalog::bootstrap()->with(changes);
  EXPECT_EQ(rebuilt->user_table_count(), 2u);
  EXPECT_EQ(rebuilt->next_tablet(), db.catalog()->next_tablet());
  EXPECT_EQ(rebuilt->next_index(), db.catalog()->next_index());
  EXPECT_EQ(rebuilt->next_table_number(), db.catalog()->next_table_number());
  for (const char* name : {"a", "c"}) {
    const TableInfo* table = rebuilt->table(name);
    ASSERT_NE(table, nullptr);
    ASSERT_EQ(table->indexes.size(), 3u);
    EXPECT_EQ(table->indexes[2]->name, "by_x");
    EXPECT_EQ(table->indexes[2]->state, IndexState::kEnabled);
    EXPECT_EQ(table->indexes[2]->id, db.catalog()->table(name)->indexes[2]->id);
  }
}

TEST(Catalog, OldAndNewDefinitionOfAnIndexCoexist) {
  FakeDatabase db;
  Transaction create(db.snapshot(), options());
  ASSERT_TRUE(create.add_index("t", index_def("by_x", {"x"})).ok());
  ASSERT_TRUE(create.insert("t", json(R"({"x":1})")).ok());
  ASSERT_TRUE(db.commit(create.commit_request("test")));
  Transaction add(db.snapshot(), options());
  ASSERT_TRUE(add.add_index("t", index_def("by_x", {"y"})).ok());
  ASSERT_TRUE(db.commit(add.commit_request("test")));
  const TableInfo* table = db.catalog()->table("t");
  ASSERT_EQ(table->indexes.size(), 4u);
  auto current = table->find_index("by_x");
  EXPECT_EQ(current->fields[0], "x");
  auto pending = std::find_if(table->indexes.begin(), table->indexes.end(),
                              [](const auto& index) { return index->state == IndexState::kBackfilling; });
  ASSERT_NE(pending, table->indexes.end());
  Transaction finish(db.snapshot(), options());
  ASSERT_TRUE(finish.drop_index(current->row).ok());
  ASSERT_TRUE(finish.set_index_state((*pending)->row, IndexState::kEnabled, false).ok());
  ASSERT_TRUE(db.commit(finish.commit_request("test")));
  EXPECT_EQ(db.catalog()->table("t")->find_index("by_x")->fields[0], "y");
  EXPECT_EQ(db.catalog()->table("t")->indexes.size(), 3u);
}

TEST(Catalog, SearchIndexesAreKnownButNotDatabaseIndexes) {
  FakeDatabase db;
  Transaction tx(db.snapshot(), options());
  Value config = json(R"({"type":"search","searchField":"body","filterFields":[]})");
  ASSERT_TRUE(tx.add_other_index("t", "find", config).ok());
  auto stream =
      tx.query(testing::spec(R"({"source":{"type":"IndexRange","indexName":"t.find","range":[]}})"), false);
  EXPECT_EQ(testing::failure(stream), "IndexNotADatabaseIndex: Index t.find is not a database index");
}

TEST(Catalog, ResolverNamesVirtualTablesAndHidesPrivateOnes) {
  auto catalog = Catalog::bootstrap();
  auto resolver = catalog->resolver();
  EXPECT_EQ(resolver.lookup(512 + 28)->name, "_storage");
  EXPECT_FALSE(resolver.lookup(512 + 28)->is_system);
  EXPECT_TRUE(resolver.lookup(512 + 9)->is_system);
  EXPECT_FALSE(resolver.lookup(10001).has_value());
}

TEST(Catalog, SchemasByState) {
  FakeDatabase db;
  Transaction tx(db.snapshot(), options(true, TableAccess::kSystem));
  std::string schema = R"({"tables":[{"tableName":"t","indexes":[]}],"schemaValidation":true})";
  ASSERT_TRUE(tx.system_insert("_schemas", schema_row_fields(SchemaState::kActive, schema)).ok());
  auto failed = tx.system_insert("_schemas", schema_row_fields(SchemaState::kFailed, schema, "why", "t"));
  ASSERT_TRUE(failed.ok());
  ASSERT_NE(tx.catalog().active_schema(), nullptr);
  EXPECT_EQ(tx.catalog().active_schema()->schema->tables.count("t"), 1u);
  EXPECT_EQ(tx.catalog().in_progress_schema(), nullptr);
  EXPECT_EQ(tx.catalog().schema(*failed)->error, "why");
  EXPECT_EQ(tx.catalog().schema(*failed)->error_table, "t");
}

}  // namespace
}  // namespace hull
