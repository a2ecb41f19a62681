#include "functions/package.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <filesystem>

#include "base/digest.h"
#include "base/random.h"

namespace hull {
namespace {

class PackageTest : public ::testing::Test {
 protected:
  PackageTest() : directory_(std::filesystem::temp_directory_path() / ("hull-package-" + random_hex(8))) {
    blobs_ = *open_local_blob_store(directory_);
  }
  ~PackageTest() override { std::filesystem::remove_all(directory_); }

  std::shared_ptr<const SourcePackage> store(const std::string& key, const std::string& blob) {
    EXPECT_TRUE(blobs_->put(key, blob).ok());
    auto opened = SourcePackage::open(*blobs_, key);
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    return opened.ok() ? *opened : nullptr;
  }
  static std::string text(const SourcePackage& package, const std::string& path,
                          ModuleText which = ModuleText::kSource) {
    auto text = package.text(*package.find(path), which);
    return text.ok() ? *text : "error: " + text.error().message;
  }

  std::filesystem::path directory_;
  std::unique_ptr<BlobStore> blobs_;
};

TEST_F(PackageTest, EveryTextIsReadAlone) {
  PackageWriter writer;
  writer.add({"b.js", "source of b", "map of b", "isolate"});
  writer.add({"a.js", std::string(100000, 'x'), "", "node"});
  PackageEntry elsewhere{"c.js", "isolate", "hash", "another", {5, 6, 7}, {}};
  writer.refer(elsewhere);
  EXPECT_EQ(writer.unpacked_bytes(), 100000 + 11 + 8 + 7u);
  std::string blob = std::move(writer).finish();
  EXPECT_LT(blob.size(), 1000u);
  auto package = store("p", blob);
  ASSERT_NE(package, nullptr);
  ASSERT_EQ(package->entries().size(), 3u);
  EXPECT_EQ(text(*package, "a.js"), std::string(100000, 'x'));
  EXPECT_EQ(text(*package, "a.js", ModuleText::kSourceMap), "");
  EXPECT_EQ(package->find("a.js")->environment, "node");
  EXPECT_EQ(text(*package, "b.js"), "source of b");
  EXPECT_EQ(text(*package, "b.js", ModuleText::kSourceMap), "map of b");
  EXPECT_EQ(package->find("b.js")->sha256, module_hash("source of b", "map of b"));
  EXPECT_EQ(package->find("c.js")->package_key, "another");
  EXPECT_EQ(package->find("c.js")->source.offset, 5u);
  EXPECT_EQ(package->find("d.js"), nullptr);
}

TEST_F(PackageTest, DamageIsAnError) {
  PackageWriter writer;
  writer.add({"a.js", "source", "map", "isolate"});
  std::string blob = std::move(writer).finish();
  for (size_t cut : {size_t{0}, size_t{7}, size_t{12}, size_t{20}}) {
    ASSERT_TRUE(blobs_->put("cut", blob.substr(0, cut)).ok());
    EXPECT_FALSE(SourcePackage::open(*blobs_, "cut").ok()) << cut;
  }
  auto package = store("short", blob.substr(0, blob.size() - 1));
  ASSERT_NE(package, nullptr);
  EXPECT_EQ(text(*package, "a.js"), "source");
  EXPECT_TRUE(text(*package, "a.js", ModuleText::kSourceMap).starts_with("error: "));
  EXPECT_EQ(SourcePackage::open(*blobs_, "absent").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(module_hash("ab", "c"), sha256_hex("abc"));
}

// Written by the first version of this server.
TEST_F(PackageTest, PackagesOfTheFirstFormatCanBeRead) {
  std::string body;
  auto u32 = [&body](uint32_t n) { body.append(reinterpret_cast<const char*>(&n), sizeof n); };
  u32(2);
  for (const char* path : {"b.js", "a.js"}) {
    for (std::string text :
         {std::string(path), std::string("isolate"), "source of " + std::string(path), std::string("map")}) {
      u32(static_cast<uint32_t>(text.size()));
      body += text;
    }
  }
  std::string blob = "HULLPKG1";
  uint64_t raw = body.size();
  blob.append(reinterpret_cast<const char*>(&raw), sizeof raw);
  std::string packed(ZSTD_compressBound(body.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), body.data(), body.size(), 3));
  auto package = store("old", blob + packed);
  ASSERT_NE(package, nullptr);
  ASSERT_EQ(package->entries().size(), 2u);
  EXPECT_EQ(text(*package, "a.js"), "source of a.js");
  EXPECT_EQ(text(*package, "b.js", ModuleText::kSourceMap), "map");
  EXPECT_EQ(package->find("b.js")->sha256, module_hash("source of b.js", "map"));
  ASSERT_TRUE(blobs_->put("old", blob + packed.substr(0, packed.size() - 3)).ok());
  EXPECT_FALSE(SourcePackage::open(*blobs_, "old").ok());
}

TEST_F(PackageTest, TheShelfSharesOpenPackages) {
  PackageWriter writer;
  writer.add({"a.js", "source", "", "isolate"});
  ASSERT_TRUE(blobs_->put("p", std::move(writer).finish()).ok());
  PackageShelf shelf(blobs_.get());
  auto one = *shelf.open("p");
  EXPECT_EQ(*shelf.open("p"), one);
  EXPECT_FALSE(shelf.open("q").ok());
}

}  // namespace
}  // namespace hull
