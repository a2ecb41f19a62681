#include "value/value.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "value/json.h"
#include "value/key.h"
#include "value/random_values.h"

namespace hull {
namespace {

Value parse(std::string_view json) {
  Result<Value> value = parse_convex_json(json);
  EXPECT_TRUE(value.ok()) << json;
  return *value;
}

int sign(int n) { return n < 0 ? -1 : n > 0 ? 1 : 0; }

TEST(Value, BuilderSortsKeysAndKeepsTheLastOfDuplicates) {
  ValueBuilder builder;
  builder.begin_object()
      .key("b")
      .int64(1)
      .key("a")
      .begin_array()
      .null()
      .string("x")
      .end()
      .key("b")
      .boolean(true)
      .end();
  Value value = builder.finish();
  ASSERT_EQ(value->count(), 2u);
  EXPECT_EQ(value->field(0).first, "a");
  EXPECT_EQ(value->field(0).second.element(1).as_string(), "x");
  EXPECT_TRUE(value->find("b")->as_bool());
  EXPECT_FALSE(value->find("c"));
  EXPECT_FALSE(value->element(0).find("a"));
  // Equal objects have equal bytes, however they were built.
  ValueBuilder other;
  other.begin_object().key("a").value(value->field(0).second).key("b").boolean(true).end();
  EXPECT_EQ(other.finish().packed(), value.packed());
}

TEST(Value, PackObjectWritesWhatTheBuilderWrites) {
  RandomValues random(4);
  for (int i = 0; i < 500; ++i) {
    Value value = random.next();
    if (!value->is_object()) continue;
    std::vector<FieldView> fields;
    ValueBuilder builder;
    builder.begin_object();
    for (size_t f = value->count(); f-- > 0;) {
      builder.key(value->field(f).first).value(value->field(f).second);
      fields.insert(fields.begin(), value->field(f));
    }
    builder.end();
    EXPECT_EQ(pack_object(fields).packed(), value.packed());
    EXPECT_EQ(builder.finish().packed(), value.packed());
  }
}

TEST(Value, BuildersInsideBuildersDoNotShareBuffers) {
  ValueBuilder outer;
  outer.begin_array().int64(1);
  {
    ValueBuilder inner;
    inner.begin_array().int64(2).end();
    outer.value(inner.finish());
    ValueBuilder third;
    third.string(std::string(100, 'x'));
    outer.value(third.finish());
  }
  outer.int64(3).end();
  EXPECT_EQ(display(outer.finish()), "[1, [2], \"" + std::string(100, 'x') + "\", 3]");
}

TEST(Value, FindPathTraversesObjectsOnly) {
  Value value = parse(R"({"a":{"b":{"c":3}},"l":[{"b":1}]})");
  EXPECT_EQ(value->find_path({"a", "b", "c"})->as_float64(), 3);
  EXPECT_FALSE(value->find_path({"a", "x"}));
  EXPECT_FALSE(value->find_path({"l", "b"}));
  EXPECT_TRUE(value->find_path({})->is_object());
}

TEST(Value, VerifyAcceptsExactlyWhatTheBuilderWrites) {
  RandomValues random(1);
  for (int i = 0; i < 500; ++i) {
    std::string packed(random.next().packed());
    ASSERT_TRUE(Value::verify_and_adopt(packed)) << hex_encode(packed);
    EXPECT_FALSE(Value::verify_and_adopt(packed + '\0'));
    EXPECT_FALSE(Value::verify_and_adopt(packed.substr(0, packed.size() - 1)));
    // A damaged byte is refused or changes the value, but never makes reading it unsafe.
    for (size_t at = 0; at < packed.size(); ++at) {
      std::string damaged = packed;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x15);
      if (auto adopted = Value::verify_and_adopt(damaged)) display(*adopted);
    }
  }
  EXPECT_FALSE(Value::verify_and_adopt(""));
  EXPECT_FALSE(Value::verify_and_adopt("\x0b"));
  EXPECT_FALSE(Value::verify_and_adopt(std::string("\x05\x01\0\0\0\xff", 6)));
}

TEST(Value, OrderOfTypesAndSpecialNumbers) {
  std::vector<Value> ascending = {Value(),
                                  Value::int64(INT64_MIN),
                                  Value::int64(-1),
                                  Value::int64(0),
                                  Value::int64(INT64_MAX),
                                  Value::float64(-NAN),
                                  Value::float64(-INFINITY),
                                  Value::float64(-5),
                                  Value::float64(-0.0),
                                  Value::float64(0.0),
                                  Value::float64(5e-324),
                                  Value::float64(INFINITY),
                                  Value::float64(NAN),
                                  Value::boolean(false),
                                  Value::boolean(true),
                                  Value::string(""),
                                  Value::string("a"),
                                  Value::string(std::string_view("a\0", 2)),
                                  Value::string("ab"),
                                  Value::string("\xef\xbf\xbf"),
                                  Value::string("\xf0\x90\x80\x80"),
                                  Value::bytes(""),
                                  Value::bytes("\xff"),
                                  parse("[]"),
                                  parse("[1]"),
                                  parse("[1,2]"),
                                  parse("[2]"),
                                  parse("{}"),
                                  parse(R"({"":1})"),
                                  parse(R"({"a":1})"),
                                  parse(R"({"a":1,"b":1})"),
                                  parse(R"({"a":2})"),
                                  parse(R"({"b":0})")};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      int expected = i < j ? -1 : i > j ? 1 : 0;
      EXPECT_EQ(compare(ascending[i], ascending[j]), expected)
          << display(ascending[i]) << " " << display(ascending[j]);
      EXPECT_EQ(sign(key_of(ascending[i]).compare(key_of(ascending[j]))), expected) << i << " " << j;
    }
  }
  EXPECT_LT(compare(ValueView("\x09"), Value()), 0);
}

