// One message to a client, as pieces: text of its own, and texts shared with other receivers that are neither
// copied nor compressed again (sync-protocol.md §13). Not thread-safe; the shared texts are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/shared_text.h"

namespace hull {

class OutgoingMessage {
 public:
  // Shorter texts are cheaper copied.
  static constexpr size_t kShareFrom = 1024;

  OutgoingMessage() = default;
  OutgoingMessage(std::string text) : own_(std::move(text)) {}  // NOLINT(google-explicit-constructor)
  OutgoingMessage(const char* text) : own_(text) {}             // NOLINT(google-explicit-constructor)

  // The text after the last shared piece, to append to. Only the end may be changed.
  std::string& own() { return own_; }
  void append_shared(SharedTextPtr text);

  bool empty() const { return own_.empty() && shared_.empty(); }
  size_t size() const { return own_.size() + shared_bytes_; }
  // The whole text, copied.
  std::string flat() const;

  // Pieces in order; own ones may be empty. `shared` is null for an own piece.
  struct Piece {
    std::string_view text;
    const SharedText* shared = nullptr;
  };
  size_t pieces() const { return 2 * shared_.size() + 1; }
  Piece piece(size_t i) const;

 private:
  struct Shared {
    size_t at = 0;  // where in own_
    SharedTextPtr text;
  };
  std::string own_;
  std::vector<Shared> shared_;
  size_t shared_bytes_ = 0;
};

}  // namespace hull
