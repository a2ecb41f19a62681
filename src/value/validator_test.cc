#include "value/validator.h"

#include <gtest/gtest.h>

#include "value/json.h"

namespace hull {
namespace {

using ValidatorPtr = std::shared_ptr<const Validator>;

ValidatorPtr validator(std::string_view json) {
  Result<ValidatorPtr> parsed = Validator::parse(json);
  EXPECT_TRUE(parsed.ok()) << json << " " << (parsed.ok() ? "" : parsed.error().message);
  return parsed.ok() ? *parsed : Validator::any();
}

const DocumentId kUser{10001, InternalId::from("0123456789abcdef")};
const DocumentId kPost{10002, kUser.internal};
const DocumentId kPrivate{513, kUser.internal};
const DocumentId kUnknown{20000, kUser.internal};

TableNameResolver tables() {
  return {[](TableNumber number) -> std::optional<TableNameResolver::Entry> {
    if (number == 10001) return TableNameResolver::Entry{"users"};
    if (number == 10002) return TableNameResolver::Entry{"posts"};
    if (number == 513) return TableNameResolver::Entry{"_jobs", true};
    return std::nullopt;
  }};
}

std::string check(std::string_view type, std::string_view value) {
  return validator(type)->check(*parse_convex_json(value), tables()).value_or("ok");
}

constexpr std::string_view kString = R"({"type":"string"})";
constexpr std::string_view kNumber = R"({"type":"number"})";

std::string field(std::string_view name, std::string_view type, bool optional = false) {
  return json_string(name) + ":{\"fieldType\":" + std::string(type) +
         ",\"optional\":" + (optional ? "true" : "false") + "}";
}
std::string object(std::string_view fields) {
  return R"({"type":"object","value":{)" + std::string(fields) + "}}";
}
std::string array(std::string_view element) {
  return R"({"type":"array","value":)" + std::string(element) + "}";
}
std::string union_of(std::string_view members) {
  return R"({"type":"union","value":[)" + std::string(members) + "]}";
}
std::string literal(std::string_view value) {
  return R"({"type":"literal","value":)" + std::string(value) + "}";
}
std::string id(std::string_view table) {
  return R"({"type":"id","tableName":")" + std::string(table) + "\"}";
}
std::string record(std::string_view keys, std::string_view values) {
  return R"({"type":"record","keys":)" + std::string(keys) + R"(,"values":{"fieldType":)" +
         std::string(values) + R"(,"optional":false}})";
}

TEST(Validator, TextAndJson) {
  std::string json =
      object(field("a", R"({"type":"any"})") + "," +
             field("b", union_of(std::string(kString) + "," + id("t")), true) + "," +
             field("c", array(literal("1"))) + "," + field("d", record(kString, R"({"type":"bigint"})")));
  EXPECT_EQ(
      validator(json)->text(),
      "v.object({a: v.any(), b: v.optional(v.union(v.string(), v.id(\"t\"))), c: v.array(v.literal(1.0)), d: "
      "v.record(v.string(), v.int64())})");
  EXPECT_EQ(validator(json)->json(), json);
  for (std::string_view type :
       {"null", "number", "bigint", "commitTs", "boolean", "string", "bytes", "any"}) {
    std::string text = R"({"type":")" + std::string(type) + "\"}";
    EXPECT_EQ(validator(text)->json(), text);
  }
  EXPECT_EQ(validator(literal(R"("x")"))->text(), R"(v.literal("x"))");
  EXPECT_EQ(validator(literal("true"))->text(), "v.literal(true)");
  std::string big = literal(R"({"$integer":"AQAAAAAAAAA="})");
  EXPECT_EQ(validator(big)->text(), "v.literal(<bigint>)");
  EXPECT_EQ(validator(big)->json(), big);
  EXPECT_EQ(validator(R"({"type":"set","value":{"type":"any"}})")->text(), "v.any()");
  EXPECT_EQ(validator(union_of(""))->text(), "v.union()");
}

std::string parse_error(std::string_view json) {
  Result<ValidatorPtr> parsed = Validator::parse(json);
  return parsed.ok() ? "ok" : parsed.error().code + ": " + parsed.error().message;
}

TEST(Validator, ParseErrors) {
  EXPECT_EQ(parse_error(record(literal("1"), kString)),
            "InvalidRecordType: Records can only have string keys. Your validator contains a record with key "
            "typed as "
            "`v.literal(1.0)`, which is not a subtype of `v.string()`");
  EXPECT_EQ(parse_error(record(union_of(id("t") + "," + literal(R"("x")")), kString)),
            "InvalidRecordType: Records cannot have string literal keys");
  EXPECT_EQ(
      parse_error(
          R"({"type":"record","keys":{"type":"string"},"values":{"fieldType":{"type":"any"},"optional":true}})"),
      "InvalidRecordType: Records cannot have optional values");
  EXPECT_EQ(parse_error(literal(R"({"$float":"AAAAAAAA8H8="})")),
            "UnsupportedFloatLiteral: Infinite or NaN values are not supported in literal validators.");
  EXPECT_EQ(parse_error(object(field("a", object(field("b", R"({"type":"x"})"))))),
            "InvalidValidator: Invalid validator for key `a`: Invalid validator for key `b`: Unknown "
            "validator type `x`");
  EXPECT_EQ(parse_error(object(field("a b", kString))).substr(0, 18), "InvalidIdentifier:");
  for (std::string_view bad :
       {"1", "{}", R"({"type":"id"})", R"({"type":"array"})", R"({"type":"union","value":1})",
        R"({"type":"object","value":{"a":{"fieldType":{"type":"any"}}}})"})
    EXPECT_NE(parse_error(bad), "ok") << bad;
  EXPECT_NE(parse_error(literal("null")), "ok");
}

