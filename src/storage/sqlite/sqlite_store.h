// The embedded default: one SQLite file, WAL, synchronous=FULL, one writer connection and a pool of reader
// connections. An OS lock on `<file>.lock` is held for the store's life, so a second server on the same file
// is refused. A file that was not made by Hull is never modified (operations.md §6.1, §11). Thread-safe as
// the Store contract says.
#pragma once

#include <memory>
#include <string>

#include "storage/store.h"

namespace hull {

struct SqliteOptions {
  std::string path;
  bool durable = true;  // false: synchronous=OFF (tests, throw-away deployments)
  size_t page_cache_bytes = 16 << 20;
};

Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options);

}  // namespace hull
