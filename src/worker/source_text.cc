#include "worker/source_text.h"

#include <utility>

#include "worker/strings.h"

namespace hull::worker {

using v8::Isolate;
using v8::Local;
using v8::String;

namespace {

// V8 owns the resource, the resource a share of the text.
class OneByteResource final : public String::ExternalOneByteStringResource {
 public:
  explicit OneByteResource(std::shared_ptr<const std::string> text) : text_(std::move(text)) {}
  const char* data() const override { return text_->data(); }
  size_t length() const override { return text_->size(); }

 private:
  const std::shared_ptr<const std::string> text_;
};

class TwoByteResource final : public String::ExternalStringResource {
 public:
  explicit TwoByteResource(std::shared_ptr<const std::u16string> text) : text_(std::move(text)) {}
  const uint16_t* data() const override { return reinterpret_cast<const uint16_t*>(text_->data()); }
  size_t length() const override { return text_->size(); }

 private:
  const std::shared_ptr<const std::u16string> text_;
};

bool IsAscii(const std::string& text) {
  unsigned char all = 0;
  for (const char c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

}  // namespace

SourceText::SourceText(Isolate* isolate, std::string utf8) {
  if (IsAscii(utf8)) {
    one_byte_ = std::make_shared<const std::string>(std::move(utf8));
    return;
  }
  const v8::HandleScope handles(isolate);
  const Local<String> text = hull::worker::ToV8(isolate, utf8);
  const auto length = static_cast<uint32_t>(text->Length());
  if (text->ContainsOnlyOneByte()) {
    std::string latin1(length, '\0');
    text->WriteOneByteV2(isolate, 0, length, reinterpret_cast<uint8_t*>(latin1.data()));
    one_byte_ = std::make_shared<const std::string>(std::move(latin1));
  } else {
    std::u16string utf16(length, u'\0');
    text->WriteV2(isolate, 0, length, reinterpret_cast<uint16_t*>(utf16.data()));
    two_bytes_ = std::make_shared<const std::u16string>(std::move(utf16));
  }
}

Local<String> SourceText::ToV8(Isolate* isolate) const {
  Local<String> text;
  bool made = false;
  if (two_bytes_) {
    made = String::NewExternalTwoByte(isolate, new TwoByteResource(two_bytes_)).ToLocal(&text);
  } else if (one_byte_ && !one_byte_->empty()) {
    made = String::NewExternalOneByte(isolate, new OneByteResource(one_byte_)).ToLocal(&text);
  }
  return made ? text : String::Empty(isolate);
}

size_t SourceText::bytes() const {
  return (one_byte_ ? one_byte_->size() : 0) + (two_bytes_ ? two_bytes_->size() * 2 : 0);
}

}  // namespace hull::worker
