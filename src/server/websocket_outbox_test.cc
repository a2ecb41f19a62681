#include "server/websocket_outbox.h"

#include <gtest/gtest.h>

#include <random>

#include "base/deflate.h"

namespace hull {
namespace {

using Opcode = WebsocketOutbox::Opcode;

struct Frame {
  int opcode = 0;
  bool final = false, rsv1 = false;
  std::string payload;
};

// What a client makes of the bytes.
std::vector<Frame> parse(std::string_view bytes) {
  std::vector<Frame> out;
  while (!bytes.empty()) {
    auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
    Frame frame;
    frame.opcode = byte(0) & 15;
    frame.final = byte(0) & 0x80;
    frame.rsv1 = byte(0) & 0x40;
    EXPECT_EQ(byte(0) & 0x30, 0);
    size_t length = byte(1), head = 2;
    if (length >= 126) {
      head = length == 126 ? 4 : 10;
      length = 0;
      for (size_t i = 2; i < head; ++i) length = length << 8 | byte(i);
      EXPECT_GE(length, head == 4 ? 126u : 65536u);
    }
    frame.payload = bytes.substr(head, length);
    EXPECT_EQ(frame.payload.size(), length);
    bytes.remove_prefix(head + frame.payload.size());
    out.push_back(std::move(frame));
  }
  return out;
}

struct Received {
  std::string text;
  bool compressed = false;
  size_t frames = 0;
};

std::vector<Received> messages(const std::vector<Frame>& frames) {
  std::vector<Received> out;
  bool open = false;
  for (const Frame& frame : frames) {
    if (frame.opcode >= 8) continue;
    EXPECT_EQ(frame.opcode == 0, open);
    if (!open) out.emplace_back().compressed = frame.rsv1;
    open = !frame.final;
    out.back().text += frame.payload;
    ++out.back().frames;
  }
  EXPECT_FALSE(open);
  for (Received& received : out) {
    if (!received.compressed) continue;
    std::string text;
    EXPECT_EQ(inflate_message(received.text, 64 << 20, text), InflateStatus::kOk);
    received.text = std::move(text);
  }
  return out;
}

// Takes at most `step` bytes per write.
std::string drain(WebsocketOutbox& outbox, size_t step = 1 << 30, size_t* transitions = nullptr) {
  std::string out;
  std::vector<iovec> buffers;
  for (;;) {
    outbox.gather(buffers, 5);
    if (buffers.empty()) return out;
    std::string chunk;
    for (const iovec& buffer : buffers) {
      EXPECT_GT(buffer.iov_len, 0u);
      chunk.append(static_cast<const char*>(buffer.iov_base), buffer.iov_len);
    }
    chunk.resize(std::min(chunk.size(), step));
    out += chunk;
    size_t ended = outbox.written(chunk.size());
    if (transitions) *transitions += ended;
  }
}

std::string words(std::mt19937& random, size_t size) {
  std::string out;
  while (out.size() < size) out += "{\"_creationTime\":" + std::to_string(random()) + ",\"body\":\"hello\"},";
  out.resize(size);
  return out;
}

TEST(WebsocketOutbox, RandomMessagesArriveInOrderWhateverTheWritesTake) {
  std::mt19937 random(5);
  for (int round = 0; round < 60; ++round) {
    const bool deflate = round % 2;
    WebsocketOutbox outbox(deflate);
    std::vector<std::string> expected;
    std::string bytes;
    for (int i = 0; i < 8; ++i) {
      OutgoingMessage message;
      for (size_t pieces = random() % 4; pieces > 0; --pieces) {
        message.own() += words(random, random() % 3 == 0 ? random() % 6000 : random() % 40);
        const size_t size = round % 10 == 0 ? random() % 700'000 : random() % 5000;
        message.append_shared(std::make_shared<SharedText>(words(random, size)));
      }
      message.own() += words(random, random() % 60);
      expected.push_back(message.flat());
      EXPECT_EQ(message.size(), expected.back().size());
      outbox.push(std::move(message), SendKind::kOther);
    }
    EXPECT_EQ(outbox.queued_bytes() > 0, true);
    auto received = messages(parse(drain(outbox, round % 3 == 0 ? 1 + random() % 5000 : 1 << 30)));
    ASSERT_EQ(received.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(received[i].text, expected[i]);
      EXPECT_EQ(received[i].compressed, deflate && expected[i].size() >= WebsocketOutbox::kDeflateFrom);
    }
    EXPECT_TRUE(outbox.empty());
    EXPECT_EQ(outbox.queued_bytes(), 0u);
  }
}

TEST(WebsocketOutbox, SharedTextIsCompressedOnceAndNotCopied) {
  std::mt19937 random(6);
  auto shared = std::make_shared<const SharedText>(words(random, 50'000));
  for (bool deflate : {false, true}) {
    WebsocketOutbox outbox(deflate);
    OutgoingMessage message("{\"value\":");
    message.append_shared(shared);
    message.own() += "}";
    outbox.push(std::move(message), SendKind::kTransitionEnd);
    std::vector<iovec> buffers;
    outbox.gather(buffers, 64);
    const char* body = deflate ? shared->deflated_segment(0).data() : shared->text().data();
    bool found = false;
    for (const iovec& buffer : buffers) found = found || buffer.iov_base == body;
    EXPECT_TRUE(found);
  }
}

TEST(WebsocketOutbox, LargeMessagesLeaveInFramesAndControlFramesGoBetween) {
  std::mt19937 random(8);
  for (bool deflate : {false, true}) {
    WebsocketOutbox outbox(deflate);
    std::string text = words(random, 5'000'000);
    OutgoingMessage message("[");
    message.append_shared(std::make_shared<SharedText>(text));
    message.own() += "]";
    outbox.push(std::move(message), SendKind::kOther);
    std::vector<iovec> buffers;
    outbox.gather(buffers, 1);
    outbox.push_control(Opcode::kPing, "now");
    auto frames = parse(drain(outbox));
    size_t ping = 0;
    while (frames[ping].opcode != 9) ++ping;
    EXPECT_EQ(frames[ping].payload, "now");
    EXPECT_LE(ping, 2u) << "the ping waited for more than what was made";
    EXPECT_GT(frames.size(), 15u);
    for (const Frame& frame : frames) EXPECT_LE(frame.payload.size(), 2 * WebsocketOutbox::kFrameBytes);
    auto received = messages(frames);
    ASSERT_EQ(received.size(), 1u);
    EXPECT_EQ(received[0].text, "[" + text + "]");
  }
}

TEST(WebsocketOutbox, TransitionsEndWhenTheirLastByteHasLeft) {
  WebsocketOutbox outbox(false);
  outbox.push(std::string(100, 'a'), SendKind::kTransitionPart);
  outbox.push(std::string(100, 'b'), SendKind::kTransitionEnd);
  outbox.push(std::string(100, 'c'), SendKind::kOther);
  EXPECT_EQ(outbox.queued_bytes(), 100u);
  std::vector<iovec> buffers;
  outbox.gather(buffers, 64);
  EXPECT_EQ(outbox.written(102), 0u);
  EXPECT_EQ(outbox.written(101), 0u);
  EXPECT_EQ(outbox.written(1), 1u);
  EXPECT_EQ(outbox.written(102), 0u);
  EXPECT_TRUE(outbox.empty());
}

TEST(WebsocketOutbox, CloseComesLastAndAbandonLetsOnlyAStartedFrameOut) {
  WebsocketOutbox outbox(false);
  outbox.push(std::string("one"), SendKind::kOther);
  outbox.push_close("\x03\xe8");
  auto frames = parse(drain(outbox));
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[1].opcode, 8);
  EXPECT_EQ(frames[1].payload, "\x03\xe8");

  WebsocketOutbox failing(false);
  failing.push(std::string(2'000'000, 'x'), SendKind::kOther);
  failing.push(std::string("never"), SendKind::kOther);
  std::vector<iovec> buffers;
  failing.gather(buffers, 64);
  std::string bytes(static_cast<const char*>(buffers[0].iov_base), buffers[0].iov_len);
  failing.written(bytes.size());
  failing.abandon();
  failing.push_control(Opcode::kClose, "\x03\xea");
  frames = parse(bytes + drain(failing));
  EXPECT_EQ(frames.back().opcode, 8);
  EXPECT_LE(frames.size(), 3u);
  EXPECT_TRUE(failing.empty());
}

TEST(WebsocketOutbox, EmptyMessageAndEmptyControlFrames) {
  WebsocketOutbox outbox(true);
  outbox.push(std::string(), SendKind::kOther);
  outbox.push_control(Opcode::kPing, "");
  EXPECT_EQ(drain(outbox), std::string("\x89\0\x81\0", 4));
}

}  // namespace
}  // namespace hull
