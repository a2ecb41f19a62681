#include "server/websocket_outbox.h"

#include <algorithm>

#include "base/deflate.h"

namespace hull {
namespace {

constexpr size_t kCopyBelow = 512;  // a shorter own text is copied rather than given a buffer of its own

}  // namespace

void WebsocketOutbox::push(OutgoingMessage message, SendKind kind) {
  if (kind == SendKind::kOther) queued_bytes_ += message.size();
  Message& added = messages_.emplace_back();
  added.compressed = deflate_ && message.size() >= kDeflateFrom;
  added.text = std::move(message);
  added.kind = kind;
  if (next_ == messages_.end()) --next_;
}

void WebsocketOutbox::push_control(Opcode opcode, std::string_view payload) {
  Frame frame;
  frame.made = payload;
  if (!payload.empty()) frame.parts.push_back({nullptr, 0, payload.size()});
  finish_frame(std::move(frame), opcode, true, false);
}

void WebsocketOutbox::push_close(std::string_view payload) {
  Message& added = messages_.emplace_back();
  added.text = std::string(payload);
  added.close = true;
  if (next_ == messages_.end()) --next_;
}

void WebsocketOutbox::abandon() {
  if (next_ == messages_.end()) return;
  // Frames that are already made refer to the texts of the message they belong to.
  messages_.erase(std::next(next_), messages_.end());
  next_ = messages_.end();
}

void WebsocketOutbox::gather(std::vector<iovec>& out, size_t max) {
  out.clear();
  size_t taken = 0;
  while (next_ != messages_.end() && made_bytes_ < kFrameBytes && taken < kFrameBytes) taken += make_frame();
  size_t skip = first_frame_written_;
  auto add = [&](const char* data, size_t size) {
    if (skip >= size) {
      skip -= size;
    } else if (out.size() < max) {
      out.push_back({const_cast<char*>(data) + skip, size - skip});
      skip = 0;
    }
  };
  for (const Frame& frame : frames_) {
    if (out.size() >= max) break;
    add(frame.header.data(), frame.header_size);
    for (const Part& part : frame.parts)
      add(part.data ? part.data : frame.made.data() + part.offset, part.size);
  }
}

size_t WebsocketOutbox::written(size_t bytes) {
  size_t transitions = 0;
  first_frame_written_ += bytes;
  made_bytes_ -= bytes;
  while (!frames_.empty() && first_frame_written_ >= frames_.front().size) {
    first_frame_written_ -= frames_.front().size;
    if (frames_.front().ends_message) {
      const Message& done = messages_.front();
      if (done.kind == SendKind::kOther && !done.close) queued_bytes_ -= done.text.size();
      if (done.kind == SendKind::kTransitionEnd) ++transitions;
      messages_.pop_front();
    }
    frames_.pop_front();
  }
  return transitions;
}

size_t WebsocketOutbox::make_frame() {
  Message& message = *next_;
  Frame frame;
  frame.ends_message = true;
  if (message.close) {
    ++next_;
    frame.made = message.text.own();
    if (!frame.made.empty()) frame.parts.push_back({nullptr, 0, frame.made.size()});
    finish_frame(std::move(frame), Opcode::kClose, true, false);
    return 0;
  }
  const bool first = message.piece == 0 && message.offset == 0;
  const size_t taken = append_text(message, kFrameBytes, frame);
  const bool final = message.piece == message.text.pieces();
  frame.ends_message = final;
  if (final) ++next_;
  finish_frame(std::move(frame), first ? Opcode::kText : Opcode::kContinuation, final,
               first && message.compressed);
  return taken;
}

size_t WebsocketOutbox::append_text(Message& message, size_t room, Frame& frame) {
  auto add_made = [&frame](size_t from) {
    const size_t size = frame.made.size() - from;
    if (!frame.parts.empty() && frame.parts.back().data == nullptr) {
      frame.parts.back().size += size;
    } else {
      frame.parts.push_back({nullptr, from, size});
    }
  };
  size_t taken = 0;
  bool ends_stored = false;
  while (message.piece < message.text.pieces() && taken < room) {
    const OutgoingMessage::Piece piece = message.text.piece(message.piece);
    std::string_view rest = piece.text.substr(message.offset);
    const size_t from = frame.made.size();
    if (message.compressed && piece.shared) {
      const size_t segment = message.offset / SharedText::kSegmentBytes;
      rest = piece.shared->segment(segment);
      const std::string_view run = piece.shared->deflated_segment(segment);
      frame.parts.push_back({run.data(), 0, run.size()});
      ends_stored = false;
    } else if (!rest.empty()) {
      rest = rest.substr(0, room - taken);
      ends_stored = rest.size() < kDeflateFrom;
      if (message.compressed && ends_stored) {
        append_stored_run(frame.made, rest);
        add_made(from);
      } else if (message.compressed) {
        frame.made += deflate_run(rest);
        add_made(from);
      } else if (rest.size() < kCopyBelow) {
        frame.made += rest;
        add_made(from);
      } else {
        frame.parts.push_back({rest.data(), 0, rest.size()});
      }
    }
    taken += rest.size();
    message.offset += rest.size();
    if (message.offset == piece.text.size()) {
      ++message.piece;
      message.offset = 0;
    }
  }
  while (message.piece < message.text.pieces() && message.text.piece(message.piece).text.empty())
    ++message.piece;
  const bool final = message.piece == message.text.pieces();
  if (final && message.compressed && ends_stored) {
    // An empty stored block, whose length fields the receiver puts back.
    const size_t from = frame.made.size();
    frame.made += '\0';
    add_made(from);
  } else if (final && message.compressed) {
    frame.parts.back().size -= kDeflateTail.size();
  }
  return taken;
}

void WebsocketOutbox::finish_frame(Frame frame, Opcode opcode, bool final, bool rsv1) {
  size_t length = 0;
  for (const Part& part : frame.parts) length += part.size;
  char* at = frame.header.data();
  *at++ = static_cast<char>((final ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | static_cast<uint8_t>(opcode));
  int length_bytes = 0;
  if (length < 126) {
    *at++ = static_cast<char>(length);
  } else {
    length_bytes = length < 65536 ? 2 : 8;
    *at++ = length_bytes == 2 ? 126 : 127;
  }
  for (int shift = 8 * (length_bytes - 1); shift >= 0; shift -= 8) *at++ = static_cast<char>(length >> shift);
  frame.header_size = static_cast<uint8_t>(at - frame.header.data());
  frame.size = length + frame.header_size;
  made_bytes_ += frame.size;
  frames_.push_back(std::move(frame));
}

}  // namespace hull
