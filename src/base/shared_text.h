// A text that goes to many receivers, and its compressed form, made once for all of them when the first one
// needs it.
//
// The text is compressed in segments, each a run of its own (base/deflate.h), so that nobody holds a thread
// for longer than one segment takes (about 2 ms) and a slow receiver of a large text costs only what it has
// taken. Immutable for its users and thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace hull {

class SharedText {
 public:
  static constexpr size_t kSegmentBytes = 128 * 1024;

  explicit SharedText(std::string text);

  const std::string& text() const { return text_; }
  size_t segments() const { return (text_.size() + kSegmentBytes - 1) / kSegmentBytes; }
  std::string_view segment(size_t i) const;
  // deflate_run(segment(i)); lives as long as this object.
  std::string_view deflated_segment(size_t i) const;

 private:
  struct Deflated {
    std::once_flag once;
    std::string run;
  };
  const std::string text_;
  const std::unique_ptr<Deflated[]> deflated_;
};
using SharedTextPtr = std::shared_ptr<const SharedText>;

}  // namespace hull
