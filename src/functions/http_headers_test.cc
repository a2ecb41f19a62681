#include "functions/http_headers.h"

#include <gtest/gtest.h>

namespace hull {
namespace {

TEST(HttpHeaders, BytesAreCodeUnits) {
  std::string json;
  append_header_pairs({{"X-A", "caf\xe9"}, {"x-a", "\x80\xff"}}, json);
  EXPECT_EQ(json, "[[\"x-a\",\"caf\xc3\xa9\"],[\"x-a\",\"\xc2\x80\xc3\xbf\"]]");
  auto back = parse_header_pairs(json);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, (HeaderPairs{{"x-a", "caf\xe9"}, {"x-a", "\x80\xff"}}));
}

TEST(HttpHeaders, RefusesWhatCannotBeSent) {
  for (const char* json : {R"({})", R"([["a"]])", R"([["a",1]])", R"([["a b","x"]])", R"([["","x"]])",
                           R"([["a","x\r\ny"]])", R"([["a","x\u0000"]])", "[[\"a\",\"\xe2\x82\xac\"]]"}) {
    EXPECT_FALSE(parse_header_pairs(json).ok()) << json;
  }
  EXPECT_TRUE(parse_header_pairs(R"([["a",""],["b","\t"]])").ok());
}

}  // namespace
}  // namespace hull
