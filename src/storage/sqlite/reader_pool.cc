#include "storage/sqlite/reader_pool.h"

#include <utility>

namespace hull {

ReaderPool::Lease::~Lease() {
  if (owned_) pool_->give_back(std::move(owned_));
}

Result<ReaderPool::Lease> ReaderPool::take() {
  if (shared_ != nullptr) return Lease(this, shared_, *shared_mutex_);
  {
    std::unique_lock lock(mutex_);
    available_.wait(lock, [&] { return !idle_.empty() || open_ < capacity_; });
    if (!idle_.empty()) {
      // The one used last has the warmest cache.
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return Lease(this, std::move(connection));
    }
    ++open_;
  }
  auto connection = connect();
  if (connection.ok()) return Lease(this, std::move(*connection));
  {
    std::lock_guard lock(mutex_);
    --open_;
  }
  available_.notify_one();
  return std::move(connection).error();
}

Result<std::unique_ptr<SqliteConnection>> ReaderPool::connect() const {
  HULL_TRY(auto connection, SqliteConnection::open(path_, SQLITE_OPEN_READWRITE));
  const std::string cache = "PRAGMA cache_size = -" + std::to_string(cache_bytes_ / 1024);
  HULL_CHECK_OK(connection->execute(cache.c_str()));
  // Pages that are not in the WAL are read where the system caches them. As much as SQLite is built for.
  HULL_CHECK_OK(connection->execute("PRAGMA mmap_size = 1099511627776"));
  HULL_CHECK_OK(connection->execute("PRAGMA query_only = ON"));
  return connection;
}

void ReaderPool::give_back(std::unique_ptr<SqliteConnection> connection) {
  {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
  }
  available_.notify_one();
}

}  // namespace hull
