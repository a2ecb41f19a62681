#include "server/outgoing_message.h"

namespace hull {

void OutgoingMessage::append_shared(SharedTextPtr text) {
  if (text->text().size() < kShareFrom) {
    own_ += text->text();
    return;
  }
  shared_bytes_ += text->text().size();
  shared_.push_back({own_.size(), std::move(text)});
}

std::string OutgoingMessage::flat() const {
  std::string out;
  out.reserve(size());
  for (size_t i = 0; i < pieces(); ++i) out += piece(i).text;
  return out;
}

OutgoingMessage::Piece OutgoingMessage::piece(size_t i) const {
  if (i % 2 == 1) {
    const SharedText* shared = shared_[i / 2].text.get();
    return {shared->text(), shared};
  }
  const size_t begin = i == 0 ? 0 : shared_[i / 2 - 1].at;
  const size_t end = i / 2 == shared_.size() ? own_.size() : shared_[i / 2].at;
  return {std::string_view(own_).substr(begin, end - begin)};
}

}  // namespace hull
