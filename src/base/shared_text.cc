#include "base/shared_text.h"

#include "base/deflate.h"

namespace hull {

SharedText::SharedText(std::string text)
    : text_(std::move(text)), deflated_(std::make_unique<Deflated[]>(segments())) {}

std::string_view SharedText::segment(size_t i) const {
  return std::string_view(text_).substr(i * kSegmentBytes, kSegmentBytes);
}

std::string_view SharedText::deflated_segment(size_t i) const {
  Deflated& deflated = deflated_[i];
  std::call_once(deflated.once, [&] { deflated.run = deflate_run(segment(i)); });
  return deflated.run;
}

}  // namespace hull
