// Text of a script or module as V8 reads it: outside the heap, one copy however many contexts compile it.
#pragma once

#include <v8.h>

#include <memory>
#include <string>

namespace hull::worker {

class SourceText {
 public:
  SourceText() = default;
  // `utf8` is kept as it is if it is ASCII, else converted to one or two bytes per character. Invalid parts
  // become U+FFFD.
  SourceText(v8::Isolate* isolate, std::string utf8);

  // A string over the shared text, which lives as long as the string. Isolate thread only.
  v8::Local<v8::String> ToV8(v8::Isolate* isolate) const;
  size_t bytes() const;

 private:
  std::shared_ptr<const std::string> one_byte_;
  std::shared_ptr<const std::u16string> two_bytes_;
};

}  // namespace hull::worker
