#include "simulation/sim_disk.h"

#include <gtest/gtest.h>

#include <set>

namespace hull::simulation {
namespace {

constexpr size_t kSector = SimInode::kSector;

std::string sectors(char c, size_t count) { return std::string(count * kSector, c); }

// A durable file "f" of `content`.
std::unique_ptr<DiskFile> durable_file(SimDisk& disk, std::string_view content) {
  auto file = *disk.open("f", Disk::Open::kCreate);
  EXPECT_TRUE(file->write(0, content).ok());
  EXPECT_TRUE(file->sync().ok());
  EXPECT_TRUE(disk.sync_directory("").ok());
  return file;
}

std::string content(SimDisk& disk, const std::string& path = "f") {
  auto file = disk.open(path, Disk::Open::kExisting);
  if (!file.ok()) return "(" + file.error().message + ")";
  return *(*file)->read(0, 1 << 20);
}

// The first letter of every sector.
std::string letters(std::string_view content) {
  std::string out;
  for (size_t at = 0; at < content.size(); at += kSector) out += content[at];
  return out;
}

TEST(SimDisk, SyncedDataSurviveAndUnsyncedOnesInAnySubset) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SimDisk disk(seed);
    auto file = durable_file(disk, sectors('a', 3));
    ASSERT_TRUE(file->write(0, sectors('b', 3)).ok());
    ASSERT_TRUE(file->write(kSector, sectors('c', 1)).ok());
    EXPECT_EQ(letters(content(disk)), "bcb");
    disk.restart(SimDisk::Survives::kDurable);
    const std::string left = content(disk);
    outcomes.insert(letters(left));
    for (size_t s = 0; s < 3; ++s)
      EXPECT_EQ(left.substr(s * kSector, kSector), sectors(left[s * kSector], 1));
    // What was found after the restart is durable.
    disk.restart(SimDisk::Survives::kDurable);
    EXPECT_EQ(content(disk), left);
  }
  // {a, b} x {a, b, c} x {a, b}
  EXPECT_EQ(outcomes.size(), 12u);
}

TEST(SimDisk, BytesOutsideOfAWriteAreNeverDamaged) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimDisk disk(seed);
    auto file = durable_file(disk, sectors('a', 2));
    ASSERT_TRUE(file->write(100, "xyz").ok());
    disk.restart(SimDisk::Survives::kDurable);
    std::string expected = sectors('a', 2);
    const std::string left = content(disk);
    if (left[100] == 'x') expected.replace(100, 3, "xyz");
    EXPECT_EQ(left, expected);
  }
}

TEST(SimDisk, UnsyncedGrowthLeavesOldOrNewSizeAndHolesReadZero) {
  std::set<std::pair<size_t, std::string>> outcomes;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SimDisk disk(seed);
    auto file = durable_file(disk, sectors('a', 1));
    ASSERT_TRUE(file->write(2 * kSector, sectors('b', 1)).ok());
    disk.restart(SimDisk::Survives::kDurable);
    const std::string left = content(disk);
    std::string shape = letters(left);
    for (char& c : shape) c = c ? c : '0';
    outcomes.insert({left.size() / kSector, shape});
  }
  EXPECT_EQ(outcomes, (std::set<std::pair<size_t, std::string>>{{1, "a"}, {3, "a00"}, {3, "a0b"}}));
}

TEST(SimDisk, ShorteningIsOrderedBeforeWhatFollowsIt) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SimDisk disk(seed);
    durable_file(disk, sectors('a', 3));
    auto file = *disk.open_file("f", Disk::Open::kExisting);
    ASSERT_TRUE(file->truncate(kSector).ok());
    ASSERT_TRUE(file->write(kSector, sectors('b', 1)).ok());
    disk.restart(SimDisk::Survives::kDurable);
    std::string shape = letters(content(disk));
    for (char& c : shape) c = c ? c : '0';
    outcomes.insert(shape);
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"aaa", "a", "a0", "ab"}));
}

TEST(SimDisk, NamesAreDurableAfterTheirDirectoryWasSynced) {
  std::set<std::vector<std::string>> outcomes;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SimDisk disk(seed);
    ASSERT_TRUE(disk.create_directory("d").ok());
    ASSERT_TRUE(disk.open("d/old", Disk::Open::kCreate).ok());
    ASSERT_TRUE(disk.open("d/kept", Disk::Open::kCreate).ok());
    ASSERT_TRUE(disk.sync_directory("d").ok());
    ASSERT_TRUE(disk.sync_directory("").ok());
    ASSERT_TRUE(disk.remove("d/old").ok());
    ASSERT_TRUE(disk.open("d/new", Disk::Open::kCreate).ok());
    EXPECT_EQ(*disk.list("d"), (std::vector<std::string>{"kept", "new"}));
    disk.restart(SimDisk::Survives::kDurable);
    outcomes.insert(*disk.list("d"));
  }
  EXPECT_EQ(outcomes, (std::set<std::vector<std::string>>{
                          {"kept"}, {"kept", "new"}, {"kept", "old"}, {"kept", "new", "old"}}));
}

TEST(SimDisk, ALostDirectoryTakesItsFilesWithIt) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimDisk disk(seed);
    ASSERT_TRUE(disk.create_directory("d").ok());
    ASSERT_TRUE(disk.open("d/f", Disk::Open::kCreate).ok());
    ASSERT_TRUE(disk.sync_directory("d").ok());
    disk.restart(SimDisk::Survives::kDurable);
    EXPECT_EQ(*disk.exists("d"), *disk.exists("d/f"));
  }
}

