#include "storage/log/commit_log.h"

#include "storage/faulty_disk.h"
#include "storage/storage_fixture.h"

namespace hull {
namespace {

namespace fs = std::filesystem;

class CommitLogTest : public StorageTest {
 protected:
  CommitLogTest() : log_directory_(directory_ / "log") {}

  Result<std::unique_ptr<CommitLog>> try_open(Timestamp applied = {}) {
    return CommitLog::open({.directory = log_directory_,
                            .durability = durability_,
                            .disk = &disk_,
                            .segment_bytes = segment_bytes_},
                           applied);
  }
  std::unique_ptr<CommitLog> open(Timestamp applied = {}) {
    auto log = try_open(applied);
    expect_ok(log);
    return log.ok() ? std::move(*log) : nullptr;
  }
  // Like a process that dies: nothing is synced or removed on closing.
  std::vector<fs::path> segments() const { return files_in(log_directory_); }

  static Result<void> append(CommitLog& log, std::vector<StoredCommit> group) { return log.append(group); }
  static std::vector<int64_t> timestamps(CommitLog& log, int64_t after = 0) {
    std::vector<int64_t> found;
    auto cursor = log.read_after(Timestamp{after});
    StoredCommit commit;
    while (true) {
      auto more = cursor.next(commit, true);
      expect_ok(more);
      if (!more.ok() || !*more) return found;
      found.push_back(commit.ts.ns);
    }
  }
  static std::vector<int64_t> numbers(int64_t first, int64_t last) {
    std::vector<int64_t> all;
    for (int64_t n = first; n <= last; ++n) all.push_back(n);
    return all;
  }

