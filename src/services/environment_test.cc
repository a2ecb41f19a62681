#include "services/environment.h"

#include <gtest/gtest.h>

namespace hull {
namespace {

using Env = std::map<std::string, std::string>;

Result<Env> apply(Env environment, std::vector<EnvChange> changes) {
  return apply_env_changes(std::move(environment), changes, Knobs{});
}
std::string code(Env environment, std::vector<EnvChange> changes) {
  auto result = apply(std::move(environment), std::move(changes));
  return result.ok() ? "" : result.error().code;
}

TEST(EnvironmentTest, DeletesComeBeforeSets) {
  EXPECT_EQ(*apply({{"A", "1"}, {"B", "2"}},
                   {{"A", "new"}, {"A", std::nullopt}, {"B", std::nullopt}, {"X", std::nullopt}}),
            (Env{{"A", "new"}}));
  EXPECT_EQ(*apply({}, {{"A", "1"}, {"A", "2"}}), (Env{{"A", "2"}}));
}

TEST(EnvironmentTest, Names) {
  EXPECT_EQ(code({}, {{"_a9", ""}}), "");
  for (std::string name : {"", "9a", "a-b", "a b", "ä"})
    EXPECT_EQ(code({}, {{name, "x"}}), "EnvironmentVariableNameInvalid") << name;
  EXPECT_EQ(code({}, {{std::string(256, 'a'), "x"}}), "");
  EXPECT_EQ(code({}, {{std::string(257, 'a'), "x"}}), "EnvironmentVariableNameTooLong");
  EXPECT_EQ(code({}, {{"CONVEX_CLOUD_URL", "x"}}), "EnvVarNameForbidden");
  EXPECT_EQ(code({}, {{"CONVEX_SITE_URL", std::nullopt}}), "EnvVarNameForbidden");
}

TEST(EnvironmentTest, Limits) {
  EXPECT_EQ(code({}, {{"A", std::string(8192, 'x')}}), "");
  EXPECT_EQ(code({}, {{"A", std::string(8193, 'x')}}), "EnvironmentVariableValueTooLarge");
  Env full;
  for (int i = 0; i < 512; ++i) full["V" + std::to_string(i)] = "";
  EXPECT_EQ(code(full, {{"V3", "changed"}}), "");
  auto result = apply(full, {{"ONE_MORE", ""}});
  EXPECT_EQ(result.error().code, "EnvVarLimitMet");
  EXPECT_EQ(result.error().message, "The environment variable limit (512) has been met.");
  Env large;
  for (int i = 0; i < 64; ++i) large["V" + std::to_string(i)] = std::string(8180, 'x');
  EXPECT_EQ(code(large, {{"W", std::string(8192, 'x')}}), "EnvVarTotalSizeLimitMet");
  // What was too much before may always be removed.
  large["W"] = std::string(8192, 'x');
  EXPECT_EQ(code(large, {{"V1", std::nullopt}}), "");
}

}  // namespace
}  // namespace hull
