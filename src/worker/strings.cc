#include "worker/strings.h"

#include <cstring>

namespace hull::worker {

using v8::Context;
using v8::Isolate;
using v8::Local;
using v8::Object;
using v8::String;
using v8::Value;

Local<String> ToV8(Isolate* isolate, std::string_view text) {
  Local<String> out;
  if (text.size() > static_cast<size_t>(String::kMaxLength) ||
      !String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kNormal, static_cast<int>(text.size()))
           .ToLocal(&out)) {
    return String::Empty(isolate);
  }
  return out;
}

std::string ToUtf8(Isolate* isolate, Local<String> text) {
  std::string out;
  out.resize(text->Utf8LengthV2(isolate));
  const size_t written =
      text->WriteUtf8V2(isolate, out.data(), out.size(), String::WriteFlags::kReplaceInvalidUtf8);
  out.resize(written);
  return out;
}

Local<Value> Property(Local<Context> context, Local<Object> object, std::string_view name) {
  Isolate* isolate = v8::Isolate::GetCurrent();
  v8::TryCatch ignored(isolate);
  Local<Value> value;
  if (!object->Get(context, ToV8(isolate, name)).ToLocal(&value)) return v8::Undefined(isolate);
  return value;
}

std::string TextProperty(Local<Context> context, Local<Object> object, std::string_view name) {
  const Local<Value> value = Property(context, object, name);
  if (!value->IsString()) return "";
  return ToUtf8(v8::Isolate::GetCurrent(), value.As<String>());
}

v8::MaybeLocal<v8::Uint8Array> ToBytes(Isolate* isolate, std::string_view bytes) {
  Local<v8::ArrayBuffer> buffer;
  if (!v8::ArrayBuffer::MaybeNew(isolate, bytes.size(), v8::BackingStoreInitializationMode::kUninitialized)
           .ToLocal(&buffer)) {
    return {};
  }
  if (!bytes.empty()) memcpy(buffer->Data(), bytes.data(), bytes.size());
  return v8::Uint8Array::New(buffer, 0, bytes.size());
}

std::string_view BytesOf(Local<v8::ArrayBufferView> view) {
  const size_t size = view->ByteLength();
  if (size == 0) return {};
  const auto* data = static_cast<const char*>(view->Buffer()->Data());
  return {data + view->ByteOffset(), size};
}

void ThrowError(Isolate* isolate, std::string_view message) {
  isolate->ThrowException(v8::Exception::Error(ToV8(isolate, message)));
}

void ThrowTypeError(Isolate* isolate, std::string_view message) {
  isolate->ThrowException(v8::Exception::TypeError(ToV8(isolate, message)));
}

void ThrowDeveloperError(Isolate* isolate, std::string_view message) {
  const Local<Context> context = isolate->GetCurrentContext();
  const Local<Object> error = Object::New(isolate);
  error->CreateDataProperty(context, ToV8(isolate, "developerError"), ToV8(isolate, message)).Check();
  isolate->ThrowException(error);
}

void LeaveTerminated(Isolate* isolate) {
  isolate->TerminateExecution();
  // Running anything raises the uncatchable termination right here instead of at the next loop or call.
  Local<v8::Script> script;
  if (v8::Script::Compile(isolate->GetCurrentContext(), ToV8(isolate, "0")).ToLocal(&script)) {
    v8::Local<Value> ignored;
    if (script->Run(isolate->GetCurrentContext()).ToLocal(&ignored)) return;
  }
}

}  // namespace hull::worker
