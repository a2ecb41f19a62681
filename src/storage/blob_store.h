// BlobStore: immutable byte objects by key (source packages now; files and exports later). Local disk
// implements it, S3 will. put() is atomic: a key is readable only when all its bytes are durable.
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hull {

class BlobStore {
 public:
  virtual ~BlobStore() = default;
  virtual Result<void> put(std::string_view key, std::string_view bytes) = 0;
  virtual Result<std::string> get(std::string_view key) = 0;  // NotFound if absent
  virtual Result<void> remove(std::string_view key) = 0;      // removing an absent key is fine
  virtual Result<bool> exists(std::string_view key) = 0;
};

// Keys are relative paths of [A-Za-z0-9_./-]; files live below `directory`.
Result<std::unique_ptr<BlobStore>> open_local_blob_store(const std::string& directory);

}  // namespace hull