  const fs::path log_directory_;
  FaultyDisk disk_;
  Durability durability_ = Durability::kSync;
  uint64_t segment_bytes_ = 16 << 20;
};

TEST_F(CommitLogTest, GivesBackWhatWasWritten) {
  StoredCommit commit = put(20, 2, "two", std::string("k\0\xff", 3), 10);
  commit.writes.push_back({TabletId{7}, make_id(8), std::nullopt, Timestamp{3}});
  commit.writes.push_back({TabletId{7}, make_id(9), Value::int64(5), std::nullopt});
  commit.index_writes.push_back({IndexId{4}, "", TabletId{7}, make_id(8), true});
  {
    auto log = open();
    expect_ok(append(*log, {put(10, 1, "one", "a"), commit, StoredCommit{Timestamp{30}, {}, {}}}));
  }
  auto log = open();
  EXPECT_EQ(log->last().ns, 30);
  auto cursor = log->read_after(Timestamp{10});
  StoredCommit read;
  ASSERT_TRUE(*cursor.next(read, true));
  EXPECT_EQ(read.ts.ns, 20);
  ASSERT_EQ(read.writes.size(), 3u);
  EXPECT_EQ(read.writes[0].value->view().as_string(), "two");
  EXPECT_EQ(read.writes[0].prev->ns, 10);
  EXPECT_EQ(read.writes[0].tablet, kTablet);
  EXPECT_EQ(read.writes[0].id, make_id(2));
  EXPECT_FALSE(read.writes[1].value.has_value());
  EXPECT_EQ(read.writes[1].prev->ns, 3);
  EXPECT_FALSE(read.writes[2].prev.has_value());
  ASSERT_EQ(read.index_writes.size(), 2u);
  EXPECT_EQ(read.index_writes[0].key, std::string("k\0\xff", 3));
  EXPECT_FALSE(read.index_writes[0].deleted);
  EXPECT_EQ(read.index_writes[1].index, IndexId{4});
  EXPECT_TRUE(read.index_writes[1].deleted);
  ASSERT_TRUE(*cursor.next(read, true));
  EXPECT_EQ(read.ts.ns, 30);
  EXPECT_FALSE(*cursor.next(read, true));
}

TEST_F(CommitLogTest, OneWriteAndOneSyncPerGroup) {
  auto log = open();
  expect_ok(append(*log, {put(1, 1, "x", "a")}));
  const int syncs = disk_.syncs, writes = disk_.writes;
  expect_ok(append(*log, {put(2, 1, "x", "a"), put(3, 2, "y", "b")}));
  EXPECT_EQ(disk_.syncs - syncs, 1);
  EXPECT_EQ(disk_.writes - writes, 1);
}

TEST_F(CommitLogTest, TimestampsMustAscend) {
  auto log = open();
  expect_ok(append(*log, {put(5, 1, "x", "a")}));
  EXPECT_FALSE(append(*log, {put(5, 1, "x", "a")}).ok());
  EXPECT_FALSE(append(*log, {put(7, 1, "x", "a"), put(6, 1, "x", "a")}).ok());
  expect_ok(append(*log, {put(6, 1, "x", "a")}));
  EXPECT_EQ(timestamps(*log), (std::vector<int64_t>{5, 6}));
}

TEST_F(CommitLogTest, GoesOnInTheSameSegmentAfterACleanStop) {
  for (int64_t ts = 1; ts <= 5; ++ts) expect_ok(append(*open(), {put(ts, 1, "x", "a")}));
  EXPECT_EQ(segments().size(), 1u);
  EXPECT_EQ(timestamps(*open()), numbers(1, 5));
}

TEST_F(CommitLogTest, SpansSegments) {
  segment_bytes_ = 4096;
  const std::string big(1000, 'x');
  auto log = open();
  for (int64_t ts = 1; ts <= 50; ++ts) {
    // Every tenth group is larger than a segment.
    expect_ok(append(*log, {put(ts, 1, ts % 10 == 0 ? std::string(9000, 'y') : big, "a")}));
    if (ts % 3 == 0) log->maintain();
  }
  EXPECT_GT(segments().size(), 10u);
  for (int64_t after : {0, 1, 9, 10, 11, 24, 49, 50})
    EXPECT_EQ(timestamps(*log, after), numbers(after + 1, 50)) << after;
  log.reset();
  log = open();
  EXPECT_EQ(timestamps(*log), numbers(1, 50));
  EXPECT_EQ(log->last().ns, 50);
  log = open(Timestamp{30});
  EXPECT_EQ(log->last().ns, 50);
  EXPECT_EQ(timestamps(*log, 17), numbers(18, 50));
}

TEST_F(CommitLogTest, RememberedPlacesChangeNothing) {
  segment_bytes_ = 1 << 20;
  auto log = open();
  int64_t ts = 0;
  for (int group = 0; group < 40; ++group) {
    std::vector<StoredCommit> commits;
    for (int i = 0; i < 5; ++i) commits.push_back(put(++ts, 1, "x", "a"));
    expect_ok(append(*log, commits));
  }
  for (int64_t after = 0; after < ts; after += 7) {
    auto cursor = log->read_after(Timestamp{after});
    StoredCommit commit;
    for (int64_t n = after + 1; n <= std::min<int64_t>(after + 9, ts); ++n) {
      ASSERT_TRUE(*cursor.next(commit, false));
      EXPECT_EQ(commit.ts.ns, n);
    }
    cursor.remember();
  }
  for (int64_t after = 0; after < ts; after += 3) EXPECT_EQ(timestamps(*log, after), numbers(after + 1, ts));
}

TEST_F(CommitLogTest, TornLastRecordIsDropped) {
  {
    auto log = open();
    for (int64_t ts = 1; ts <= 3; ++ts) expect_ok(append(*log, {put(ts, 1, std::string(500, 'x'), "a")}));
  }
  const fs::path segment = segments().at(0);
  const std::string whole = read_bytes(segment);
  const size_t end = whole.find_last_not_of('\0') + 1;
  // Cut at every kind of place in the last record.
  for (size_t cut : {size_t{1}, size_t{8}, size_t{100}, size_t{400}, size_t{590}}) {
    std::string bytes = whole;
    std::fill(bytes.begin() + static_cast<ptrdiff_t>(end - cut), bytes.end(), '\0');
    for (const fs::path& path : segments()) fs::remove(path);
    write_bytes(segment, bytes);
    auto log = open();
    EXPECT_EQ(timestamps(*log), numbers(1, 2)) << cut;
    // What comes next must not be mixed up with the torn bytes.
    expect_ok(append(*log, {put(3, 1, "again", "a")}));
    log.reset();
    EXPECT_EQ(timestamps(*open()), numbers(1, 3)) << cut;
  }
}

TEST_F(CommitLogTest, EveryFlippedBitIsFound) {
  segment_bytes_ = 2048;
  {
    auto log = open();
    for (int64_t ts = 1; ts <= 5; ++ts) expect_ok(append(*log, {put(ts, 1, "some text", "a")}));
  }
  ASSERT_EQ(segments().size(), 1u);
  const fs::path segment = segments().at(0);
  const std::string whole = read_bytes(segment);
  const size_t end = whole.find_last_not_of('\0') + 1;
  const size_t record = (end - kSegmentHeaderBytes) / 5 / 8 * 8;
  size_t reported = 0, dropped = 0;
  for (size_t at = 0; at < end; ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    write_bytes(segment, bytes);
    auto log = try_open();
    if (log.ok()) {
      // Only the last record can pass for one whose writing was cut short; padding does not matter.
      ++dropped;
      const size_t in_record = at < kSegmentHeaderBytes ? 0 : (at - kSegmentHeaderBytes) / record;
      if (timestamps(**log) != numbers(1, 5)) {
        EXPECT_GE(in_record, 4u) << at;
        EXPECT_EQ(timestamps(**log), numbers(1, 4)) << at;
      }
    } else {
      ++reported;
      EXPECT_NE(log.error().message.find(segment.string()), std::string::npos);
      EXPECT_NE(log.error().message.find("at byte "), std::string::npos);
    }
    log = Result<std::unique_ptr<CommitLog>>(Error{});
    for (const fs::path& path : segments())
      if (path != segment) fs::remove(path);
  }
  EXPECT_GT(reported, 3 * record);
  EXPECT_LT(dropped, 2 * record);
}

TEST_F(CommitLogTest, DamageBeforeALaterSegmentIsAnError) {
  segment_bytes_ = 1024;
  {
    auto log = open();
    for (int64_t ts = 1; ts <= 20; ++ts) expect_ok(append(*log, {put(ts, 1, std::string(200, 'x'), "a")}));
  }
  ASSERT_GT(segments().size(), 3u);
  const fs::path segment = segments().at(1);
  std::string bytes = read_bytes(segment);
  const size_t last_record = bytes.find_last_not_of('\0') - 30;
  bytes[last_record] ^= 1;
  write_bytes(segment, bytes);
  auto log = try_open();
  ASSERT_FALSE(log.ok());
  EXPECT_NE(log.error().message.find(segment.string()), std::string::npos);
  // A state that has those commits does not need them; reading them later still tells.
  log = try_open(Timestamp{15});
  expect_ok(log);
  auto cursor = (*log)->read_after(Timestamp{0});
  StoredCommit commit;
  Result<bool> more = true;
  while (more.ok() && *more) more = cursor.next(commit, true);
  ASSERT_FALSE(more.ok());
  EXPECT_NE(more.error().message.find(segment.string()), std::string::npos);
  EXPECT_LT(commit.ts.ns, 15);
}

TEST_F(CommitLogTest, MissingSegmentsAreAnError) {
  segment_bytes_ = 1024;
  {
    auto log = open();
    for (int64_t ts = 1; ts <= 20; ++ts) expect_ok(append(*log, {put(ts, 1, std::string(200, 'x'), "a")}));
  }
  fs::remove(segments().at(0));
  EXPECT_FALSE(try_open().ok());
  expect_ok(try_open(Timestamp{19}));
  fs::remove(segments().at(1));
  EXPECT_FALSE(try_open(Timestamp{4}).ok());
}

TEST_F(CommitLogTest, LogThatEndsBeforeTheStateIsAnError) {
  expect_ok(append(*open(), {put(10, 1, "x", "a")}));
  auto log = try_open(Timestamp{20});
  ASSERT_FALSE(log.ok());
  EXPECT_NE(log.error().message.find(segments().at(0).string()), std::string::npos);
}

TEST_F(CommitLogTest, FailedGroupNeverComesBack) {
  for (int torn : {-1, 0, 50, 200, 1 << 20}) {
    fs::remove_all(log_directory_);
    auto log = open();
    expect_ok(append(*log, {put(10, 1, "x", "a")}));
    if (torn < 0)
      disk_.fail_sync = true;  // the bytes are all in the file
    else
      disk_.torn_bytes = torn;
    EXPECT_FALSE(append(*log, {put(20, 2, std::string(100, 'y'), "b"), put(30, 3, "z", "c")}).ok());
    EXPECT_FALSE(append(*log, {put(40, 2, "y", "b")}).ok()) << "only recover() is allowed";
    if (torn < 0) {
      EXPECT_FALSE(log->recover().ok());
    }
    disk_.fail_sync = false;
    expect_ok(log->recover());
    EXPECT_EQ(log->last().ns, 10);
    EXPECT_EQ(timestamps(*log), (std::vector<int64_t>{10}));
    log.reset();
    log = open();
    EXPECT_EQ(timestamps(*log), (std::vector<int64_t>{10}));
    expect_ok(append(*log, {put(25, 2, "y", "b")}));
    log.reset();
    EXPECT_EQ(timestamps(*open()), (std::vector<int64_t>{10, 25}));
  }
}

TEST_F(CommitLogTest, FullDisk) {
  segment_bytes_ = 4096;
  auto log = open();
  int64_t ts = 0;
  for (; ts < 3; ++ts) expect_ok(append(*log, {put(ts + 1, 1, "x", "a")}));
  disk_.full = true;
  auto failed = append(*log, {put(++ts, 1, std::string(5000, 'x'), "a")});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, "DiskFull");
  failed = log->recover();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, "DiskFull");
  EXPECT_EQ(timestamps(*log), numbers(1, 3));
  disk_.full = false;
  expect_ok(log->recover());
  expect_ok(append(*log, {put(4, 1, "x", "a")}));
  log.reset();
  EXPECT_EQ(timestamps(*open()), numbers(1, 4));
}

