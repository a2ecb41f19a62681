#include "server/websocket_reader.h"

#include <simdjson.h>
#include <wslay/wslay.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "base/deflate.h"

namespace hull {
namespace {

constexpr uint16_t kProtocolError = 1002, kNoStatus = 1005, kInvalidPayload = 1007, kMessageTooBig = 1009;

bool valid_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

// Codes that may be on the wire (RFC 6455 §7.4, and 1012-1014 of the registry).
bool valid_close_code(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace

// wslay's decoder (4 KiB) and the input it is being fed.
struct WebsocketReader::FrameContext {
  FrameContext() {
    const wslay_frame_callbacks callbacks{nullptr, &FrameContext::receive, nullptr};
    if (wslay_frame_context_init(&context, &callbacks, this) != 0) throw std::bad_alloc();
  }
  ~FrameContext() { wslay_frame_context_free(context); }
  FrameContext(const FrameContext&) = delete;
  FrameContext& operator=(const FrameContext&) = delete;

  static ssize_t receive(uint8_t* buffer, size_t size, int, void* self_pointer) {
    auto* self = static_cast<FrameContext*>(self_pointer);
    const size_t taken = std::min(size, self->input.size());
    if (taken == 0) return -1;
    std::memcpy(buffer, self->input.data(), taken);
    self->input.remove_prefix(taken);
    self->unused += taken;
    return static_cast<ssize_t>(taken);
  }

  wslay_frame_context_ptr context = nullptr;
  std::string_view input;
  uint64_t unused = 0;  // bytes in wslay's buffer that belong to frames not yet begun
};

WebsocketReader::WebsocketReader(bool deflate, size_t max_message)
    : max_message_(max_message), deflate_(deflate) {}
WebsocketReader::~WebsocketReader() = default;

WebsocketReader::Event WebsocketReader::next(std::string_view& input) {
  if (failed_) return {};
  if (!frames_ && input.empty()) return {};
  if (!frames_) frames_ = std::make_unique<FrameContext>();
  frames_->input = input;
  for (;;) {
    wslay_frame_iocb frame{};
    const ssize_t got = wslay_frame_recv(frames_->context, &frame);
    input = frames_->input;
    if (got == WSLAY_ERR_WANT_READ) {
      release_if_idle();
      return {};
    }
    if (got < 0) return violation(kProtocolError);
    if (!in_frame_) {
      const size_t length_bytes = frame.payload_length < 126 ? 0 : frame.payload_length < 65536 ? 2 : 8;
      frames_->unused -= std::min<uint64_t>(frames_->unused, 2 + length_bytes + 4);
      if (uint16_t code =
              check_frame(frame.opcode, frame.rsv, frame.mask != 0, frame.fin != 0, frame.payload_length)) {
        return violation(code);
      }
      in_frame_ = true;
      frame_left_ = frame.payload_length;
    }
    frames_->unused -= std::min<uint64_t>(frames_->unused, frame.data_length);
    frame_left_ -= frame.data_length;
    const bool control = wslay_is_ctrl_frame(frame.opcode);
    (control ? control_ : message_).append(reinterpret_cast<const char*>(frame.data), frame.data_length);
    if (frame_left_ > 0) continue;
    in_frame_ = false;
    Event event = finish_frame(frame.opcode, frame.fin != 0);
    if (event.kind != Kind::kNothing) return event;
  }
}

uint16_t WebsocketReader::check_frame(uint8_t opcode, uint8_t rsv, bool masked, bool final, uint64_t length) {
  if (!masked) return kProtocolError;
  if (wslay_is_ctrl_frame(opcode)) {
    if (rsv != WSLAY_RSV_NONE || opcode > WSLAY_PONG || !final || length > 125) return kProtocolError;
    return 0;
  }
  if (opcode > WSLAY_BINARY_FRAME) return kProtocolError;
  const bool first = opcode != WSLAY_CONTINUATION_FRAME;
  if (first == in_message_) return kProtocolError;
  const uint8_t allowed = first && deflate_ ? WSLAY_RSV1_BIT : WSLAY_RSV_NONE;
  if ((rsv & ~allowed) != 0) return kProtocolError;
  if (length > max_message_ - message_.size()) return kMessageTooBig;
  if (first) {
    in_message_ = true;
    message_opcode_ = opcode;
    compressed_ = rsv != 0;
  }
  return 0;
}

WebsocketReader::Event WebsocketReader::finish_frame(uint8_t opcode, bool final) {
  if (!wslay_is_ctrl_frame(opcode)) return final ? finish_message() : Event{};
  Event event;
  event.payload = std::move(control_);
  control_.clear();
  if (opcode == WSLAY_PING) {
    event.kind = Kind::kPing;
  } else if (opcode == WSLAY_PONG) {
    event.kind = Kind::kPong;
  } else {
    event.kind = Kind::kClose;
    event.code = kNoStatus;
    if (event.payload.empty()) return event;
    if (event.payload.size() == 1) return violation(kProtocolError);
    const auto high = static_cast<uint8_t>(event.payload[0]), low = static_cast<uint8_t>(event.payload[1]);
    event.code = static_cast<uint16_t>(high << 8 | low);
    if (!valid_close_code(event.code)) return violation(kProtocolError);
    event.payload.erase(0, 2);
    if (!valid_utf8(event.payload)) return violation(kInvalidPayload);
  }
  return event;
}

WebsocketReader::Event WebsocketReader::finish_message() {
  Event event;
  event.kind = message_opcode_ == WSLAY_TEXT_FRAME ? Kind::kText : Kind::kBinary;
  std::string message = std::move(message_);
  message_ = {};
  in_message_ = false;
  if (compressed_) {
    switch (inflate_message(message, max_message_, event.payload)) {
      case InflateStatus::kOk:
        break;
      case InflateStatus::kDamaged:
        return violation(kInvalidPayload);
      case InflateStatus::kTooLarge:
        return violation(kMessageTooBig);
    }
  } else {
    event.payload = std::move(message);
  }
  if (event.kind == Kind::kText && !valid_utf8(event.payload)) return violation(kInvalidPayload);
  return event;
}

WebsocketReader::Event WebsocketReader::violation(uint16_t code) {
  failed_ = true;
  frames_.reset();
  message_ = {};
  control_ = {};
  Event event;
  event.kind = Kind::kViolation;
  event.code = code;
  return event;
}

void WebsocketReader::release_if_idle() {
  if (!in_frame_ && !in_message_ && frames_->unused == 0) frames_.reset();
}

}  // namespace hull
