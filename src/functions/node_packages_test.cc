// Installing external packages, with an npm that is a shell script.
#include "functions/node_packages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/random.h"

namespace hull {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class NodePackagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::temp_directory_path() / ("hull-packages-" + random_hex(8));
    fs::create_directories(directory_ / "bin");
    path_ = std::getenv("PATH");
    setenv("PATH", ((directory_ / "bin").string() + ":/usr/bin:/bin").c_str(), 1);
    npm("echo run >> " + (directory_ / "runs").string() +
        "; mkdir node_modules; cp package.json node_modules/seen");
  }
  void TearDown() override {
    setenv("PATH", path_.c_str(), 1);
    fs::remove_all(directory_);
  }
  void npm(const std::string& script) {
    std::ofstream(directory_ / "bin/npm") << "#!/bin/sh\n" << script << "\n";
    fs::permissions(directory_ / "bin/npm", fs::perms::owner_all);
  }
  static std::string content(const fs::path& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
  }
  static NodeSettings settings(const std::string& version) { return {"", {{"left-pad", version}}}; }
  size_t kept() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(directory_ / "kept"), fs::directory_iterator()));
  }

  fs::path directory_;
  std::string path_;
  ForkThread forks_;
};

TEST_F(NodePackagesTest, InstallsOncePerListAndMajorVersion) {
  NodePackages packages(&forks_, (directory_ / "kept").string());
  auto first = packages.ensure(settings("1.3.0"), {"/usr/bin/node", 24});
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(content(*first + "/seen"), R"({"private":true,"dependencies":{"left-pad":"1.3.0"}})");
  EXPECT_EQ(*packages.ensure(settings("1.3.0"), {"/usr/bin/node", 24}), *first);
  EXPECT_EQ(content(directory_ / "runs"), "run\n");
  EXPECT_NE(*packages.ensure(settings("1.3.0"), {"/usr/bin/node", 20}), *first);
  EXPECT_NE(*packages.ensure(settings("1.2.0"), {"/usr/bin/node", 24}), *first);
  EXPECT_EQ(content(directory_ / "runs"), "run\nrun\nrun\n");
  EXPECT_EQ(*packages.ensure({}, {"/usr/bin/node", 24}), "");
  // What was lost is made again.
  fs::remove_all(directory_ / "kept");
  EXPECT_EQ(*packages.ensure(settings("1.3.0"), {"/usr/bin/node", 24}), *first);
  for (int i = 0; i < 12; ++i)
    EXPECT_TRUE(packages.ensure(settings(std::to_string(i) + ".0.0"), {"/usr/bin/node", 24}).ok());
  EXPECT_EQ(kept(), 8u);
}

TEST_F(NodePackagesTest, ShowsWhatNpmSays) {
  NodePackages packages(&forks_, (directory_ / "kept").string());
  npm("echo npm error 404 Not Found; exit 1");
  auto failed = packages.ensure(settings("1.3.0"), {"/usr/bin/node", 24});
  EXPECT_EQ(failed.error().code, "InvalidExternalModules");
  EXPECT_EQ(failed.error().message,
            "Loading the pushed modules encountered the following error:\nnpm error 404 Not Found\n");
  EXPECT_EQ(kept(), 0u);
  fs::remove(directory_ / "bin/npm");
  setenv("PATH", (directory_ / "bin").c_str(), 1);
  EXPECT_THAT(packages.ensure(settings("1.3.0"), {"/usr/bin/node", 24}).error().message,
              HasSubstr("npm is not installed on the server"));
}

TEST_F(NodePackagesTest, InstallScriptsDoNotSeeTheServersVariables) {
  NodePackages packages(&forks_, (directory_ / "kept").string());
  setenv("INSTANCE_SECRET", "s3cr3t", 1);
  npm("mkdir node_modules; env > node_modules/env");
  auto made = packages.ensure(settings("1.0.0"), {"/opt/node24/bin/node", 24});
  unsetenv("INSTANCE_SECRET");
  ASSERT_TRUE(made.ok()) << made.error().message;
  std::string env = content(*made + "/env");
  EXPECT_THAT(env, ::testing::Not(HasSubstr("s3cr3t")));
  EXPECT_THAT(env, HasSubstr("PATH=/opt/node24/bin:"));
}

TEST_F(NodePackagesTest, AnInstallationThatWasCutOffIsRemoved) {
  fs::create_directories(directory_ / "kept/abc-node24.installing-1234/node_modules");
  NodePackages packages(&forks_, (directory_ / "kept").string());
  EXPECT_EQ(kept(), 0u);
}

}  // namespace
}  // namespace hull