TEST_F(CommitLogTest, SegmentWhoseMakingWasCutShortIsIgnored) {
  expect_ok(append(*open(), {put(1, 1, "x", "a")}));
  write_bytes(log_directory_ / "00000000000000000002.log", std::string(4096, '\0'));
  write_bytes(log_directory_ / "00000000000000000003.log", "HullLog\n\1");
  write_bytes(log_directory_ / "00000000000000000004.log", "");
  write_bytes(log_directory_ / "notes.txt", "not ours");
  auto log = open();
  EXPECT_EQ(timestamps(*log), numbers(1, 1));
  expect_ok(append(*log, {put(2, 1, "x", "a")}));
  log.reset();
  EXPECT_EQ(timestamps(*open()), numbers(1, 2));
  EXPECT_TRUE(fs::exists(log_directory_ / "notes.txt"));
}

TEST_F(CommitLogTest, TrimRemovesOldestSegmentsOnly) {
  segment_bytes_ = 1024;
  auto log = open();
  for (int64_t ts = 1; ts <= 40; ++ts) expect_ok(append(*log, {put(ts, 1, std::string(200, 'x'), "a")}));
  const size_t before = segments().size();
  const uint64_t bytes = log->bytes();
  EXPECT_EQ(*log->trim(Timestamp{1}, SIZE_MAX, Timestamp::max()), 0u);
  EXPECT_EQ(*log->trim(Timestamp::max(), 0, Timestamp{1}), 0u) << "not durable elsewhere";
  const size_t freed = *log->trim(Timestamp{20}, SIZE_MAX, Timestamp::max());
  EXPECT_GT(freed, 0u);
  EXPECT_EQ(log->bytes(), bytes - freed);
  EXPECT_LT(segments().size(), before);
  EXPECT_EQ(timestamps(*log, 19), numbers(20, 40));
  auto cursor = log->read_after(Timestamp{1});
  StoredCommit commit;
  auto more = cursor.next(commit, true);
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().kind, ErrorKind::kOutOfRetention);
  // Too much space: the newest segment always stays.
  EXPECT_GT(*log->trim(Timestamp{1}, 2500, Timestamp::max()), 0u);
  EXPECT_EQ(segments().size(), 2u);
  EXPECT_GT(*log->trim(Timestamp::max(), 0, Timestamp::max()), 0u);
  EXPECT_EQ(segments().size(), 1u);
  expect_ok(append(*log, {put(41, 1, "x", "a")}));
  EXPECT_EQ(timestamps(*log, 40), numbers(41, 41));
  log.reset();
  EXPECT_EQ(open(Timestamp{40})->last().ns, 41);
}

