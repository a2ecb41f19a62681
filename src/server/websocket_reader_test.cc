#include "server/websocket_reader.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "base/deflate.h"

namespace hull {
namespace {

using Kind = WebsocketReader::Kind;
constexpr size_t kLimit = 1 << 20;
constexpr uint8_t kFin = 0x80, kRsv1 = 0x40, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

// A masked frame, as clients send them.
std::string frame(uint8_t first_byte, std::string payload, const std::string& mask = "\x01\x80\xfe\x37") {
  std::string out(1, static_cast<char>(first_byte));
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else if (payload.size() < 65536) {
    out += static_cast<char>(0x80 | 126);
    for (int shift : {8, 0}) out += static_cast<char>(payload.size() >> shift);
  } else {
    out += static_cast<char>(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(payload.size() >> shift);
  }
  for (size_t i = 0; i < payload.size(); ++i) payload[i] ^= mask[i % 4];
  return out + mask + payload;
}

std::string deflated(std::string_view text) {
  std::string run = deflate_run(text);
  run.resize(run.size() - kDeflateTail.size());
  return run;
}

using Events = std::vector<WebsocketReader::Event>;

void drain(WebsocketReader& reader, std::string_view input, Events& events) {
  for (;;) {
    WebsocketReader::Event event = reader.next(input);
    if (event.kind == Kind::kNothing) break;
    events.push_back(std::move(event));
  }
}

Events read(std::string_view input, bool deflate = false) {
  WebsocketReader reader(deflate, kLimit);
  Events events;
  drain(reader, input, events);
  return events;
}

uint16_t violation(std::string_view input, bool deflate = false) {
  Events events = read(input, deflate);
  return !events.empty() && events.back().kind == Kind::kViolation ? events.back().code : 0;
}

TEST(WebsocketReader, MessagesOfAllSizes) {
  for (size_t size : {0u, 1u, 125u, 126u, 4096u, 65535u, 65536u, 1u << 20}) {
    Events events = read(frame(kFin | kText, std::string(size, 'a')));
    ASSERT_EQ(events.size(), 1u) << size;
    EXPECT_EQ(events[0].kind, Kind::kText);
    EXPECT_EQ(events[0].payload, std::string(size, 'a'));
  }
  EXPECT_EQ(read(frame(kFin | kBinary, "\xff"))[0].kind, Kind::kBinary);
}

TEST(WebsocketReader, FragmentsWithControlFramesBetween) {
  Events events =
      read(frame(kText, "one ") + frame(kFin | kPing, "p") + frame(0, "two ") + frame(kFin | kPong, "") +
           frame(kFin, "three") + frame(kFin | kClose, std::string("\x03\xe8", 2) + "bye"));
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].kind, Kind::kPing);
  EXPECT_EQ(events[0].payload, "p");
  EXPECT_EQ(events[1].kind, Kind::kPong);
  EXPECT_EQ(events[2].payload, "one two three");
  EXPECT_EQ(events[3].kind, Kind::kClose);
  EXPECT_EQ(events[3].code, 1000);
  EXPECT_EQ(events[3].payload, "bye");
  EXPECT_EQ(read(frame(kFin | kClose, ""))[0].code, 1005);
}

TEST(WebsocketReader, AnySplitOfTheBytesMakesTheSameEvents) {
  std::mt19937 random(1);
  std::string input;
  std::vector<std::string> expected;
  for (int i = 0; i < 40; ++i) {
    std::string text =
        "message " + std::to_string(i) + std::string(random() % 300, 'x') + "\xc3\xa4\xf0\x9f\x98\x80";
    expected.push_back(text);
    const bool compressed = random() % 2;
    std::string body = compressed ? deflated(text) : text;
    const uint8_t first = kText | (compressed ? kRsv1 : 0);
    if (random() % 2) {
      input += frame(kFin | first, body);
    } else {
      size_t cut = random() % body.size();
      input += frame(first, body.substr(0, cut)) + frame(kFin | kPong, "") + frame(kFin, body.substr(cut));
    }
  }
  for (size_t step : {1, 2, 3, 7, 100, 5000}) {
    WebsocketReader reader(true, kLimit);
    Events events;
    for (size_t at = 0; at < input.size(); at += step) {
      std::string piece = input.substr(at, step);  // a copy: the reader must not keep references
      drain(reader, piece, events);
    }
    std::erase_if(events, [](const auto& event) { return event.kind == Kind::kPong; });
    ASSERT_EQ(events.size(), expected.size()) << step;
    for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].payload, expected[i]);
  }
}

