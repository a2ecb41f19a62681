#include "services/credentials.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/random.h"

namespace hull {
namespace {

class CredentialsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::temp_directory_path() / ("hull-credentials-" + random_hex(8));
    unsetenv("INSTANCE_NAME");
    unsetenv("INSTANCE_SECRET");
  }
  void TearDown() override {
    unsetenv("INSTANCE_NAME");
    unsetenv("INSTANCE_SECRET");
    std::filesystem::remove_all(dir_);
  }
  Credentials resolve(CredentialOptions options = {}) {
    options.data_dir = dir_;
    auto result = resolve_credentials(options);
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
    EXPECT_TRUE(store_credentials(dir_, *result).ok());
    return std::move(*result);
  }
  std::string file(const char* name) {
    std::ifstream in(dir_ / "credentials" / name);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  std::filesystem::path dir_;
};

TEST_F(CredentialsTest, FirstStartGeneratesAndLaterStartsKeep) {
  auto first = resolve();
  EXPECT_EQ(first.instance_name, "convex-self-hosted");
  EXPECT_EQ(first.secret_source, CredentialSource::kGenerated);
  EXPECT_EQ(file("instance_secret"), first.secret.hex());
  struct stat info;
  ASSERT_EQ(stat((dir_ / "credentials" / "instance_secret").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);

  auto second = resolve();
  EXPECT_EQ(second.secret.hex(), first.secret.hex());
  EXPECT_EQ(second.secret_source, CredentialSource::kFile);
}

TEST_F(CredentialsTest, AVariableSetOnceSticks) {
  std::string hex(64, 'b');
  setenv("INSTANCE_SECRET", hex.c_str(), 1);
  setenv("INSTANCE_NAME", "carnitas", 1);
  EXPECT_EQ(resolve().secret_source, CredentialSource::kEnvironment);
  unsetenv("INSTANCE_SECRET");
  unsetenv("INSTANCE_NAME");
  auto later = resolve();
  EXPECT_EQ(later.secret.hex(), hex);
  EXPECT_EQ(later.instance_name, "carnitas");
}

TEST_F(CredentialsTest, TheCommandLineWins) {
  setenv("INSTANCE_NAME", "from-environment", 1);
  CredentialOptions options;
  options.instance_name = "explicit";
  options.instance_secret = std::string(64, 'C');
  auto resolved = resolve(options);
  EXPECT_EQ(resolved.instance_name, "explicit");
  EXPECT_EQ(resolved.secret.hex(), std::string(64, 'c'));
}

TEST_F(CredentialsTest, RefusesBadSecretsAndReadsWithoutCreating) {
  CredentialOptions options;
  options.data_dir = dir_;
  options.instance_secret = "1234";
  EXPECT_EQ(resolve_credentials(options).error().message,
            "Hex-decoded key was 2 bytes, not 32. The instance secret must be 64 hex digits.");
  options.instance_secret.reset();
  options.create = false;
  EXPECT_EQ(resolve_credentials(options).error().code, "MissingInstanceSecret");
  options.create = true;
  EXPECT_TRUE(resolve_credentials(options).ok());
  EXPECT_FALSE(std::filesystem::exists(dir_));
}

}  // namespace
}  // namespace hull