class ManualClock final : public Env {
 public:
  int64_t now = 0;
  int64_t unix_nanos() override { return now; }
  int64_t monotonic_nanos() override { return now; }
  std::shared_ptr<Event> make_event() override { return nullptr; }
  std::unique_ptr<Thread> start_thread(const char*, std::function<void()>) override { return nullptr; }
  void pause(const char*) override {}
};

TEST_F(CommitLogTest, RelaxedLogSyncsOnceASecond) {
  ManualClock clock;
  auto log = *CommitLog::open(
      {.directory = log_directory_, .durability = Durability::kRelaxed, .disk = &disk_, .env = &clock}, {});
  expect_ok(append(*log, {put(1, 1, "x", "a")}));
  const int syncs = disk_.syncs;
  clock.now = 900'000'000;
  expect_ok(append(*log, {put(2, 1, "x", "a")}));
  log->maintain();
  EXPECT_EQ(disk_.syncs, syncs);
  clock.now = 1'000'000'000;
  log->maintain();
  EXPECT_EQ(disk_.syncs, syncs + 1);
  log->maintain();
  EXPECT_EQ(disk_.syncs, syncs + 1);
  expect_ok(append(*log, {put(3, 1, "x", "a")}));
  clock.now = 2'500'000'000;
  expect_ok(append(*log, {put(4, 1, "x", "a")}));
  EXPECT_EQ(disk_.syncs, syncs + 2);
  expect_ok(append(*log, {put(5, 1, "x", "a")}));
  log.reset();
  EXPECT_EQ(disk_.syncs, syncs + 3);
}

