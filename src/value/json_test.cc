#include "value/json.h"

#include <gtest/gtest.h>

#include "value/json_texts.h"
#include "value/random_values.h"

namespace hull {
namespace {

std::string round_trip(std::string_view json) {
  Result<Value> value = parse_convex_json(json);
  return value.ok() ? to_json(*value) : value.error().code + ": " + value.error().message;
}

std::string nested(size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST(Json, Vectors) {
  EXPECT_EQ(to_json(Value::int64(1)), R"({"$integer":"AQAAAAAAAAA="})");
  EXPECT_EQ(to_json(Value::int64(-1)), R"({"$integer":"//////////8="})");
  EXPECT_EQ(to_json(Value::int64(INT64_MIN)), R"({"$integer":"AAAAAAAAAIA="})");
  EXPECT_EQ(to_json(Value::float64(-0.0)), R"({"$float":"AAAAAAAAAIA="})");
  EXPECT_EQ(to_json(Value::float64(NAN)), R"({"$float":"AAAAAAAA+H8="})");
  EXPECT_EQ(to_json(Value::float64(INFINITY)), R"({"$float":"AAAAAAAA8H8="})");
  EXPECT_EQ(to_json(Value::float64(-INFINITY)), R"({"$float":"AAAAAAAA8P8="})");
  EXPECT_EQ(to_json(Value::float64(3)), "3");
}

TEST(Json, NumbersPrintAsJavaScriptDoes) {
  for (std::string_view text :
       {"0", "-1", "0.1", "1e+21", "100000000000000000000", "1.5e-7", "0.000001", "5e-324",
        "1.7976931348623157e+308", "9007199254740992", "123456.789", "-2.5e+30"})
    EXPECT_EQ(round_trip(text), text);
  EXPECT_EQ(round_trip("9007199254740993"), "9007199254740992");
  EXPECT_EQ(round_trip("123456789012345678901234567890"), "1.2345678901234568e+29");
  EXPECT_EQ(round_trip("[1.0,2e3]"), "[1,2000]");
}

TEST(Json, RandomValuesSurviveEveryFaithfulFormat) {
  RandomValues random(3);
  for (int i = 0; i < 2000; ++i) {
    Value value = random.next();
    std::string text = to_json(value);
    Result<Value> back = parse_convex_json(text);
    ASSERT_TRUE(back.ok()) << text << " " << back.error().message;
    ASSERT_EQ(back->packed(), value.packed()) << text;
    Result<Value> plain = parse_plain_json(text);
    ASSERT_TRUE(plain.ok());
    ASSERT_EQ(decode_convex(*plain)->packed(), value.packed()) << text;
    ASSERT_EQ(parse_plain_json(to_plain_json(*plain))->packed(), plain->packed());
    std::string exported = to_json(value, JsonFormat::kExport);
    Result<Value> imported = parse_convex_json(exported, {.export_numbers = true});
    ASSERT_TRUE(imported.ok()) << exported;
    ASSERT_EQ(imported->packed(), value.packed()) << exported;
  }
}

TEST(Json, KeysAscendAndTheLastDuplicateWins) {
  EXPECT_EQ(round_trip(R"({"b":1,"a":{"z":1,"y":2},"b":3})"), R"({"a":{"y":2,"z":1},"b":3})");
}

TEST(Json, SpecialEncodings) {
  EXPECT_EQ(round_trip(R"({"$integer":"AQ=="})"), "InvalidValue: Int64 must be exactly eight bytes");
  EXPECT_EQ(round_trip(R"({"$float":"AQ=="})"), "InvalidValue: Float64 must be exactly eight bytes");
  EXPECT_EQ(round_trip(R"({"$float":"AAAAAAAA8D8="})"),
            "InvalidValue: Float64 1.0 should be encoded as a number");
  EXPECT_EQ(round_trip(R"({"$float":"AAAAAAAAAAA="})"), "0");
  EXPECT_EQ(round_trip(R"({"$bytes":"!"})"), "InvalidValue: Invalid base64 \"!\"");
  EXPECT_EQ(round_trip(R"({"$bytes":3})"), "InvalidValue: $bytes value must be a string");
  EXPECT_EQ(round_trip(R"({"$set":[]})"),
            "InvalidFieldName: Field name $set starts with '$', which is reserved.");
  EXPECT_EQ(round_trip(R"({"$bytes":"","a":1})"),
            "InvalidFieldName: Field name $bytes starts with '$', which is reserved.");
  EXPECT_EQ(round_trip(R"({"a":1,"$bytes":""})"),
            "InvalidFieldName: Field name $bytes starts with '$', which is reserved.");
}

TEST(Json, FieldNames) {
  EXPECT_EQ(
      round_trip("{\"\xc3\xa9\":1}"),
      "InvalidFieldName: Field name \xc3\xa9 has invalid character '\xc3\xa9': Field names can only contain "
      "non-control ASCII characters");
  EXPECT_EQ(round_trip("{\"" + std::string(1025, 'a') + "\":1}"),
            "InvalidFieldName: Field name is too long (1025 > maximum 1024)");
  EXPECT_EQ(round_trip(R"({"":1,"a b":2,"_c.d":3})"), R"({"":1,"_c.d":3,"a b":2})");
}

TEST(Json, Limits) {
  EXPECT_EQ(round_trip(nested(64)), nested(64));
  EXPECT_EQ(round_trip(nested(65)),
            "TooNestedError: Value is too nested (nested 65 levels deep > maximum nesting 64)");
  std::string numbers = "[0";
  for (int i = 1; i < 8192; ++i) numbers += ",0";
  EXPECT_TRUE(parse_convex_json(numbers + "]").ok());
  EXPECT_EQ(round_trip(numbers + ",0]"),
            "ArrayTooLong: Array length is too long (8193 > maximum length 8192)");
  std::string fields = "{\"f0\":0";
  for (int i = 1; i < 1024; ++i) fields += ",\"f" + std::to_string(i) + "\":0";
  EXPECT_TRUE(parse_convex_json(fields + "}").ok());
  EXPECT_EQ(round_trip(fields + ",\"x\":0}"),
            "TooManyFieldsError: Object has too many fields (1025 > maximum number 1024)");
  std::string half = json_string(std::string((1 << 24) + 100, 'x'));
  EXPECT_EQ(round_trip("[" + half + "," + half + "]"),
            "ValueTooLargeError: Value is too large (32 MiB > maximum size 32 MiB)");
}

TEST(Json, UndefinedOnlyWhereItIsAllowed) {
  JsonParseOptions whole{.allow_undefined = true}, allow{.allow_undefined_fields = true};
  EXPECT_TRUE((*parse_convex_json(R"({"$undefined":null})", whole))->is_undefined());
  EXPECT_FALSE(parse_convex_json(R"({"a":{"$undefined":null}})", whole).ok());
  EXPECT_FALSE(parse_convex_json(R"({"$undefined":null})", allow).ok());
  EXPECT_TRUE((*parse_convex_json(R"({"a":{"$undefined":null}})", allow))->find("a")->is_undefined());
  EXPECT_FALSE(parse_convex_json(R"([{"$undefined":null}])", allow).ok());
  EXPECT_FALSE(parse_convex_json(R"({"a":{"b":{"$undefined":null}}})", allow).ok());
  EXPECT_FALSE(parse_convex_json(R"({"a":{"$undefined":null}})").ok());
  EXPECT_EQ(parse_convex_json(R"({"$undefined":1})", whole).error().message, "$undefined value must be null");
}

TEST(Json, CommitTimestampsOnlyWhereTheyAreAllowed) {
  JsonParseOptions allow{.allow_commit_ts = true};
  EXPECT_EQ(to_json(*parse_convex_json(R"([[{"$commitTs":null}]])", allow)), R"([[{"$commitTs":null}]])");
  EXPECT_EQ(parse_convex_json(R"({"$commitTs":1})", allow).error().message, "$commitTs value must be null");
  EXPECT_FALSE(parse_convex_json(R"({"$commitTs":null})").ok());
}

TEST(Json, CleanAndExportFormats) {
  Value value = *parse_convex_json(
      R"({"a":{"$integer":"BQAAAAAAAAA="},"b":{"$bytes":"Zg=="},"c":1,"d":{"$float":"AAAAAAAA8H8="},"e":{"$float":"AAAAAAAAAIA="}})");
  EXPECT_EQ(to_json(value, JsonFormat::kClean), R"({"a":"5","b":"Zg==","c":1,"d":"Infinity","e":-0.0})");
  EXPECT_EQ(to_json(value, JsonFormat::kExport),
            R"({"a":5,"b":{"$bytes":"Zg=="},"c":1.0,"d":{"$float":"AAAAAAAA8H8="},"e":-0.0})");
}

TEST(Json, RefusesMalformedText) {
  for (std::string_view bad : {"",
                               " ",
                               "{",
                               "[1",
                               "[1,]",
                               "{\"a\":}",
                               "{\"a\" 1}",
                               "{} x",
                               "[] ]",
                               "5 5",
                               "nul",
                               "nulll",
                               "truex",
                               "012",
                               "1.",
                               "+1",
                               "-",
                               "NaN",
                               "1e400",
                               "\"\\ud800\"",
                               "\"\\udc00\"",
                               "\"\\ud800\\u0041\"",
                               "\"\xff\"",
                               "\"a\nb\"",
                               "\"\\q\"",
                               "{\"a\":1]",
                               "{\"\\udc00\":1}",
                               "true false",
                               "'a'"}) {
    Result<Value> convex = parse_convex_json(bad);
    ASSERT_FALSE(convex.ok()) << bad;
    EXPECT_EQ(convex.error().code, "InvalidJson") << bad;
    EXPECT_FALSE(parse_plain_json(bad).ok()) << bad;
  }
  EXPECT_EQ(round_trip(R"("\ud83d\ude00\u0000")"), "\"\xf0\x9f\x98\x80\\u0000\"");
}

TEST(Json, PlainTakesAnyKeysButNotEndlessNesting) {
  EXPECT_EQ(to_plain_json(*parse_plain_json(R"({"$a":{"\u00e9":[-0]},"$b":"\u0001"})")),
            "{\"$a\":{\"\xc3\xa9\":[-0.0]},\"$b\":\"\\u0001\"}");
  EXPECT_TRUE(parse_plain_json(nested(900)).ok());
  EXPECT_FALSE(parse_plain_json(nested(100000)).ok());
}

TEST(Json, Split) {
  auto members = *split_json_object(R"( { "b\n" : [1, {"x":2} ] , "a":"s t" , "n" : 12 } )");
  ASSERT_EQ(members.size(), 3u);
  EXPECT_EQ(members[0], std::pair(std::string("b\n"), std::string("[1, {\"x\":2} ]")));
  EXPECT_EQ(members[1], std::pair(std::string("a"), std::string("\"s t\"")));
  EXPECT_EQ(members[2], std::pair(std::string("n"), std::string("12")));
  EXPECT_EQ(*split_json_array(R"([ {"a" : 1} , null,[ ]])"),
            (std::vector<std::string>{"{\"a\" : 1}", "null", "[ ]"}));
  EXPECT_TRUE(split_json_object("{}")->empty());
  EXPECT_FALSE(split_json_object("[]").ok());
  EXPECT_FALSE(split_json_array("[] 1").ok());
}

TEST(Json, LongTextsAreTakenOut) {
  std::vector<std::string> taken;
  auto take = [&taken](std::string_view text) {
    taken.emplace_back(text);
    return static_cast<int64_t>(taken.size()) - 1;
  };
  std::string long_text(100, 'x');
  auto parse = [&](const std::string& json) { return parse_plain_json_texts(json, 50, take); };
  auto value = parse(R"({"a":["short",")" + long_text + R"(\n\u00e9\"q"],"b":")" + long_text + R"(","c":1})");
  ASSERT_TRUE(value.ok()) << value.error().message;
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0], long_text + "\n\u00e9\"q");
  EXPECT_EQ(taken[1], long_text);
  EXPECT_EQ(value->view().find("a")->element(0).as_string(), "short");
  EXPECT_EQ(value->view().find("a")->element(1).as_int64(), 0);
  EXPECT_EQ(value->view().find("b")->as_int64(), 1);
  EXPECT_TRUE(value->view().find("c")->is_float64());
  EXPECT_EQ(parse(R"({"a":")" + long_text + R"("} x)").error().code, "InvalidJson");
  EXPECT_EQ(parse(R"({"a":")" + long_text).error().code, "InvalidJson");
  EXPECT_EQ(parse(R"({"a":")" + long_text + R"(\q"})").error().code, "InvalidJson");
  EXPECT_EQ(parse("{\"a\":\"" + long_text + "\xff\"}").error().code, "InvalidJson");
}

}  // namespace
}  // namespace hull
