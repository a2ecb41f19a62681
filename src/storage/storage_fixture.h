// For tests: a scratch directory, commits in short form, and access to the bytes of log segments.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "storage/store.h"

namespace hull {

inline constexpr TabletId kTablet{100};
inline constexpr IndexId kIndex{900};

inline InternalId make_id(uint32_t n) {
  InternalId id;
  for (size_t i = 0; i < 4; ++i) id.bytes[15 - i] = static_cast<uint8_t>(n >> (8 * i));
  return id;
}

inline StoredCommit put(int64_t ts, uint32_t id, std::string_view text, std::string key,
                        std::optional<int64_t> prev = std::nullopt) {
  StoredCommit commit{Timestamp{ts}, {}, {}};
  std::optional<Timestamp> previous;
  if (prev) previous = Timestamp{*prev};
  commit.writes.push_back({kTablet, make_id(id), Value::string(text), previous});
  commit.index_writes.push_back({kIndex, std::move(key), kTablet, make_id(id), false});
  return commit;
}

inline StoredCommit erase(int64_t ts, uint32_t id, std::string key, int64_t prev) {
  StoredCommit commit{Timestamp{ts}, {}, {}};
  commit.writes.push_back({kTablet, make_id(id), std::nullopt, Timestamp{prev}});
  commit.index_writes.push_back({kIndex, std::move(key), kTablet, make_id(id), true});
  return commit;
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class StorageTest : public testing::Test {
 protected:
  StorageTest()
      : directory_(std::filesystem::temp_directory_path() / ("hull-storage-test-" + random_hex(8))) {
    std::filesystem::create_directories(directory_);
  }
  ~StorageTest() override { std::filesystem::remove_all(directory_); }

  static std::vector<std::filesystem::path> files_in(const std::filesystem::path& directory) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
  }

  const std::filesystem::path directory_;
};

template <typename T>
void expect_ok(const Result<T>& result) {
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
}

}  // namespace hull
