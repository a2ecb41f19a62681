#include "worker/structured_clone.h"

#include <stdlib.h>

#include <memory>

#include "worker/strings.h"

namespace hull::worker {

using v8::Local;
using v8::Value;

namespace {

constexpr size_t kMaxBytes = 64 << 20;

class CloneDelegate : public v8::ValueSerializer::Delegate {
 public:
  explicit CloneDelegate(v8::Isolate* isolate) : isolate_(isolate) {}

  void ThrowDataCloneError(Local<v8::String> message) override {
    const auto context = isolate_->GetCurrentContext();
    const auto error = v8::Exception::Error(message).As<v8::Object>();
    error->CreateDataProperty(context, ToV8(isolate_, "name"), ToV8(isolate_, "DataCloneError")).Check();
    isolate_->ThrowException(error);
  }

  void* ReallocateBufferMemory(void* old, size_t size, size_t* actual) override {
    *actual = size;
    return size > kMaxBytes ? nullptr : realloc(old, size);
  }

  void FreeBufferMemory(void* buffer) override { free(buffer); }

 private:
  v8::Isolate* const isolate_;
};

}  // namespace

v8::MaybeLocal<Value> StructuredClone(v8::Isolate* isolate, Local<Value> value) {
  const auto context = isolate->GetCurrentContext();
  CloneDelegate delegate(isolate);
  v8::ValueSerializer writer(isolate, &delegate);
  writer.WriteHeader();
  if (!writer.WriteValue(context, value).FromMaybe(false)) return {};
  const auto [data, size] = writer.Release();
  const std::unique_ptr<uint8_t, decltype(&free)> owned(data, free);
  v8::ValueDeserializer reader(isolate, data, size);
  if (!reader.ReadHeader(context).FromMaybe(false)) return {};
  return reader.ReadValue(context);
}

}  // namespace hull::worker