TEST_F(CommitLogTest, RelaxedCommitsSurviveAFailedSync) {
  durability_ = Durability::kRelaxed;
  auto log = open();
  for (int64_t ts = 1; ts <= 3; ++ts) expect_ok(append(*log, {put(ts, 1, "x", "a")}));
  disk_.torn_bytes = 60;
  EXPECT_FALSE(append(*log, {put(4, 1, "x", "a")}).ok());
  expect_ok(log->recover());
  expect_ok(append(*log, {put(5, 1, "x", "a")}));
  const std::vector<int64_t> expected{1, 2, 3, 5};
  EXPECT_EQ(timestamps(*log), expected);
  log.reset();
  // The new segment has them all, should the disk have lost what it failed to sync.
  std::string bytes = read_bytes(segments().at(0));
  std::fill(bytes.begin() + kSegmentHeaderBytes, bytes.end(), '\0');
  write_bytes(segments().at(0), bytes);
  EXPECT_EQ(timestamps(*open()), expected);
}

TEST_F(CommitLogTest, RelaxedLogMayEndBeforeTheState) {
  durability_ = Durability::kRelaxed;
  expect_ok(append(*open(), {put(10, 1, "x", "a")}));
  auto log = open(Timestamp{20});
  EXPECT_EQ(log->last().ns, 10);
  expect_ok(log->discard(Timestamp{20}));
  expect_ok(append(*log, {put(30, 1, "x", "a")}));
  EXPECT_EQ(timestamps(*log, 20), numbers(30, 30));
  log.reset();
  EXPECT_EQ(open(Timestamp{20})->last().ns, 30);
}

}  // namespace
}  // namespace hull
