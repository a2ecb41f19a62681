// What the engine benchmarks share: an engine opened as `hull serve` opens it, a table with an active schema,
// and logical writers driven by callbacks, as the server drives its mutations.
//
// The programs stop with a message on the first error: a benchmark of something broken is worth nothing.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/knobs.h"
#include "database/engine.h"
#include "database/maintenance.h"
#include "database/transaction.h"

namespace hull::bench {

[[noreturn]] void fail(std::string_view what);

template <typename T>
T must(Result<T> result, std::string_view doing) {
  if (!result.ok()) fail(std::string(doing) + ": " + result.error().message);
  return std::move(*result);
}
inline void must(const Result<void>& result, std::string_view doing) {
  if (!result.ok()) fail(std::string(doing) + ": " + result.error().message);
}

// Seconds and nanoseconds of the monotonic clock.
int64_t now_ns();
inline double seconds_since(int64_t start_ns) { return static_cast<double>(now_ns() - start_ns) / 1e9; }

// Sorts; `q` of 0.5 = median.
double quantile(std::vector<double>& samples, double q);

// Document `i` of the table "messages": about 190 bytes packed, user fields {channel, rank, text}.
Value message(uint64_t i);
std::string channel_of(uint64_t i);

// A store and engine in `directory` (made if absent) with the server's options and knobs.
class Lab {
 public:
  // `page_cache_bytes` 0 = as the server opens it.
  explicit Lab(const std::string& directory, size_t page_cache_bytes = 0);
  ~Lab();

  Engine& engine() { return *engine_; }
  const Knobs& knobs() const { return knobs_; }
  const TableInfo& table(std::string_view name);  // valid until the catalog changes

  Transaction::Options options(bool writable) const;
  // One commit, waited for; the body is run again on conflict.
  void transact(const std::function<void(Transaction&)>& body, TableAccess access = TableAccess::kUser);
  // A table with an active schema {channel, rank, text}; with `indexes`, by_channel and by_rank.
  void create_messages(bool indexes);
  // Returns once the store's latest state shows everything committed so far.
  void wait_until_applied();

 private:
  const Knobs knobs_ = Knobs::from_environment();
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Maintenance> maintenance_;
};

// A directory under $TMPDIR that is removed with its owner.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A few threads that run what is posted, in order of arrival.
class Tasks {
 public:
  explicit Tasks(size_t threads);
  ~Tasks();  // runs what is posted, then joins
  void post(std::function<void()> task);

 private:
  void run();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// Counts down to zero; wait() returns then.
class Latch {
 public:
  explicit Latch(size_t count) : left_(count) {}
  void done();
  void wait();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t left_;
};

// `writers` logical writers, each inserting one message per transaction, the next when the last is durable.
// Stops after `limit` inserts in all, or never before `stop()` if it is 0.
class InsertWriters {
 public:
  InsertWriters(Lab& lab, size_t writers, size_t threads, uint64_t first, uint64_t limit);
  ~InsertWriters();
  void start();
  void stop();  // returns once every writer has its last answer
  uint64_t acknowledged() const { return acknowledged_.load(std::memory_order_relaxed); }
  // Ids of the inserted documents, after stop(); only with a limit.
  std::vector<std::string> take_ids();

 private:
  void insert();
  void insert_and_wait();

  Lab& lab_;
  const size_t writers_;
  const uint64_t first_, limit_;
  std::atomic<uint64_t> started_{0}, acknowledged_{0};
  std::atomic<bool> stopping_{false};
  Latch finished_;
  std::mutex ids_mutex_;
  std::vector<std::string> ids_;
  std::unique_ptr<Tasks> tasks_;         // callback mode
  std::vector<std::thread> os_threads_;  // one per writer: `threads` = 0
};

// Time that this thread has had the processor: what to compare when others want it too.
int64_t thread_cpu_ns();

// Of this process: resident memory now and at most so far, CPU time of all threads.
double resident_mib();
double peak_resident_mib();
double cpu_seconds();

}  // namespace hull::bench