TEST(WebsocketReader, ProtocolErrors) {
  std::string unmasked = {static_cast<char>(kFin | kText), 1, 'a'};
  EXPECT_EQ(violation(unmasked), 1002);
  for (uint8_t opcode : {3, 7, 11, 15}) EXPECT_EQ(violation(frame(kFin | opcode, "")), 1002) << int{opcode};
  for (uint8_t rsv : {0x10, 0x20, 0x40})
    EXPECT_EQ(violation(frame(kFin | rsv | kText, "a")), 1002) << int{rsv};
  for (uint8_t rsv : {0x10, 0x20, 0x60})
    EXPECT_EQ(violation(frame(kFin | rsv | kText, "a"), true), 1002) << int{rsv};
  EXPECT_EQ(violation(frame(kFin | kRsv1 | kPing, ""), true), 1002);
  EXPECT_EQ(violation(frame(kRsv1 | kText, "") + frame(kFin | kRsv1, ""), true), 1002);
  EXPECT_EQ(violation(frame(kFin, "a")), 1002) << "a continuation of nothing";
  EXPECT_EQ(violation(frame(kText, "a") + frame(kFin | kText, "a")), 1002) << "a message within a message";
  EXPECT_EQ(violation(frame(kPing, "")), 1002) << "a fragmented control frame";
  EXPECT_EQ(violation(frame(kFin | kPing, std::string(126, 'a'))), 1002);
  EXPECT_EQ(violation(frame(kFin | kClose, "\x03")), 1002);
  for (unsigned code : {0u, 999u, 1004u, 1005u, 1006u, 1015u, 2999u, 5000u}) {
    std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code)};
    EXPECT_EQ(violation(frame(kFin | kClose, payload)), 1002) << code;
  }
  // A length that does not need its eight bytes.
  EXPECT_EQ(violation(std::string("\x81\xff\0\0\0\0\0\0\0\x05", 10) + "mask" + "abcde"), 1002);
}

TEST(WebsocketReader, NothingIsReadAfterAViolation) {
  WebsocketReader reader(false, kLimit);
  Events events;
  drain(reader, frame(kFin | 3, "") + frame(kFin | kText, "a"), events);
  drain(reader, frame(kFin | kText, "a"), events);
  ASSERT_EQ(events.size(), 1u);
}

TEST(WebsocketReader, Utf8) {
  for (std::string bad : {"\xff", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xc0\xaf"}) {
    EXPECT_EQ(violation(frame(kFin | kText, bad)), 1007);
    EXPECT_EQ(violation(frame(kFin | kRsv1 | kText, deflated(bad)), true), 1007);
    EXPECT_EQ(violation(frame(kFin | kClose, std::string("\x03\xe8", 2) + bad)), 1007);
  }
  EXPECT_EQ(violation(frame(kFin | kRsv1 | kText, "\xff\xff\xff"), true), 1007) << "not deflate data";
}

TEST(WebsocketReader, TooBig) {
  EXPECT_EQ(violation(frame(kFin | kText, std::string(kLimit + 1, 'a'))), 1009);
  EXPECT_EQ(violation(frame(kText, std::string(kLimit, 'a')) + frame(kFin, "a")), 1009);
  EXPECT_EQ(violation(frame(kFin | kRsv1 | kText, deflated(std::string(kLimit + 1, 'a'))), true), 1009);
  EXPECT_EQ(read(frame(kFin | kRsv1 | kText, deflated(std::string(kLimit, 'a'))), true).back().payload.size(),
            kLimit);
  // The header alone is enough.
  EXPECT_EQ(violation(std::string("\x81\xff\0\0\x7f\0\0\0\0\0", 10) + "mask" + "a"), 1009);
}

}  // namespace
}  // namespace hull
