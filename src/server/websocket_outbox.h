// The sending half of a websocket server: messages and control frames in, bytes for gather writes out (RFC
// 6455 §5, RFC 7692 §7.2.1; sync-protocol.md §9). Pure: no sockets, no clocks. One thread at a time.
//
// Messages leave in the order of push(), as frames of at most about kFrameBytes of text, so that a control
// frame waits for little more than one of them, and a large message is compressed only as fast as it leaves.
// Compression keeps no state: each message is made of deflate runs of its own (base/deflate.h), those of
// shared texts made once for all. When empty it holds no memory.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "server/sync_transport.h"

namespace hull {

class WebsocketOutbox {
 public:
  static constexpr size_t kFrameBytes = 256 * 1024;
  // Shorter messages, and shorter parts of a message between its shared texts, are not compressed: not worth
  // the time.
  static constexpr size_t kDeflateFrom = 1024;

  enum class Opcode : uint8_t { kContinuation = 0, kText = 1, kClose = 8, kPing = 9, kPong = 10 };

  // `deflate`: permessage-deflate was agreed on.
  explicit WebsocketOutbox(bool deflate) : deflate_(deflate) {}

  void push(OutgoingMessage message, SendKind kind);
  // Goes before all messages but the frames already made. At most 125 bytes of payload.
  void push_control(Opcode opcode, std::string_view payload);
  // Goes after all messages.
  void push_close(std::string_view payload);
  // Forgets what has not been made into frames; only control frames may follow.
  void abandon();

  bool empty() const { return frames_.empty() && next_ == messages_.end(); }
  // Of messages of SendKind::kOther that have not left.
  size_t queued_bytes() const { return queued_bytes_; }
  // Fills `out` with the next bytes to write, at most `max` buffers; valid until the next call of a method
  // that is not const. Empty only if there is nothing to write.
  void gather(std::vector<iovec>& out, size_t max);
  // The first `bytes` of what gather() returned have been written; returns how many Transitions ended among
  // them.
  size_t written(size_t bytes);

 private:
  struct Message {
    OutgoingMessage text;
    SendKind kind = SendKind::kOther;
    bool close = false;  // `text` is the payload of a close frame
    bool compressed = false;
    size_t piece = 0, offset = 0;  // what comes next
  };
  // Bytes of a frame: in `made` from `offset` if `data` is null.
  struct Part {
    const char* data = nullptr;
    size_t offset = 0, size = 0;
  };
  struct Frame {
    std::array<char, 10> header{};
    uint8_t header_size = 0;
    std::string made;  // payload that exists for this frame only
    std::vector<Part> parts;
    size_t size = 0;            // with the header
    bool ends_message = false;  // the first of messages_ has left with it
  };

  // Returns how much text it took.
  size_t make_frame();
  static size_t append_text(Message& message, size_t room, Frame& frame);
  void finish_frame(Frame frame, Opcode opcode, bool final, bool rsv1);

  const bool deflate_;
  std::list<Message> messages_;                          // those before next_ are in frames_, whole
  std::list<Message>::iterator next_ = messages_.end();  // the one the next frame is made of
  std::list<Frame> frames_;
  size_t first_frame_written_ = 0, made_bytes_ = 0, queued_bytes_ = 0;
};

}  // namespace hull
