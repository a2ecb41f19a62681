#include "base/byte_pipe.h"

#include <gtest/gtest.h>

#include "base/one_shot.h"

namespace hull {
namespace {

// What a read gave: the bytes, "END", an error's text, or "-" while it waits.
std::string read(BytePipe& pipe) {
  auto out = std::make_shared<std::string>("-");
  pipe.read([out](Result<BytePipe::Chunk> chunk) {
    *out = !chunk.ok() ? chunk.error().message : chunk->done ? "END" : chunk->bytes;
  });
  return *out;
}

TEST(BytePipe, GivesWhatWasWrittenThenTheEnd) {
  BytePipe pipe;
  pipe.write("ab", [](bool) {});
  pipe.write("cd", [](bool) {});
  pipe.finish();
  EXPECT_EQ(read(pipe), "abcd");
  EXPECT_EQ(read(pipe), "END");
  EXPECT_EQ(read(pipe), "END");
}

TEST(BytePipe, AReaderWaits) {
  BytePipe pipe;
  std::string got;
  pipe.read([&](Result<BytePipe::Chunk> chunk) { got = chunk->bytes; });
  EXPECT_EQ(got, "");
  pipe.write("x", [](bool) {});
  EXPECT_EQ(got, "x");
  pipe.read([&](Result<BytePipe::Chunk> chunk) { got = chunk.error().code; });
  pipe.fail(Error::bad_request("StreamFailed", "gone"));
  EXPECT_EQ(got, "StreamFailed");
}

TEST(BytePipe, HoldsTheWriterBack) {
  BytePipe pipe(4);
  int room = 0;
  pipe.write("123", [&](bool open) { room += open; });
  EXPECT_EQ(room, 1);
  pipe.write("456", [&](bool open) { room += open; });
  EXPECT_EQ(room, 1);
  EXPECT_EQ(read(pipe), "123456");
  EXPECT_EQ(room, 2);
}

TEST(BytePipe, CutsLongWritesIntoChunks) {
  BytePipe pipe;
  pipe.write(std::string(BytePipe::kMaxChunk * 2 + 5, 'x'), [](bool) {});
  pipe.finish();
  EXPECT_EQ(read(pipe).size(), BytePipe::kMaxChunk);
  EXPECT_EQ(read(pipe).size(), BytePipe::kMaxChunk);
  EXPECT_EQ(read(pipe).size(), 5u);
  EXPECT_EQ(read(pipe), "END");
}

TEST(BytePipe, CancellingReleasesTheWriter) {
  BytePipe pipe(1);
  bool open = true, told = false;
  pipe.on_cancel([&] { told = true; });
  pipe.write("12", [&](bool still) { open = still; });
  pipe.cancel();
  EXPECT_FALSE(open);
  EXPECT_TRUE(told);
  open = true;
  pipe.write("3", [&](bool still) { open = still; });
  EXPECT_FALSE(open);
  EXPECT_EQ(read(pipe), "END");
  bool late = false;
  pipe.on_cancel([&] { late = true; });
  EXPECT_TRUE(late);
}

TEST(BytePipe, TakesACompleteContentAtOnce) {
  BytePipe pipe;
  pipe.write("ab", [](bool) {});
  EXPECT_EQ(pipe.take_if_complete(), std::nullopt);
  pipe.write("c", [](bool) {});
  pipe.finish();
  EXPECT_EQ(pipe.take_if_complete(), "abc");
  EXPECT_EQ(read(pipe), "END");
  BytePipe failed;
  failed.fail(Error::internal("x"));
  EXPECT_EQ(failed.take_if_complete(), std::nullopt);
}

TEST(OneShotTest, TellsEarlyAndLateOnesOnce) {
  OneShot event;
  int told = 0;
  event.when_fired([&] { ++told; });
  EXPECT_TRUE(event.fire());
  EXPECT_FALSE(event.fire());
  EXPECT_EQ(told, 1);
  event.when_fired([&] { ++told; });
  EXPECT_EQ(told, 2);
}

}  // namespace
}  // namespace hull