TEST(Validator, Mismatches) {
  EXPECT_EQ(check(kString, "1"), "Value does not match validator.\n\nValue: 1.0\nValidator: v.string()");
  EXPECT_EQ(check(object(field("items", array(object(field("name", kString))))),
                  R"({"items":[{"name":"a"},{"name":2}]})"),
            "Value does not match validator.\nPath: .items[1].name\nValue: 2.0\nValidator: v.string()");
  EXPECT_EQ(check(record(id("users"), kNumber), R"({"x":1})"),
            "Value does not match validator.\nPath: .keys()\nValue: \"x\"\nValidator: v.id(\"users\")");
  EXPECT_EQ(check(record(kString, kNumber), R"({"x":null})"),
            "Value does not match validator.\nPath: .values()\nValue: null\nValidator: v.float64()");
  EXPECT_EQ(check(literal(R"("y")"), R"("x")"),
            R"(`"x"` does not match literal validator `v.literal("y")`.)");
  EXPECT_EQ(check(object(field("k", literal("0"))), R"({"k":{"$float":"AAAAAAAAAIA="}})"),
            "`-0.0` does not match literal validator `v.literal(0.0)`.Path: .k");
}

TEST(Validator, Objects) {
  std::string type = object(field("a", kString) + "," + field("b", kNumber, true));
  EXPECT_EQ(check(type, R"({"a":"x"})"), "ok");
  EXPECT_EQ(check(type, R"({"a":"x","b":1})"), "ok");
  EXPECT_EQ(
      check(type, R"({"b":1})"),
      "Object is missing the required field `a`. Consider wrapping the field validator in `v.optional(...)` "
      "if this is "
      "expected.\n\nObject: {b: 1.0}\nValidator: v.object({a: v.string(), b: v.optional(v.float64())})");
  EXPECT_EQ(check(object(field("o", type)), R"({"o":{"a":"x","c":1}})"),
            "Object contains extra field `c` that is not in the validator.\nPath: .o\nObject: {a: \"x\", c: "
            "1.0}\nValidator: "
            "v.object({a: v.string(), b: v.optional(v.float64())})");
}

TEST(Validator, DocumentsAreCheckedWithoutTheirSystemFields) {
  std::string a = object(field("A", kString, true) + "," + field("a", kNumber)),
              b = object(field("b", kNumber));
  auto check = [](const std::string& type, std::string_view document) {
    return validator(type)->check_document(*parse_convex_json(document), tables()).value_or("ok");
  };
  EXPECT_EQ(check(a, R"({"_creationTime":1,"_id":"x","a":1})"), "ok");
  EXPECT_EQ(check(a, R"({"A":"s","_creationTime":1,"_id":"x","a":1})"), "ok");
  EXPECT_EQ(check(union_of(a + "," + b), R"({"_creationTime":1,"_id":"x","b":1})"), "ok");
  EXPECT_EQ(check(a, R"({"_creationTime":1,"_id":"x","a":1,"z":2})"),
            "Object contains extra field `z` that is not in the validator.\n\nObject: {a: 1.0, z: 2.0}\n"
            "Validator: v.object({A: v.optional(v.string()), a: v.float64()})");
  EXPECT_EQ(check(union_of(a + "," + b), R"({"_creationTime":1,"_id":"x"})"),
            "Value does not match validator.\n\nValue: {}\nValidator: v.union(v.object({A: "
            "v.optional(v.string()), a: v.float64()}), v.object({b: v.float64()}))");
  // Below the top level a leading underscore is nothing special.
  EXPECT_EQ(check(object(field("o", b)), R"({"o":{"_x":1,"b":1}})"),
            "Object contains extra field `_x` that is not in the validator.\nPath: .o\nObject: {_x: 1.0, b: "
            "1.0}\nValidator: v.object({b: v.float64()})");
}

