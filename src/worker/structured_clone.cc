#include "worker/structured_clone.h"

#include <stdlib.h>

#include <memory>
#include <vector>

#include "worker/strings.h"

namespace hull::worker {

using v8::Isolate;
using v8::Just;
using v8::Local;
using v8::Maybe;
using v8::MaybeLocal;
using v8::Nothing;
using v8::Object;
using v8::Value;

namespace {

constexpr size_t kMaxBytes = 64 << 20;

// What does not travel as bytes, by number.
class Attachments {
 public:
  explicit Attachments(Isolate* isolate) : isolate_(isolate), list_(v8::Array::New(isolate)) {}

  Maybe<uint32_t> Add(Local<Value> value) {
    const uint32_t id = list_->Length();
    if (!list_->CreateDataProperty(isolate_->GetCurrentContext(), id, value).FromMaybe(false)) {
      return Nothing<uint32_t>();
    }
    return Just(id);
  }
  MaybeLocal<Value> Get(uint32_t id) { return list_->Get(isolate_->GetCurrentContext(), id); }

 private:
  Isolate* const isolate_;
  const Local<v8::Array> list_;
};

class Writer : public v8::ValueSerializer::Delegate {
 public:
  Writer(Isolate* isolate, const CloneRequest& request, Attachments& attachments)
      : isolate_(isolate), request_(request), attachments_(attachments), serializer(isolate, this) {
    const auto context = isolate->GetCurrentContext();
    for (uint32_t i = 0; i < request.platform->Length(); ++i) {
      Local<Value> prototype;
      if (request.platform->Get(context, i).ToLocal(&prototype)) prototypes_.push_back(prototype);
    }
  }

  void ThrowDataCloneError(Local<v8::String> message) override {
    Local<Value> args[] = {message};
    Local<Value> error;
    if (request_.failed->Call(isolate_->GetCurrentContext(), v8::Undefined(isolate_), 1, args)
            .ToLocal(&error)) {
      isolate_->ThrowException(error);
    }
  }

  bool HasCustomHostObject(Isolate*) override { return true; }

  Maybe<bool> IsHostObject(Isolate*, Local<Object> object) override {
    const v8::HandleScope handles(isolate_);
    for (Local<Value> at = object->GetPrototypeV2(); at->IsObject() && !at->IsProxy();
         at = at.As<Object>()->GetPrototypeV2()) {
      for (const Local<Value>& prototype : prototypes_) {
        if (prototype->StrictEquals(at)) return Just(true);
      }
    }
    return Just(false);
  }

  Maybe<bool> WriteHostObject(Isolate*, Local<Object> object) override {
    Local<Value> args[] = {object};
    Local<Value> clone;
    if (!request_.clone->Call(isolate_->GetCurrentContext(), v8::Undefined(isolate_), 1, args)
             .ToLocal(&clone)) {
      return Nothing<bool>();
    }
    uint32_t id = 0;
    if (!attachments_.Add(clone).To(&id)) return Nothing<bool>();
    serializer.WriteUint32(id);
    return Just(true);
  }

  Maybe<uint32_t> GetSharedArrayBufferId(Isolate*, Local<v8::SharedArrayBuffer> buffer) override {
    return attachments_.Add(buffer);
  }

  Maybe<uint32_t> GetWasmModuleTransferId(Isolate*, Local<v8::WasmModuleObject> module) override {
    return attachments_.Add(module);
  }

  void* ReallocateBufferMemory(void* old, size_t size, size_t* actual) override {
    *actual = size;
    return size > kMaxBytes ? nullptr : realloc(old, size);
  }

  void FreeBufferMemory(void* buffer) override { free(buffer); }

 private:
  Isolate* const isolate_;
  const CloneRequest& request_;
  Attachments& attachments_;
  std::vector<Local<Value>> prototypes_;

 public:
  v8::ValueSerializer serializer;
};

class Reader : public v8::ValueDeserializer::Delegate {
 public:
  Reader(Isolate* isolate, Attachments& attachments, const uint8_t* data, size_t size)
      : attachments_(attachments), deserializer(isolate, data, size, this) {}

  MaybeLocal<Object> ReadHostObject(Isolate*) override {
    uint32_t id = 0;
    Local<Value> clone;
    if (!deserializer.ReadUint32(&id) || !attachments_.Get(id).ToLocal(&clone) || !clone->IsObject())
      return {};
    return clone.As<Object>();
  }

  MaybeLocal<v8::SharedArrayBuffer> GetSharedArrayBufferFromId(Isolate* isolate, uint32_t id) override {
    Local<Value> buffer;
    if (!attachments_.Get(id).ToLocal(&buffer) || !buffer->IsSharedArrayBuffer()) return {};
    return v8::SharedArrayBuffer::New(isolate, buffer.As<v8::SharedArrayBuffer>()->GetBackingStore());
  }

  MaybeLocal<v8::WasmModuleObject> GetWasmModuleFromId(Isolate* isolate, uint32_t id) override {
    Local<Value> module;
    if (!attachments_.Get(id).ToLocal(&module) || !module->IsWasmModuleObject()) return {};
    return v8::WasmModuleObject::FromCompiledModule(isolate,
                                                    module.As<v8::WasmModuleObject>()->GetCompiledModule());
  }

 private:
  Attachments& attachments_;

 public:
  v8::ValueDeserializer deserializer;
};

}  // namespace

MaybeLocal<Value> StructuredClone(Isolate* isolate, const CloneRequest& request) {
  const auto context = isolate->GetCurrentContext();
  Attachments attachments(isolate);
  Writer writer(isolate, request, attachments);
  const auto refuse = [&](const char* why) { writer.ThrowDataCloneError(ToV8(isolate, why)); };

  std::vector<Local<v8::ArrayBuffer>> moved;
  for (uint32_t i = 0; i < request.transfer->Length(); ++i) {
    Local<Value> item;
    if (!request.transfer->Get(context, i).ToLocal(&item)) return {};
    if (!item->IsArrayBuffer()) return refuse("Value not transferable."), MaybeLocal<Value>();
    const auto buffer = item.As<v8::ArrayBuffer>();
    for (const auto& other : moved) {
      if (other == buffer)
        return refuse("ArrayBuffer occurs twice in the transfer list."), MaybeLocal<Value>();
    }
    if (buffer->WasDetached() || !buffer->IsDetachable()) {
      return refuse("An ArrayBuffer is detached and could not be cloned."), MaybeLocal<Value>();
    }
    writer.serializer.TransferArrayBuffer(i, buffer);
    moved.push_back(buffer);
  }

  writer.serializer.WriteHeader();
  if (!writer.serializer.WriteValue(context, request.value).FromMaybe(false)) return {};
  const auto [data, size] = writer.serializer.Release();
  const std::unique_ptr<uint8_t, decltype(&free)> owned(data, free);

  Reader reader(isolate, attachments, data, size);
  for (uint32_t i = 0; i < moved.size(); ++i) {
    // A getter of the value may have taken it away.
    if (moved[i]->WasDetached()) {
      return refuse("An ArrayBuffer is detached and could not be cloned."), MaybeLocal<Value>();
    }
    auto memory = moved[i]->GetBackingStore();
    if (moved[i]->Detach(Local<Value>()).IsNothing()) return {};
    reader.deserializer.TransferArrayBuffer(i, v8::ArrayBuffer::New(isolate, std::move(memory)));
  }
  if (!reader.deserializer.ReadHeader(context).FromMaybe(false)) return {};
  return reader.deserializer.ReadValue(context);
}

}  // namespace hull::worker
