#include "server/byte_range.h"

#include <gtest/gtest.h>

namespace hull {
namespace {

constexpr ByteRange kWhole{};
constexpr ByteRange kNone{ByteRange::Kind::kUnsatisfiable, 0, 0};
constexpr ByteRange part(uint64_t first, uint64_t size) { return {ByteRange::Kind::kPart, first, size}; }

TEST(ByteRange, OfTenBytes) {
  const std::pair<const char*, ByteRange> cases[] = {
      {"bytes=0-", part(0, 10)},
      {"bytes=0-0", part(0, 1)},
      {"bytes=2-5", part(2, 4)},
      {"bytes=9-", part(9, 1)},
      {"bytes=5-99", part(5, 5)},
      {"bytes=5-99999999999999999999999", part(5, 5)},
      {"BYTES = 2 - 5", part(2, 4)},
      {"bytes=-3", part(7, 3)},
      {"bytes=-10", part(0, 10)},
      {"bytes=-99", part(0, 10)},
      {"bytes=-0", kNone},
      {"bytes=10-", kNone},
      {"bytes=10-12", kNone},
      {"bytes=99999999999999999999999-", kNone},
      {"bytes=0-1,4-5", kNone},
      {"bytes=0-1, -2", kNone},
      // Not understood, so not looked at.
      {"", kWhole},
      {"bytes", kWhole},
      {"bytes=", kWhole},
      {"bytes=-", kWhole},
      {"bytes=5-2", kWhole},
      {"bytes=a-5", kWhole},
      {"bytes=1-b", kWhole},
      {"bytes=5", kWhole},
      {"bytes=--5", kWhole},
      {"bytes=+1-5", kWhole},
      {"lines=1-2", kWhole},
      {"0-5", kWhole},
  };
  for (const auto& [header, expected] : cases) {
    ByteRange found = choose_range(header, 10);
    EXPECT_EQ(found, expected) << header << ": " << static_cast<int>(found.kind) << " " << found.first << "+"
                               << found.size;
  }
  EXPECT_EQ(choose_range(std::nullopt, 10), kWhole);
}

TEST(ByteRange, OfNothing) {
  for (const char* header : {"bytes=0-", "bytes=0-5", "bytes=-1", "bytes=5-", "bytes=0-1,2-3"})
    EXPECT_EQ(choose_range(header, 0), kWhole) << header;
}

TEST(ByteRange, OfMoreThanFourGigabytes) {
  constexpr uint64_t kSize = 5'000'000'000;
  EXPECT_EQ(choose_range("bytes=4999999990-", kSize), part(4'999'999'990, 10));
  EXPECT_EQ(choose_range("bytes=-1", kSize), part(kSize - 1, 1));
}

TEST(EntityTag, Matches) {
  EXPECT_TRUE(etag_matches("\"a\"", "\"a\""));
  EXPECT_TRUE(etag_matches("\"b\", W/\"a\"", "\"a\""));
  EXPECT_TRUE(etag_matches("*", "\"a\""));
  EXPECT_FALSE(etag_matches("\"b\"", "\"a\""));
  EXPECT_FALSE(etag_matches("a", "\"a\""));
  EXPECT_FALSE(etag_matches("", "\"a\""));
}

}  // namespace
}  // namespace hull