// What reads back after a failed sync, and what a power cut leaves after the next, successful one.
std::pair<std::set<std::string>, std::set<std::string>> after_failed_sync(AfterFailedSync after) {
  std::set<std::string> read_back, durable;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SimDisk disk(seed);
    disk.set_after_failed_sync(after);
    auto file = durable_file(disk, sectors('a', 2));
    EXPECT_TRUE(file->write(0, sectors('b', 2)).ok());
    disk.fail_at(disk.operations() + 1);
    EXPECT_FALSE(file->sync().ok());
    read_back.insert(letters(content(disk)));
    EXPECT_TRUE(file->sync().ok());
    disk.restart(SimDisk::Survives::kDurable);
    durable.insert(letters(content(disk)));
  }
  return {read_back, durable};
}

TEST(SimDisk, WhatAFailedSyncForgotNoLaterSyncBringsBack) {
  const std::set<std::string> written = {"bb"}, any = {"aa", "ab", "ba", "bb"};
  EXPECT_EQ(after_failed_sync(AfterFailedSync::kForgotten), std::pair(written, any));
  EXPECT_EQ(after_failed_sync(AfterFailedSync::kEvicted), std::pair(any, any));
  EXPECT_EQ(after_failed_sync(AfterFailedSync::kStillUnsynced), std::pair(written, written));
}

TEST(SimDisk, ADeadProcessLeavesWhatItWrote) {
  SimDisk disk(1);
  auto file = durable_file(disk, sectors('a', 1));
  ASSERT_TRUE(file->write(0, sectors('b', 2)).ok());
  disk.stop();
  EXPECT_FALSE(file->read(0, 1).ok());
  disk.restart(SimDisk::Survives::kWritten);
  EXPECT_EQ(letters(content(disk)), "bb");
  EXPECT_FALSE(file->read(0, 1).ok()) << "a handle of the dead process";
}

TEST(SimDisk, ThePowerGoesAtTheChosenOperation) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SimDisk disk(seed);
    auto file = durable_file(disk, sectors('a', 1));
    disk.cut_power_at(disk.operations() + 2);
    ASSERT_TRUE(file->write(0, sectors('b', 1)).ok());
    ASSERT_FALSE(file->sync().ok());
    ASSERT_FALSE(file->write(0, sectors('c', 1)).ok());
    ASSERT_FALSE(disk.list("").ok());
    ASSERT_FALSE(disk.open("f", Disk::Open::kExisting).ok());
    disk.restart(SimDisk::Survives::kDurable);
    outcomes.insert(letters(content(disk)));
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"a", "b"}));
}

TEST(SimDisk, RunsFullAndReservedSpaceDoesNot) {
  SimDisk disk(1);
  auto file = durable_file(disk, "a");
  ASSERT_TRUE(file->reserve(8192).ok());
  disk.set_quota(disk.used() + 4096);
  EXPECT_EQ(disk.space("")->free, 4096u);
  auto other = *disk.open("g", Disk::Open::kCreate);
  EXPECT_EQ(disk.space("")->free, 0u);
  ASSERT_TRUE(other->write(0, std::string(4096, 'g')).ok());
  auto refused = other->write(4096, "g");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, "DiskFull");
  EXPECT_EQ(refused.error().kind, ErrorKind::kOverloaded);
  EXPECT_EQ(other->reserve(8192).error().code, "DiskFull");
  EXPECT_EQ(disk.open("h", Disk::Open::kCreate).error().code, "DiskFull");
  EXPECT_TRUE(file->write(8000, "x").ok());
  ASSERT_TRUE(disk.remove("g").ok());
  EXPECT_TRUE(file->write(8192, "x").ok());
}

TEST(SimDisk, FailsAtTheGivenRates) {
  SimDisk disk(1);
  auto file = durable_file(disk, sectors('a', 1));
  disk.set_error_rates({.read = 0.3, .write = 0.3, .sync = 0.3});
  size_t reads = 0, writes = 0, syncs = 0;
  for (int i = 0; i < 1000; ++i) {
    reads += !file->read(0, 1).ok();
    writes += !file->write(0, "x").ok();
    syncs += !file->sync().ok();
  }
  for (size_t failed : {reads, writes, syncs}) {
    EXPECT_GT(failed, 200u);
    EXPECT_LT(failed, 400u);
  }
}

TEST(SimDisk, KeepsTheContractOfOpening) {
  SimDisk disk(1);
  EXPECT_FALSE(disk.open("f", Disk::Open::kExisting).ok());
  EXPECT_FALSE(disk.open("d/f", Disk::Open::kCreate).ok());
  auto file = durable_file(disk, "abc");
  EXPECT_FALSE(disk.open("f", Disk::Open::kCreate).ok());
  EXPECT_EQ(*file->read(1, 10), "bc");
  EXPECT_EQ(*file->read(3, 10), "");
  EXPECT_EQ(*file->size(), 3u);
  ASSERT_TRUE(file->reserve(10).ok());
  EXPECT_EQ(*file->read(1, 4), std::string("bc\0\0", 4));
  ASSERT_TRUE(disk.remove("f").ok());
  EXPECT_EQ(*file->read(0, 3), "abc") << "an open file outlives its name";
  EXPECT_FALSE(disk.remove("f").ok());
}

}  // namespace
}  // namespace hull::simulation