TEST(Validator, TheFirstProblemInFieldOrderIsReported) {
  std::string type = object(field("b", kString) + "," + field("d", kString));
  auto first_line = [&](std::string_view value) {
    std::string text = check(type, value);
    return text.substr(0, text.find('\n'));
  };
  // Declared fields come before extra ones.
  EXPECT_EQ(first_line(R"({"a":1,"b":1,"d":"x"})"), "Value does not match validator.");
  EXPECT_EQ(first_line(R"({"a":1,"b":"x"})").substr(0, 42), "Object is missing the required field `d`. ");
  EXPECT_EQ(first_line(R"({"a":1,"b":"x","c":1,"d":"x","e":1})"),
            "Object contains extra field `a` that is not in the validator.");
  EXPECT_EQ(first_line(R"({"b":"x","d":"x","e":1})"),
            "Object contains extra field `e` that is not in the validator.");
}

TEST(Validator, Unions) {
  std::string two = union_of(std::string(kString) + "," + literal("1"));
  EXPECT_EQ(check(two, "1"), "ok");
  EXPECT_EQ(check(two, "2"),
            "Value does not match validator.\n\nValue: 2.0\nValidator: v.union(v.string(), v.literal(1.0))");
  EXPECT_EQ(check(union_of(literal("1")), "2"), "`2.0` does not match literal validator `v.literal(1.0)`.");
  EXPECT_EQ(check(union_of(""), "2"), "Value does not match validator.\n\nValue: 2.0\nValidator: v.union()");
}

TEST(Validator, Ids) {
  auto check_id = [](const DocumentId& value) {
    return check(object(field("u", id("users"))), "{\"u\":" + json_string(value.text()) + "}");
  };
  EXPECT_EQ(check_id(kUser), "ok");
  EXPECT_EQ(check_id(kPost), "Found ID \"" + kPost.text() +
                                 "\" from table `posts`, which does not match the table name in validator "
                                 "`v.id(\"users\")`.Path: .u");
  EXPECT_EQ(check_id(kPrivate),
            "Found ID \"" + kPrivate.text() +
                "\" from a system table, which does not match the table name in validator "
                "`v.id(\"users\")`.Path: .u");
  EXPECT_EQ(check_id(kUnknown), "Value does not match validator.\nPath: .u\nValue: \"" + kUnknown.text() +
                                    "\"\nValidator: v.id(\"users\")");
}

TEST(Validator, IntegersTakeCommitTimestampTokens) {
  Value token = *parse_convex_json(R"({"$commitTs":null})", {.allow_commit_ts = true});
  EXPECT_FALSE(validator(R"({"type":"commitTs"})")->check(token, tables()));
  EXPECT_FALSE(validator(R"({"type":"bigint"})")->check(token, tables()));
  EXPECT_FALSE(validator(R"({"type":"commitTs"})")->check(Value::int64(5), tables()));
  EXPECT_TRUE(validator(kNumber)->check(token, tables()));
}

TEST(Validator, Subsets) {
  auto subset = [](const std::string& a, const std::string& b) {
    return validator(a)->is_subset_of(*validator(b));
  };
  std::string string(kString), number(kNumber), any = R"({"type":"any"})", boolean = R"({"type":"boolean"})";
  EXPECT_TRUE(subset(string, any));
  EXPECT_FALSE(subset(any, string));
  EXPECT_TRUE(subset(literal(R"("x")"), string));
  EXPECT_FALSE(subset(string, literal(R"("x")")));
  EXPECT_TRUE(subset(id("t"), string));
  EXPECT_FALSE(subset(id("t"), id("u")));
  EXPECT_TRUE(subset(boolean, union_of(literal("true") + "," + literal("false"))));
  EXPECT_FALSE(subset(boolean, union_of(literal("true"))));
  EXPECT_TRUE(subset(R"({"type":"bigint"})", R"({"type":"commitTs"})"));
  EXPECT_TRUE(
      subset(object(field("a", string)), object(field("a", string, true) + "," + field("b", number, true))));
  EXPECT_FALSE(subset(object(field("a", string, true)), object(field("a", string))));
  EXPECT_FALSE(subset(object(field("a", string)), object("")));
  EXPECT_FALSE(subset(object(""), object(field("a", string))));
  EXPECT_TRUE(subset(union_of(string + "," + number), union_of(number + "," + string)));
  EXPECT_FALSE(subset(union_of(string + "," + number), string));
  EXPECT_TRUE(subset(array(id("t")), array(string)));
  EXPECT_TRUE(subset(object(field("a", id("t"))), record(string, string)));
  EXPECT_TRUE(subset(record(id("t"), number), record(string, any)));
}

TEST(Validator, PathsTablesAndSystemFields) {
  auto type = validator(object(
      field("_id", kString) + "," +
      field("a", object(field("b", union_of(std::string(kString) + "," + object(field("c", id("t")))))))));
  EXPECT_TRUE(type->can_contain_path({"a", "b", "c"}));
  EXPECT_FALSE(type->can_contain_path({"a", "b", "x"}));
  EXPECT_FALSE(type->can_contain_path({"b"}));
  std::vector<std::string> tables;
  type->collect_id_tables(tables);
  EXPECT_EQ(tables, std::vector<std::string>{"t"});
  EXPECT_FALSE(type->without_system_fields()->fields().contains("_id"));
  EXPECT_TRUE(type->fields().contains("_id"));
}

}  // namespace
}  // namespace hull
