#include <sys/stat.h>

#include "storage/disk.h"
#include "storage/storage_fixture.h"

namespace hull {
namespace {

class PosixDiskTest : public StorageTest {
 protected:
  Disk& disk_ = Disk::real();
};

TEST_F(PosixDiskTest, FilesKeepWhatIsWritten) {
  const std::string path = directory_ / "file";
  {
    auto file = *disk_.open(path, Disk::Open::kCreate);
    expect_ok(file->write(3, "hello"));
    expect_ok(file->sync());
    EXPECT_EQ(*file->size(), 8u);
    EXPECT_EQ(*file->read(0, 100), std::string("\0\0\0hello", 8));
    EXPECT_EQ(*file->read(4, 2), "el");
    EXPECT_EQ(*file->read(100, 2), "");
  }
  EXPECT_FALSE(disk_.open(path, Disk::Open::kCreate).ok()) << "must not exist yet";
  EXPECT_EQ(*(*disk_.open(path, Disk::Open::kExisting))->read(3, 5), "hello");
  expect_ok(disk_.remove(path));
  auto missing = disk_.open(path, Disk::Open::kExisting);
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find(path), std::string::npos);
  EXPECT_NE(missing.error().message.find("No such file"), std::string::npos);
}

TEST_F(PosixDiskTest, ReservedSpaceIsAllocatedAndZero) {
  const std::string path = directory_ / "file";
  auto file = *disk_.open(path, Disk::Open::kCreate);
  expect_ok(file->write(0, "abc"));
  expect_ok(file->reserve(3'000'000));
  EXPECT_EQ(*file->size(), 3'000'000u);
  EXPECT_EQ(*file->read(0, 5), std::string("abc\0\0", 5));
  EXPECT_EQ((*file->read(2'999'990, 100)), std::string(10, '\0'));
  struct stat info;
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_GE(info.st_blocks * 512, 3'000'000);
  expect_ok(file->reserve(10));
  EXPECT_EQ(*file->size(), 3'000'000u);
}

TEST_F(PosixDiskTest, Directories) {
  const std::string path = directory_ / "sub";
  expect_ok(disk_.create_directory(path));
  expect_ok(disk_.create_directory(path));
  expect_ok(disk_.open(path + "/b", Disk::Open::kCreate));
  expect_ok(disk_.open(path + "/a", Disk::Open::kCreate));
  expect_ok(disk_.sync_directory(path));
  EXPECT_EQ(*disk_.list(path), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(disk_.list(path + "/none").ok());
  DiskSpace space = *disk_.space(path);
  EXPECT_GT(space.free, 0u);
  EXPECT_GE(space.total, space.free);
}

TEST_F(PosixDiskTest, FullDiskHasItsOwnCode) {
  auto file = disk_.open("/dev/full", Disk::Open::kExisting);
  if (!file.ok()) GTEST_SKIP() << "no /dev/full here";
  auto failed = (*file)->write(0, "x");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, "DiskFull");
  EXPECT_EQ(failed.error().kind, ErrorKind::kOverloaded);
  EXPECT_NE(failed.error().message.find("/dev/full: No space left on device"), std::string::npos);
}

}  // namespace
}  // namespace hull
