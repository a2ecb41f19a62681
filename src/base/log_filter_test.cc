#include "base/log_filter.h"

#include <gtest/gtest.h>

namespace hull {
namespace {

using Level = LogFilter::Level;

TEST(LogFilterTest, Directives) {
  EXPECT_EQ(LogFilter::parse("")->level, Level::info);
  EXPECT_EQ(LogFilter::parse("DEBUG")->level, Level::debug);
  EXPECT_EQ(LogFilter::parse("off")->level, Level::off);
  auto filter = LogFilter::parse("warn, postgres=debug,convex-cloud-http=off,");
  ASSERT_TRUE(filter);
  EXPECT_EQ(filter->level_of("hull"), Level::warn);
  EXPECT_EQ(filter->level_of("convex-cloud-http"), Level::off);
  EXPECT_EQ(filter->level_of("postgres::wire"), Level::debug);
  EXPECT_EQ(filter->level_of("postgresql"), Level::warn);
}

TEST(LogFilterTest, Malformed) {
  for (const char* text : {"verbose", "hull=loud", "=debug", "info,hull", "hull="})
    EXPECT_FALSE(LogFilter::parse(text)) << text;
}

}  // namespace
}  // namespace hull
