#include "base/deflate.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <thread>
#include <vector>

#include "base/shared_text.h"

namespace hull {
namespace {

// What zlib itself makes of a permessage-deflate message.
std::string reference_inflate(std::string message) {
  message += kDeflateTail;
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, -15), Z_OK);
  std::string out(8 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(message.data());
  stream.avail_in = static_cast<uInt>(message.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_SYNC_FLUSH), Z_OK);
  EXPECT_EQ(stream.avail_in, 0u);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

std::string without_tail(std::string run) {
  EXPECT_TRUE(run.ends_with(kDeflateTail));
  run.resize(run.size() - kDeflateTail.size());
  return run;
}

// Half words that repeat, half noise.
std::string random_text(std::mt19937& random, size_t size) {
  std::string out;
  while (out.size() < size) {
    if (random() % 2) {
      out += "{\"_id\":\"k57\",\"body\":";
    } else {
      for (int i = 0; i < 20; ++i) out += static_cast<char>(random());
    }
  }
  out.resize(size);
  return out;
}

TEST(Deflate, RunsOfAnyKindMakeOneStream) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string plain, message;
    bool stored_last = false;
    for (size_t parts = 1 + random() % 5; parts > 0; --parts) {
      std::string text = random_text(random, random() % (round % 10 == 0 ? 200'000 : 2'000));
      plain += text;
      stored_last = random() % 2;
      if (stored_last) {
        append_stored_run(message, text);
      } else {
        message += deflate_run(text);
      }
    }
    message = stored_last ? message + '\0' : without_tail(message);
    EXPECT_EQ(reference_inflate(message), plain);
    std::string out;
    ASSERT_EQ(inflate_message(message, plain.size(), out), InflateStatus::kOk);
    EXPECT_EQ(out, plain);
  }
}

TEST(Deflate, CompressesAndRefersToNothingBefore) {
  std::string text(10'000, 'a');
  std::string run = deflate_run(text);
  EXPECT_LT(run.size(), 100u);
  EXPECT_EQ(deflate_run(text), run);
}

TEST(Inflate, StopsAtTheLimitWithoutAllocatingMore) {
  std::string bomb = without_tail(deflate_run(std::string(50 << 20, 'x')));
  std::string out;
  EXPECT_EQ(inflate_message(bomb, 1 << 20, out), InflateStatus::kTooLarge);
  EXPECT_LE(out.capacity(), (1u << 20) + 64);
  out.clear();
  EXPECT_EQ(inflate_message(bomb, 50 << 20, out), InflateStatus::kOk);
  EXPECT_EQ(out.size(), 50u << 20);
  out.clear();
  EXPECT_EQ(inflate_message(bomb, (50 << 20) - 1, out), InflateStatus::kTooLarge);
}

TEST(Inflate, DamagedInput) {
  std::mt19937 random(3);
  std::string good = without_tail(deflate_run(random_text(random, 3'000)));
  size_t damaged = 0;
  for (int i = 0; i < 500; ++i) {
    std::string bad = good;
    bad[random() % bad.size()] ^= static_cast<char>(1 + random() % 255);
    std::string out;
    if (inflate_message(bad, 1 << 20, out) == InflateStatus::kDamaged) ++damaged;
  }
  EXPECT_GT(damaged, 20u);
  std::string out;
  EXPECT_EQ(inflate_message("\xff\xff\xff", 1 << 20, out), InflateStatus::kDamaged);
}

TEST(Inflate, TruncatedInputIsDamaged) {
  std::string good = without_tail(deflate_run("hello, hello, hello, hello"));
  std::string out;
  EXPECT_EQ(inflate_message(std::string_view(good).substr(0, 5), 1 << 20, out), InflateStatus::kDamaged);
}

TEST(Inflate, EmptyAndFinalBlocks) {
  std::string out;
  EXPECT_EQ(inflate_message(std::string_view("\0", 1), 10, out), InflateStatus::kOk);
  EXPECT_EQ(out, "");
  // RFC 7692 §7.2.3.4: "Hello" in a block with BFINAL set, then a byte of zeros.
  const char final_block[] = "\xf3\x48\xcd\xc9\xc9\x07\x00";
  EXPECT_EQ(inflate_message(std::string_view(final_block, 7), 10, out), InflateStatus::kOk);
  EXPECT_EQ(out, "Hello");
}

TEST(SharedText, SegmentsMakeTheText) {
  std::mt19937 random(11);
  for (size_t size :
       {size_t{0}, size_t{1}, SharedText::kSegmentBytes, SharedText::kSegmentBytes + 1, size_t{500'000}}) {
    SharedText shared(random_text(random, size));
    std::string message, plain;
    for (size_t i = 0; i < shared.segments(); ++i) {
      message += shared.deflated_segment(i);
      plain += shared.segment(i);
    }
    EXPECT_EQ(plain, shared.text());
    if (size == 0) continue;
    EXPECT_EQ(reference_inflate(without_tail(message)), shared.text());
  }
}

TEST(SharedText, OneCompressionForAllThreads) {
  std::mt19937 random(12);
  SharedText shared(random_text(random, 300'000));
  std::vector<std::thread> threads;
  std::vector<const char*> seen(8);
  for (size_t i = 0; i < seen.size(); ++i) {
    threads.emplace_back([&, i] { seen[i] = shared.deflated_segment(1).data(); });
  }
  for (auto& thread : threads) thread.join();
  for (const char* data : seen) EXPECT_EQ(data, seen[0]);
}

}  // namespace
}  // namespace hull
