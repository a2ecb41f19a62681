#include "value/names.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/time.h"
#include "value/id.h"

namespace hull {
namespace {

std::string identifier_error(std::string_view s) {
  Result<void> checked = check_identifier(s);
  return checked.ok() ? "ok" : checked.error().message;
}

TEST(Names, Identifiers) {
  EXPECT_EQ(identifier_error("a_1"), "ok");
  EXPECT_EQ(identifier_error("_a"), "ok");
  EXPECT_EQ(identifier_error(std::string(64, 'a')), "ok");
  EXPECT_EQ(identifier_error(""), "Identifier cannot be empty");
  EXPECT_EQ(
      identifier_error("1a"),
      "Invalid first character '1' in 1a: Identifiers must start with an alphabetic character or underscore");
  EXPECT_EQ(identifier_error("a\xc3\xa9"),
            "Identifier a\xc3\xa9 has invalid character '\xc3\xa9': Identifiers can only contain "
            "alphanumeric characters "
            "or underscores");
  EXPECT_EQ(identifier_error(std::string(70, 'a')), "Identifier is too long (70 > maximum 64)");
  EXPECT_EQ(identifier_error("__"), "Identifier __ cannot have exclusively underscores");
}

TEST(Names, FieldPaths) {
  EXPECT_EQ(*parse_field_path("a.b"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(*parse_field_path(".a."), (std::vector<std::string>{"a"}));
  EXPECT_EQ(parse_field_path("..").error().message, "Empty path ..");
  EXPECT_FALSE(parse_field_path("a..b").ok());
}

std::string module_of(std::string_view s) {
  Result<ModulePath> path = ModulePath::parse(s);
  return path.ok() ? path->text : path.error().message;
}

TEST(Names, ModulePaths) {
  EXPECT_EQ(module_of("messages"), "messages.js");
  EXPECT_EQ(module_of("dir/a.js"), "dir/a.js");
  EXPECT_EQ(module_of("a.b.js"), "a.b.js");
  EXPECT_EQ(module_of("x.ts"), "Module path (x.ts) has an extension that isn't 'js'.");
  EXPECT_EQ(module_of("/a"), "Module paths must be relative (/a is absolute).");
  EXPECT_EQ(module_of("my-file"),
            "Path component my-file.js can only contain alphanumeric characters, underscores, or periods.");
  EXPECT_TRUE(module_of(std::string(80, 'a')).starts_with("Path component is too long (83 > maximum 64): "));
  for (std::string_view bad : {"", "a//b", "./a", "../a", "a/..", "a/", "a/___/b"})
    EXPECT_FALSE(ModulePath::parse(bad).ok()) << bad;
  EXPECT_TRUE(ModulePath::parse("_system/x")->is_system());
  EXPECT_TRUE(ModulePath::parse("actions/_deps/x")->is_deps());
}

TEST(Names, FunctionPaths) {
  for (std::string_view spelling : {"dir/file:fn", "dir/file.js:fn"}) {
    FunctionPath path = *FunctionPath::parse(spelling);
    EXPECT_EQ(path.canonical(), "dir/file.js:fn");
    EXPECT_EQ(path.display(), "dir/file:fn");
  }
  EXPECT_EQ(FunctionPath::parse("file")->canonical(), "file.js:default");
  EXPECT_EQ(FunctionPath::parse("file:default")->display(), "file");
  Error error = FunctionPath::parse("a:$b").error();
  EXPECT_EQ(error.code, "BadConvexFunctionIdentifier");
  EXPECT_TRUE(
      error.message.starts_with("a:$b is not a valid path to a Convex function. Invalid first character"));
  EXPECT_FALSE(FunctionPath::parse("a:b:c").ok());
}

TEST(Id, Vectors) {
  struct Vector {
    TableNumber table;
    std::string_view internal, text;
  };
  for (const Vector& v : {
           Vector{1, "00000000000000000000000000000000", "0400000000000000000000000000248"},
           Vector{10001, "000102030405060708090a0b0c0d0e0f", "j57000820c20a1g7104gm2rc1m70ynr8"},
           Vector{539, "ffffffffffffffffffffffffffffffff", "kc2fzzzzzzzzzzzzzzzzzzzzzzzzz3x2"},
           Vector{16384, "000102030405060708090a0b0c0d0e0f", "g2002001081g81860w40j2gb1g6gw3vs74"},
           Vector{4294967295u, "ffffffffffffffffffffffffffffffff", "zzzzzzrfzzzzzzzzzzzzzzzzzzzzzzzzzzxjj"},
       }) {
    DocumentId id{v.table, InternalId::from(*hex_decode(v.internal))};
    EXPECT_EQ(id.text(), v.text);
    Result<DocumentId> parsed = DocumentId::parse(v.text);
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    EXPECT_EQ(*parsed, id);
  }
}

TEST(Id, RoundTripAndNoSecondSpelling) {
  for (int i = 0; i < 300; ++i) {
    DocumentId id{static_cast<TableNumber>(1u << (i % 32)), InternalId::random(unix_nanos())};
    std::string text = id.text();
    ASSERT_EQ(*DocumentId::parse(text), id);
    EXPECT_FALSE(DocumentId::parse(text + "0").ok());
    std::string damaged = text;
    size_t at = static_cast<size_t>(i) % text.size();
    damaged[at] = damaged[at] == 'a' ? 'b' : 'a';
    Result<DocumentId> other = DocumentId::parse(damaged);
    EXPECT_EQ(other.ok() ? other->text() : damaged, damaged);
  }
  InternalId id = InternalId::random(3 * 86'400'000'000'000 + 5);
  EXPECT_EQ(id.bytes[14], 0);
  EXPECT_EQ(id.bytes[15], 3);
}

std::string id_error(std::string_view text) { return DocumentId::parse(text).error().message; }

TEST(Id, Errors) {
  EXPECT_EQ(id_error("abcde"), "Unable to decode ID: Invalid ID length 5");
  EXPECT_EQ(id_error(std::string(38, '0')), "Unable to decode ID: Invalid ID length 38");
  EXPECT_EQ(id_error("J57000820c20a1g7104gm2rc1m70ynr8"), "Unable to decode ID: ID wasn't valid base32");
  EXPECT_EQ(id_error(std::string(31, '0')), "Unable to decode ID: Invalid table number");
  EXPECT_TRUE(
      id_error("j57000820c20a1g7104gm2rc1m70ynr9").starts_with("Unable to decode ID: Invalid ID version"));
  EXPECT_EQ(DocumentId::parse("").error().code, "InvalidArgument");
}

}  // namespace
}  // namespace hull
