#include "engine_lab.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <semaphore>
#include <utility>

#include "base/random.h"
#include "base/time.h"
#include "database/catalog_rows.h"
#include "database/maintenance_jobs.h"
#include "storage/sqlite/sqlite_store.h"

namespace hull::bench {
namespace {

constexpr std::string_view kText = "A line of text as people write it to each other, some words long.";
constexpr uint64_t kChannelsAtATime = 100, kMessagesPerChannel = 100;

std::string schema_json() {
  auto field = [](std::string_view name, std::string_view type) {
    return "\"" + std::string(name) + R"(":{"fieldType":{"type":")" + std::string(type) +
           R"("},"optional":false})";
  };
  return R"({"tables":[{"tableName":"messages","indexes":[],"documentType":{"type":"object","value":{)" +
         field("channel", "string") + "," + field("rank", "number") + "," + field("text", "string") +
         R"(}}}],"schemaValidation":true})";
}

double status_mib(std::string_view field) {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with(field)) return std::atof(line.c_str() + field.size()) / 1024;
  }
  fail("no such field in /proc/self/status");
}

}  // namespace

void fail(std::string_view what) {
  std::fprintf(stderr, "bench_engine: %.*s\n", static_cast<int>(what.size()), what.data());
  std::_Exit(1);
}

int64_t now_ns() { return monotonic_nanos(); }

double quantile(std::vector<double>& samples, double q) {
  if (samples.empty()) fail("no samples");
  std::sort(samples.begin(), samples.end());
  return samples[std::min(samples.size() - 1, static_cast<size_t>(q * static_cast<double>(samples.size())))];
}

// A channel gets 100 messages, a hundred apart: each lies on a page of its own, as the messages of a chat do.
std::string channel_of(uint64_t i) {
  const uint64_t block = kChannelsAtATime * kMessagesPerChannel;
  char text[32];
  std::snprintf(text, sizeof text, "c%09lu", i / block * kChannelsAtATime + i % kChannelsAtATime);
  return text;
}

Value message(uint64_t i) {
  ValueBuilder b;
  b.begin_object();
  b.key("channel").string(channel_of(i));
  b.key("rank").float64(static_cast<double>(i));
  b.key("text").string(kText.substr(0, 20 + i % 24));
  b.end();
  return b.finish();
}

Lab::Lab(const std::string& directory, size_t page_cache_bytes) {
  std::filesystem::create_directories(directory);
  SqliteOptions sqlite;
  sqlite.path = directory + "/hull.sqlite3";
  if (page_cache_bytes != 0) sqlite.page_cache_bytes = page_cache_bytes;
  engine_ = must(Engine::open(must(open_sqlite_store(sqlite), "opening the store"), knobs_), "opening");
  maintenance_ = Maintenance::start(*engine_, knobs_);
}
Lab::~Lab() {
  maintenance_.reset();
  engine_.reset();
}

const TableInfo& Lab::table(std::string_view name) {
  const TableInfo* table = engine_->snapshot()->catalog()->table(name);
  if (table == nullptr) fail("no table " + std::string(name));
  return *table;
}

Transaction::Options Lab::options(bool writable) const {
  Transaction::Options options;
  options.writable = writable;
  options.knobs = &knobs_;
  options.now_ms = unix_millis();
  return options;
}

void Lab::transact(const std::function<void(Transaction&)>& body, TableAccess access) {
  Transaction::Options opts = options(true);
  opts.access = access;
  while (true) {
    Transaction tx(engine_->snapshot(), opts);
    body(tx);
    must(tx.finish(), "finishing");
    if (must(submit_and_wait(*engine_, tx.commit_request("bench")), "committing")) return;
  }
}

void Lab::create_messages(bool indexes) {
  transact(
      [&](Transaction& tx) {
        must(tx.ensure_table("messages"), "making the table");
        if (indexes) {
          must(tx.add_index("messages", {"by_channel", {"channel", "_creationTime"}, false}), "by_channel");
          must(tx.add_index("messages", {"by_rank", {"rank", "_creationTime"}, false}), "by_rank");
        }
        auto schema = must(Schema::parse(schema_json()), "the schema");
        must(tx.system_insert("_schemas", schema_row_fields(SchemaState::kActive, schema->json())),
             "_schemas");
      },
      TableAccess::kSystem);
  if (engine_->snapshot()->catalog()->active_schema() == nullptr) fail("the schema is not active");
}