TEST(Value, KeysSortLikeValues) {
  RandomValues random(2);
  std::vector<Value> values;
  for (int i = 0; i < 300; ++i) values.push_back(random.next());
  for (const Value& a : values) {
    for (const Value& b : values) {
      ASSERT_EQ(compare(a, b), sign(key_of(a).compare(key_of(b)))) << display(a) << " " << display(b);
    }
  }
}

TEST(Key, Vectors) {
  EXPECT_EQ(hex_encode(key_of(Value::float64(0.0))), "0d8000000000000000");
  EXPECT_EQ(hex_encode(key_of(Value::float64(-0.0))), "0d7fffffffffffffff");
  EXPECT_EQ(hex_encode(key_of(Value::float64(1.5))), "0dbff8000000000000");
  EXPECT_EQ(hex_encode(key_of(Value::float64(-1.5))), "0d4007ffffffffffff");
  EXPECT_EQ(hex_encode(key_of(Value::int64(0))), "08");
  EXPECT_EQ(hex_encode(key_of(Value::int64(127))), "097f");
  EXPECT_EQ(hex_encode(key_of(Value::int64(128))), "0a0080");
  EXPECT_EQ(hex_encode(key_of(Value::int64(-1))), "07ff");
  EXPECT_EQ(hex_encode(key_of(Value::int64(-129))), "06ff7f");
  EXPECT_EQ(hex_encode(key_of(Value::int64(INT64_MIN))), "048000000000000000");
  EXPECT_EQ(hex_encode(key_of(ValueView("\x0a"))), "0c7fffffffffffffff");
  EXPECT_EQ(hex_encode(key_of(Value::string(std::string_view("a\0b", 3)))), "106100ff6200");
  EXPECT_EQ(hex_encode(key_of(parse(R"([null,true])"))), "12030f00");
  EXPECT_EQ(hex_encode(key_of(parse(R"({"":null,"a":false})"))), "1500ff0361000e00");
}

