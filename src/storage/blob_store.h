// BlobStore: immutable byte objects by key (source packages, stored files). Local disk implements it, S3
// will. A key is readable only when all its bytes are durable. All calls may block. A BlobStore is
// thread-safe; a reader or writer belongs to one thread at a time.
//
// Errors: code DiskFull (kind kOverloaded) when space has run out, NotFound for absent keys, else internal.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hull {

// Writes one blob piece by piece. Nothing is visible before finish(); destroying the writer before that
// leaves nothing behind.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  virtual Result<void> append(std::string_view bytes) = 0;
  // Durable and readable under its key when it returns, at once and as a whole. The last call.
  virtual Result<void> finish() = 0;
};

// Reads ranges of one blob. It stays readable if the key is removed meanwhile.
class BlobReader {
 public:
  virtual ~BlobReader() = default;
  virtual uint64_t size() const = 0;
  // Bytes [offset, offset + size); an internal error if the blob ends before.
  virtual Result<std::string> read(uint64_t offset, size_t size) = 0;
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;
  virtual Result<std::unique_ptr<BlobWriter>> create(std::string_view key) = 0;
  virtual Result<std::unique_ptr<BlobReader>> open(std::string_view key) = 0;  // NotFound if absent
  virtual Result<void> remove(std::string_view key) = 0;  // removing an absent key is fine
  virtual Result<bool> exists(std::string_view key) = 0;
  struct Entry {
    std::string key;
    uint64_t size = 0;
    int64_t written_ns = 0;  // unix time of its last write
  };
  // Calls `use` for each blob directly below `directory` ("modules"), in no order, until it returns false.
  virtual Result<void> list(std::string_view directory, const std::function<bool(Entry)>& use) = 0;

  // Whole blobs, for small ones.
  Result<void> put(std::string_view key, std::string_view bytes);
  Result<std::string> get(std::string_view key);
  Result<std::string> get_range(std::string_view key, uint64_t offset, size_t size);
  Result<std::vector<Entry>> list(std::string_view directory);
};

// Keys are relative paths of [A-Za-z0-9_./-]; files live below `directory`, which belongs to one store at a
// time: StorageInUse if another has it. What a crash left half written is removed. Writers fail with DiskFull
// before less than `reserve_bytes` are free.
Result<std::unique_ptr<BlobStore>> open_local_blob_store(const std::string& directory,
                                                         uint64_t reserve_bytes = 0);

}  // namespace hull
