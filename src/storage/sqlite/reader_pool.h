// Connections for reading: a pool of them, created on demand up to a fixed number, or, in single-connection
// mode, turns on the writer's. A caller waits when all are busy. Thread-safe.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/sqlite/sqlite_connection.h"

namespace hull {

class ReaderPool {
 public:
  ReaderPool(std::string path, size_t cache_bytes, size_t capacity)
      : path_(std::move(path)), cache_bytes_(cache_bytes), capacity_(capacity) {}
  // Single-connection mode: `mutex` guards `shared`.
  ReaderPool(SqliteConnection* shared, std::mutex* mutex) : shared_(shared), shared_mutex_(mutex) {}

  // The right to use a connection, given back on destruction. Statements must be gone by then.
  class Lease {
   public:
    Lease(Lease&&) = default;
    ~Lease();
    SqliteConnection* operator->() { return owned_ ? owned_.get() : shared_; }
    SqliteConnection& operator*() { return *operator->(); }

   private:
    friend class ReaderPool;
    Lease(ReaderPool* pool, std::unique_ptr<SqliteConnection> owned)
        : pool_(pool), owned_(std::move(owned)) {}
    Lease(ReaderPool* pool, SqliteConnection* shared, std::mutex& mutex)
        : pool_(pool), shared_(shared), lock_(mutex) {}

    ReaderPool* pool_;
    std::unique_ptr<SqliteConnection> owned_;
    SqliteConnection* shared_ = nullptr;
    std::unique_lock<std::mutex> lock_;
  };
  Result<Lease> take();

 private:
  Result<std::unique_ptr<SqliteConnection>> connect() const;
  void give_back(std::unique_ptr<SqliteConnection> connection);

  const std::string path_;
  const size_t cache_bytes_ = 0;
  const size_t capacity_ = 0;
  SqliteConnection* const shared_ = nullptr;
  std::mutex* const shared_mutex_ = nullptr;

  std::mutex mutex_;
  std::condition_variable available_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_;
  size_t open_ = 0;
};

}  // namespace hull