void Lab::wait_until_applied() {
  const Timestamp newest = engine_->latest();
  while (engine_->store().applied() < newest) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

ScratchDirectory::ScratchDirectory()
    : path_((std::filesystem::temp_directory_path() / ("hull-bench-" + random_hex(8))).string()) {
  std::filesystem::create_directories(path_);
}
ScratchDirectory::~ScratchDirectory() { std::filesystem::remove_all(path_); }

Tasks::Tasks(size_t threads) {
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { run(); });
    pthread_setname_np(threads_.back().native_handle(), "bench-task");
  }
}
Tasks::~Tasks() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}
void Tasks::post(std::function<void()> task) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(task));
  }
  changed_.notify_one();
}
void Tasks::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::function<void()> task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

void Latch::done() {
  std::lock_guard lock(mutex_);
  if (--left_ == 0) changed_.notify_all();
}
void Latch::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return left_ == 0; });
}

InsertWriters::InsertWriters(Lab& lab, size_t writers, size_t threads, uint64_t first, uint64_t limit)
    : lab_(lab),
      writers_(writers),
      first_(first),
      limit_(limit),
      finished_(writers),
      tasks_(threads == 0 ? nullptr : std::make_unique<Tasks>(threads)) {}
InsertWriters::~InsertWriters() {
  tasks_.reset();
  for (std::thread& thread : os_threads_) thread.join();
}

void InsertWriters::start() {
  for (size_t i = 0; i < writers_; ++i) {
    if (tasks_) {
      tasks_->post([this] { insert(); });
    } else {
      os_threads_.emplace_back([this] { insert_and_wait(); });
    }
  }
}
void InsertWriters::stop() {
  if (limit_ == 0) stopping_ = true;
  finished_.wait();
}
std::vector<std::string> InsertWriters::take_ids() { return std::move(ids_); }

void InsertWriters::insert() {
  const uint64_t n = started_.fetch_add(1, std::memory_order_relaxed);
  if (stopping_.load(std::memory_order_relaxed) || (limit_ != 0 && n >= limit_)) return finished_.done();
  Transaction tx(lab_.engine().snapshot(), lab_.options(true));
  DocumentId id = must(tx.insert("messages", message(first_ + n)), "insert");
  must(tx.finish(), "finish");
  if (limit_ != 0) {
    std::lock_guard lock(ids_mutex_);
    ids_.push_back(id.text());
  }
  lab_.engine().submit(tx.commit_request("bench:insert"), [this](CommitOutcome outcome) {
    if (!outcome.ts) fail("an insert did not commit");
    acknowledged_.fetch_add(1, std::memory_order_relaxed);
    tasks_->post([this] { insert(); });
  });
}

void InsertWriters::insert_and_wait() {
  std::binary_semaphore answered(0);
  while (true) {
    const uint64_t n = started_.fetch_add(1, std::memory_order_relaxed);
    if (stopping_.load(std::memory_order_relaxed) || (limit_ != 0 && n >= limit_)) return finished_.done();
    Transaction tx(lab_.engine().snapshot(), lab_.options(true));
    must(tx.insert("messages", message(first_ + n)), "insert");
    must(tx.finish(), "finish");
    lab_.engine().submit(tx.commit_request("bench:insert"), [&](CommitOutcome outcome) {
      if (!outcome.ts) fail("an insert did not commit");
      acknowledged_.fetch_add(1, std::memory_order_relaxed);
      answered.release();
    });
    answered.acquire();
  }
}

double resident_mib() { return status_mib("VmRSS:"); }
double peak_resident_mib() { return status_mib("VmHWM:"); }

int64_t thread_cpu_ns() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return used.tv_sec * 1'000'000'000 + used.tv_nsec;
}
double cpu_seconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

}  // namespace hull::bench
