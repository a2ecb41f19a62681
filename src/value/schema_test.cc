#include "value/schema.h"

#include <gtest/gtest.h>

#include "value/json.h"

namespace hull {
namespace {

std::string table(std::string_view members, std::string_view name = "t") {
  return R"({"tableName":")" + std::string(name) + "\"," + std::string(members) + "}";
}
std::string schema(std::string_view tables, bool validation = true) {
  return R"({"tables":[)" + std::string(tables) + R"(],"schemaValidation":)" +
         (validation ? "true" : "false") + "}";
}
std::string index(std::string_view name, std::string_view fields) {
  return R"({"indexDescriptor":")" + std::string(name) + R"(","fields":)" + std::string(fields) + "}";
}
std::string indexes(std::string_view list) { return "\"indexes\":[" + std::string(list) + "]"; }

std::string error_of(std::string_view json) {
  auto parsed = Schema::parse(json);
  return parsed.ok() ? "ok" : parsed.error().code + ": " + parsed.error().message;
}
std::string index_error(std::string_view list) { return error_of(schema(table(indexes(list)))); }

std::string numbered(int count) {
  std::string out = "[";
  for (int i = 0; i < count; ++i) out += (i > 0 ? ",\"f" : "\"f") + std::to_string(i) + "\"";
  return out + "]";
}

constexpr std::string_view kFull =
    R"({"tables":[{"tableName":"messages","indexes":[{"indexDescriptor":"by_channel","fields":["channel","author.name"]}],)"
    R"("stagedDbIndexes":[{"indexDescriptor":"later","fields":["body"]}],)"
    R"("searchIndexes":[{"indexDescriptor":"s","searchField":"body","filterFields":["channel"]}],)"
    R"("vectorIndexes":[{"indexDescriptor":"v","vectorField":"embedding","dimensions":1536,"filterFields":[]}],)"
    R"("documentType":{"type":"object","value":{"_id":{"fieldType":{"type":"string"},"optional":false},)"
    R"("author":{"fieldType":{"type":"object","value":{"name":{"fieldType":{"type":"string"},"optional":true}}},"optional":false},)"
    R"("body":{"fieldType":{"type":"string"},"optional":false},)"
    R"("channel":{"fieldType":{"type":"string"},"optional":false},)"
    R"("embedding":{"fieldType":{"type":"array","value":{"type":"number"}},"optional":true}}},"extra":1},)"
    R"({"tableName":"anything","indexes":[]}],"schemaValidation":true})";

TEST(Schema, ParsesAndEmitsTheStoredForm) {
  auto parsed = Schema::parse(kFull);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  const TableDef& messages = (*parsed)->tables.at("messages");
  EXPECT_EQ(messages.indexes.at("by_channel").fields,
            (std::vector<std::string>{"channel", "author.name", "_creationTime"}));
  EXPECT_TRUE(messages.indexes.at("later").staged);
  EXPECT_EQ(messages.vector_indexes.at("v").dimensions, 1536u);
  EXPECT_FALSE(messages.document_type->fields().contains("_id"));
  EXPECT_EQ((*parsed)->tables.at("anything").document_type, nullptr);

  std::string stored = (*parsed)->json();
  EXPECT_TRUE(parse_plain_json(stored).ok());
  EXPECT_NE(
      stored.find(R"("stagedDbIndexes":[{"indexDescriptor":"later","fields":["body","_creationTime"]}])"),
      std::string::npos);
  auto again = Schema::parse_stored(stored);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ((*again)->json(), stored);
}

TEST(Schema, ValidationIsOffUnlessAskedFor) {
  EXPECT_FALSE((*Schema::parse(R"({"tables":[]})"))->validation);
  EXPECT_EQ((*Schema::parse(R"({"tables":[]})"))->json(), R"({"tables":[],"schemaValidation":false})");
}

TEST(Schema, MalformedJson) {
  for (std::string_view bad :
       {"", "[]", "{}", R"({"tables":{}})", R"({"tables":[{}]})", R"({"tables":[{"tableName":"t"}]})"})
    EXPECT_TRUE(error_of(bad).starts_with("InvalidSchema: ")) << bad;
}

TEST(Schema, TableNames) {
  EXPECT_EQ(error_of(schema(table(indexes(""), "a-b"))),
            "InvalidTableName: Invalid table name: \"a-b\". Identifiers must start with a letter and can "
            "only contain "
            "letters, digits, and underscores.");
  EXPECT_EQ(error_of(schema(table(indexes(""), "_t"))), "TableNameReserved: _t is a reserved table name.");
}

TEST(Schema, IndexFields) {
  EXPECT_EQ(index_error(index("i", "[]")),
            "EmptyIndex: In table \"t\" index \"i\" must have at least one field.");
  EXPECT_EQ(error_of(schema(table(indexes("") + R"(,"stagedDbIndexes":[)" + index("i", "[]") + "]"))),
            "EmptyIndex: In table \"t\" staged index \"i\" must have at least one field.");
  EXPECT_EQ(
      index_error(index("i", R"(["a","a"])")),
      "FieldsNotUniqueWithinIndex: Duplicate field \"a\". Index fields must be unique within an index.");
  EXPECT_EQ(index_error(index("i", R"(["_id"])")).substr(0, 21), "IndexFieldsContainId:");
  EXPECT_EQ(index_error(index("i", R"(["a","_creationTime"])")).substr(0, 31),
            "IndexFieldsContainCreationTime:");
  EXPECT_EQ(index_error(index("i", R"(["_x"])")),
            "IndexFieldNameReserved: Reserved fields (starting with `_`) are not allowed in indexes.");
  EXPECT_EQ(index_error(index("i", R"(["a b"])")),
            "InvalidIndexField: In index \"i\": Invalid index field: \"a b\"");
  EXPECT_EQ(index_error(index("i", numbered(15))), "ok");
  EXPECT_EQ(index_error(index("i", numbered(16))),
            "IndexTooManyFields: In table \"t\": In index \"i\": Indexes may have up to 16 fields.");
}

TEST(Schema, IndexNames) {
  EXPECT_EQ(index_error(index("by_id", R"(["a"])")),
            "IndexNameReserved: In table \"t\" cannot name an index \"by_id\" because the name is reserved. "
            "Indexes may not "
            "start with an underscore or be named \"by_id\" or \"by_creation_time\".");
  EXPECT_EQ(index_error(index("_a", R"(["a"])")).substr(0, 18), "IndexNameReserved:");
  EXPECT_EQ(index_error(index("_fivetran_x", R"(["a"])")), "ok");
  EXPECT_EQ(index_error(index("a-b", R"(["a"])")),
            "InvalidIndexName: Invalid index name: \"a-b\". Identifiers must be 64 characters or less, start "
            "with a letter, "
            "and only contain letters, digits, underscores.");
  EXPECT_EQ(error_of(schema(
                table(indexes(index("i", R"(["a"])")) +
                      R"(,"searchIndexes":[{"indexDescriptor":"i","searchField":"b","filterFields":[]}])"))),
            "IndexNamesNotUnique: Table \"t\" has two or more definitions of index \"i\".");
}

TEST(Schema, IndexesAreUniqueAndFew) {
  EXPECT_EQ(index_error(index("a", R"(["x"])") + "," + index("b", R"(["x"])")),
            "IndexNotUnique: In table \"t\" index \"a\" and index \"b\" have the same fields. Indexes must "
            "be unique within a "
            "table.");
  std::string many;
  for (int i = 0; i < 65; ++i)
    many += (i > 0 ? "," : "") + index("i" + std::to_string(i), "[\"f" + std::to_string(i) + "\"]");
  EXPECT_EQ(index_error(many), "TooManyIndexes: Table \"t\" cannot have more than 64 indexes.");
}

TEST(Schema, SearchAndVectorIndexes) {
  auto search = [](std::string_view list) {
    return error_of(schema(table(indexes("") + ",\"searchIndexes\":[" + std::string(list) + "]")));
  };
  EXPECT_EQ(search(R"({"indexDescriptor":"a","searchField":"x"},{"indexDescriptor":"b","searchField":"x"})")
                .substr(0, 26),
            "SearchIndexFieldNotUnique:");
  EXPECT_EQ(search(R"({"indexDescriptor":"a","searchField":"x","filterFields":)" + numbered(17) + "}"),
            "IndexTooManyFilterFields: In table \"t\": In index \"a\": Search indexes may have up to 16 "
            "filter fields.");
  auto vector = [](std::string_view list, std::string_view type = "") {
    return error_of(
        schema(table(indexes("") + ",\"vectorIndexes\":[" + std::string(list) + "]" + std::string(type))));
  };
  EXPECT_EQ(vector(R"({"indexDescriptor":"a","vectorField":"x","dimension":2})"), "ok");
  EXPECT_EQ(vector(R"({"indexDescriptor":"a","vectorField":"x","dimensions":1})"),
            "InvalidVectorDimensionError: Dimensions 1 must be between 2 and 4096.");
  EXPECT_EQ(vector(R"({"indexDescriptor":"a","vectorField":"x"})"),
            "InvalidSchema: Missing dimensions field");
  std::string_view text =
      R"(,"documentType":{"type":"object","value":{"x":{"fieldType":{"type":"string"},"optional":true}}})";
  EXPECT_EQ(vector(R"({"indexDescriptor":"a","vectorField":"x","dimensions":2})", text),
            "SchemaDefinitionError: In table \"t\" the vector index \"a\" is invalid because it references "
            "the field \"x\" that "
            "is neither an array of float64 or optional array of float64.");
}

TEST(Schema, EveryDefinitionError) {
  auto document_type = [](std::string_view fields) {
    return R"(,"documentType":{"type":"object","value":{)" + std::string(fields) + "}}";
  };
  auto search = [](std::string_view list) {
    return indexes("") + ",\"searchIndexes\":[" + std::string(list) + "]";
  };
  auto vector = [](std::string_view list) {
    return indexes("") + ",\"vectorIndexes\":[" + std::string(list) + "]";
  };
  const std::pair<std::string, std::string_view> kCases[] = {
      {indexes(index("i", R"(["_id"])")),
       "IndexFieldsContainId: `_id` is not a valid index field. To load documents by ID, use `db.get(id)`."},
      {indexes(index("i", R"(["_creationTime"])")),
       "IndexFieldsContainCreationTime: `_creationTime` is automatically added to the end of each index. It "
       "should "
       "not be added explicitly in the index definition. See https://docs.convex.dev/using/indexes for more "
       "details."},
      {indexes(index("by_creation_time", R"(["a"])")),
       "IndexNameReserved: In table \"t\" cannot name an index \"by_creation_time\" because the name is "
       "reserved. "
       "Indexes may not start with an underscore or be named \"by_id\" or \"by_creation_time\"."},
      {indexes(index("i", R"([".."])")), "InvalidIndexField: In index \"i\": Invalid index field: \"..\""},
      {indexes(index(std::string(65, 'i'), R"(["a"])")),
       "InvalidIndexName: Invalid index name: "
       "\"iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii\". Identifiers must be 64 "
       "characters or "
       "less, start with a letter, and only contain letters, digits, underscores."},
      {indexes(index("a", R"(["x","y"])")) + R"(,"stagedDbIndexes":[)" + index("b", R"(["x","y"])") + "]",
       "IndexNotUnique: In table \"t\" index \"a\" and index \"b\" have the same fields. Indexes must be "
       "unique "
       "within a table."},
      {search(R"({"indexDescriptor":"a","searchField":"x"},{"indexDescriptor":"b","searchField":"x"})"),
       "SearchIndexFieldNotUnique: In table \"t\" search index \"a\" and search index \"b\" have the same "
       "`searchField`. Indexes must be unique within a table."},
      {vector(R"({"indexDescriptor":"a","vectorField":"x","dimensions":2},)"
              R"({"indexDescriptor":"b","vectorField":"x","dimensions":2})"),
       "VectorIndexFieldNotUnique: In table \"t\" vector index \"a\" and vector index \"b\" have the same "
       "`vectorField` and dimensions. Indexes must be unique within a table."},
      {vector(R"({"indexDescriptor":"a","vectorField":"x","dimensions":2,"filterFields":)" + numbered(17) +
              "}"),
       "IndexTooManyFilterFields: In table \"t\": In index \"a\": Search indexes may have up to 16 filter "
       "fields."},
      {vector(R"({"indexDescriptor":"a","vectorField":"x","dimensions":4097})"),
       "InvalidVectorDimensionError: Dimensions 4097 must be between 2 and 4096."},
      {indexes(index("i", R"(["o.y"])")) +
           document_type(R"("o":{"fieldType":{"type":"object","value":{}},"optional":false})"),
       "SchemaDefinitionError: In table \"t\" the index \"i\" is invalid because it references the field "
       "\"o.y\" "
       "that does not exist."},
      {indexes("") + R"(,"documentType":{"type":"record","keys":{"type":"string"},"values":{"fieldType":)"
                     R"({"type":"any"},"optional":false}})",
       "InvalidTopLevelTypeInSchemaError: The document validator in a schema must be an object, a union of "
       "objects, "
       "or `v.any()`. Found v.record(v.string(), v.any()). To learn more, see the schema documentation at "
       "https://docs.convex.dev/database/schemas."},
      {indexes(index("i", R"(["o.y"])")) +
           document_type(
               R"("o":{"fieldType":{"type":"record","keys":{"type":"string"},"values":{"fieldType":)"
               R"({"type":"any"},"optional":false}},"optional":false})"),
       "ok"},
      {vector(R"({"indexDescriptor":"a","vectorField":"x","dimensions":2})") +
           document_type(R"("x":{"fieldType":{"type":"array","value":{"type":"number"}},"optional":true})"),
       "ok"},
  };
  for (const auto& [members, error] : kCases) EXPECT_EQ(error_of(schema(table(members))), error);
}

TEST(Schema, SixtyFourIndexesOfAllKindsFit) {
  std::string many;
  for (int i = 0; i < 63; ++i)
    many += (i > 0 ? "," : "") + index("i" + std::to_string(i), "[\"f" + std::to_string(i) + "\"]");
  auto with_search = [&](std::string_view list) {
    return error_of(schema(table(indexes(many) + R"(,"stagedSearchIndexes":[)" + std::string(list) + "]")));
  };
  EXPECT_EQ(with_search(R"({"indexDescriptor":"s","searchField":"x"})"), "ok");
  EXPECT_EQ(
      with_search(R"({"indexDescriptor":"s","searchField":"x"},{"indexDescriptor":"r","searchField":"y"})"),
      "TooManyIndexes: Table \"t\" cannot have more than 64 indexes.");
}

TEST(Schema, DocumentTypes) {
  std::string_view type =
      R"(,"documentType":{"type":"object","value":{"x":{"fieldType":{"type":"string"},"optional":true}}})";
  std::string missing = table(indexes(index("i", R"(["y"])")) + std::string(type));
  EXPECT_EQ(error_of(schema(missing)),
            "SchemaDefinitionError: In table \"t\" the index \"i\" is invalid because it references the "
            "field \"y\" that does "
            "not exist.");
  EXPECT_EQ(error_of(schema(missing, false)), "ok");
  EXPECT_EQ(error_of(schema(table(indexes("") + R"(,"documentType":{"type":"string"})"))),
            "InvalidTopLevelTypeInSchemaError: The document validator in a schema must be an object, a union "
            "of objects, or "
            "`v.any()`. Found v.string(). To learn more, see the schema documentation at "
            "https://docs.convex.dev/database/schemas.");
  EXPECT_EQ(error_of(schema(table(indexes("") + R"(,"documentType":{"type":"any"})"))), "ok");
}

}  // namespace
}  // namespace hull