TEST(Key, AnEqualityPrefixSelectsExactlyItsValue) {
  RandomValues random(5);
  std::vector<Value> values = {Value::string("x"), Value::string(std::string_view("x\0", 2)),
                               parse("{}"),        parse(R"({"":1})"),
                               parse("[]"),        Value::bytes("")};
  for (int i = 0; i < 200; ++i) values.push_back(random.next());
  for (const Value& wanted : values) {
    std::string start = key_of(wanted), end = *end_of_prefix(start);
    for (const Value& other : values) {
      for (const Value& next : {Value(), Value::string("id"), parse("{}")}) {
        std::string key = key_of(other) + key_of(next);
        EXPECT_EQ(key >= start && key < end, equal(wanted, other))
            << display(wanted) << " " << display(other);
        EXPECT_EQ(key >= end, compare(other, wanted) > 0) << display(wanted) << " " << display(other);
      }
    }
  }
  EXPECT_EQ(end_of_prefix(""), std::nullopt);
}

TEST(Value, SizeFormula) {
  EXPECT_EQ(convex_size(Value()), 1u);
  EXPECT_EQ(convex_size(Value::boolean(true)), 1u);
  EXPECT_EQ(convex_size(Value::int64(1)), 9u);
  EXPECT_EQ(convex_size(Value::float64(1)), 9u);
  EXPECT_EQ(convex_size(Value::string("\xc3\xa9")), 4u);
  EXPECT_EQ(convex_size(Value::bytes("abc")), 5u);
  EXPECT_EQ(convex_size(parse("[1,null]")), 12u);
  EXPECT_EQ(convex_size(parse(R"({"_id":"j57000820c20a1g7104gm2rc1m70ynr8"})")), 2u + 38);
  EXPECT_EQ(convex_size(parse(R"({"_creationTime":1})")), 2u + 23);
  EXPECT_EQ(convex_size(ValueView("\x0a")), 9u);
}

TEST(Value, Nesting) {
  EXPECT_EQ(nesting(parse("1")), 0u);
  EXPECT_EQ(nesting(parse("[]")), 1u);
  EXPECT_EQ(nesting(parse(R"({"a":[{}],"b":1})")), 3u);
}

TEST(Value, Display) {
  EXPECT_EQ(display(parse(R"({"b":[1,null,"a\n\"\\\u007f"],"a":{"$integer":"BQAAAAAAAAA="}})")),
            R"({a: 5, b: [1.0, null, "a\n\"\\\u{7f}"]})");
  EXPECT_EQ(display(Value::bytes("f")), "b\"Zg==\"");
  EXPECT_EQ(display(Value::float64(1e21)), "1e21");
  EXPECT_EQ(display(Value::float64(-0.0)), "-0.0");
  EXPECT_EQ(display(Value::float64(-INFINITY)), "-inf");
  EXPECT_EQ(display(Value::float64(NAN)), "NaN");
  EXPECT_EQ(display(Value::float64(0.25)), "0.25");
  EXPECT_EQ(display(Value::float64(1.5e-7)), "1.5e-7");
  EXPECT_EQ(display(ValueView("\x09")), "undefined");
  EXPECT_EQ(display_bytes(512), "512 B");
  EXPECT_EQ(display_bytes(1 << 24), "16 MiB");
  EXPECT_EQ(display_bytes(1101005), "1.05 MiB");
  EXPECT_EQ(type_name(Value::boolean(true)), "Boolean");
}

TEST(Value, ResolvesCommitTimestampsWithoutTouchingTheRest) {
  Value pending =
      *parse_convex_json(R"({"a":{"$commitTs":null},"b":[{"$commitTs":null},1]})", {.allow_commit_ts = true});
  EXPECT_TRUE(contains_commit_ts(pending));
  Value resolved = resolve_commit_ts(pending, 7);
  EXPECT_FALSE(contains_commit_ts(resolved));
  EXPECT_EQ(display(resolved), "{a: 7, b: [7, 1.0]}");
  EXPECT_EQ(resolve_commit_ts(resolved, 8).packed(), resolved.packed());
}

}  // namespace
}  // namespace hull
