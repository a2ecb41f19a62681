// The receiving half of a websocket server (RFC 6455 §5, RFC 7692 §7.2.2): bytes in, whole messages and
// control frames out. Frames are taken apart by wslay; fragments are put together, decompressed and checked
// here. Pure: no sockets, no clocks. One thread at a time.
//
// Between messages it holds no buffers. Of a message in progress it holds what has arrived, never more than
// `max_message` bytes, however long the peer says that it will be and whatever it decompresses to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct wslay_frame_context;

namespace hull {

class WebsocketReader {
 public:
  enum class Kind {
    kNothing,    // all input is used up
    kText,       // valid UTF-8
    kBinary,     //
    kPing,       //
    kPong,       //
    kClose,      // `code` and the reason in `payload`; code 1005 if the peer gave none
    kViolation,  // the connection must be failed with `code`; nothing more can be read
  };
  struct Event {
    Kind kind = Kind::kNothing;
    std::string payload;
    uint16_t code = 0;
  };

  // `deflate`: permessage-deflate was agreed on, with client_no_context_takeover.
  WebsocketReader(bool deflate, size_t max_message);
  ~WebsocketReader();
  WebsocketReader(const WebsocketReader&) = delete;
  WebsocketReader& operator=(const WebsocketReader&) = delete;

  // The next event. Takes its bytes from the front of `input`; what it leaves there belongs to later events,
  // except that up to 4 KiB are taken ahead: call until kNothing comes back.
  Event next(std::string_view& input);

 private:
  struct FrameContext;

  Event violation(uint16_t code);
  // Checks the header of the frame that begins; 0 if it may go on, else the close code.
  uint16_t check_frame(uint8_t opcode, uint8_t rsv, bool masked, bool final, uint64_t length);
  Event finish_frame(uint8_t opcode, bool final);
  Event finish_message();
  void release_if_idle();

  const size_t max_message_;
  const bool deflate_;
  std::unique_ptr<FrameContext> frames_;  // null between messages
  std::string message_;                   // fragments so far, as they came
  std::string control_;
  uint64_t frame_left_ = 0;  // payload bytes of the current frame still to come
  uint8_t message_opcode_ = 0;
  bool in_frame_ = false, in_message_ = false, compressed_ = false, failed_ = false;
};

}  // namespace hull
