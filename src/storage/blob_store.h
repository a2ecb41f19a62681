// BlobStore: immutable byte objects by key (source packages now; files and exports later). Local disk
// implements it, S3 will. put() is atomic: a key is readable only when all its bytes are durable.
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hull {

class BlobStore {
 public:
  virtual ~BlobStore() = default;
  virtual Result<void> put(std::string_view key, std::string_view bytes) = 0;
  virtual Result<std::string> get(std::string_view key) = 0;  // NotFound if absent
  virtual Result<void> remove(std::string_view key) = 0;      // removing an absent key is fine
  virtual Result<bool> exists(std::string_view key) = 0;
  // Bytes [offset, offset + size); a blob that ends before is an internal error.
  virtual Result<std::string> get_range(std::string_view key, uint64_t offset, size_t size) = 0;
  struct Entry {
    std::string key;
    uint64_t size = 0;
    int64_t written_ns = 0;  // unix time of the last put()
  };
  // The blobs directly below `directory` ("modules"), in no order.
  virtual Result<std::vector<Entry>> list(std::string_view directory) = 0;
};

// Keys are relative paths of [A-Za-z0-9_./-]; files live below `directory`.
Result<std::unique_ptr<BlobStore>> open_local_blob_store(const std::string& directory);

}  // namespace hull
