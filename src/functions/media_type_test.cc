#include "functions/media_type.h"

#include <gtest/gtest.h>

namespace hull {
namespace {

TEST(MediaType, IsNormalized) {
  const std::pair<const char*, const char*> cases[] = {
      {"image/png", "image/png"},
      {" Image/PNG ", "image/png"},
      {"text/plain; Charset=UTF-8", "text/plain;charset=UTF-8"},
      {"text/plain;charset=\"utf-8\"", "text/plain;charset=utf-8"},
      {"a/b; c=\"x y\\\"z\" ; d=1", "a/b;c=\"x y\\\"z\";d=1"},
      {"a/b;", "a/b"},
      {"a/b;;c=d", "a/b;c=d"},
      {"application/vnd.api+json", "application/vnd.api+json"},
      {"*/*", "*/*"},
  };
  for (auto [given, expected] : cases) EXPECT_EQ(normalized_media_type(given), expected) << given;
}

TEST(MediaType, RefusesOtherText) {
  for (const char* bad :
       {"", "png", "image/", "/png", "image png", "image/png x", "a/b;c", "a/b;c=", "a/b;c=\"x", "a/b; c=d e",
        "a/b\r\nx: y", "im\xc3\xa4ge/png", "a/b;c=\"\x01\"", "a/b;c=\"\xe4\"", "a/b;c=\"\x7f\""}) {
    EXPECT_EQ(normalized_media_type(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace hull
