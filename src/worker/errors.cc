#include "worker/errors.h"

#include <stdio.h>

#include "worker/host.h"
#include "worker/realm.h"
#include "worker/strings.h"

namespace hull::worker {

using v8::Context;
using v8::Local;
using v8::Object;
using v8::Value;

namespace {

constexpr size_t kMaxMessage = 64 << 10;

void Truncate(std::string* text) {
  if (text->size() <= kMaxMessage) return;
  size_t end = kMaxMessage;
  while (end > 0 && (static_cast<unsigned char>((*text)[end]) & 0xc0) == 0x80) --end;
  text->resize(end);
}

// What V8 itself prints, which runs no JavaScript: for thrown values that are no errors, exceptions from
// before the runtime took over, and those that it cannot describe.
wire::JsError DescribePlainly(Local<Value> exception) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  wire::JsError error;
  error.set_kind(wire::JsError::EXCEPTION);
  std::string message = ToUtf8(isolate, v8::Exception::CreateMessage(isolate, exception)->Get());
  Truncate(&message);
  error.set_message(message);
  return error;
}

}  // namespace

wire::JsError DescribeException(Realm& realm, Local<Value> exception, std::string* code) {
  const Turn turn(realm);
  v8::Isolate* isolate = realm.host().v8();
  const Local<Context> context = realm.context();
  wire::JsError error;
  if (exception->IsObject()) {
    const auto object = exception.As<Object>();
    std::string text = TextProperty(context, object, "developerError");
    if (!text.empty()) {
      error.set_kind(wire::JsError::DEVELOPER);
      error.set_message(std::move(text));
      return error;
    }
    if (object->HasOwnProperty(context, ToV8(isolate, "code")).FromMaybe(false)) {
      *code = TextProperty(context, object, "code");
    }
  }
  v8::TryCatch caught(isolate);
  Local<Value> described;
  if (!realm.CallHook("describeError", {exception}).ToLocal(&described) || !described->IsObject()) {
    return DescribePlainly(exception);
  }
  const auto record = described.As<Object>();
  std::string message = TextProperty(context, record, "message");
  error.set_kind(message.starts_with("Uncaught") ? wire::JsError::EXCEPTION : wire::JsError::DEVELOPER);
  if (const Local<Value> value = Property(context, record, "code"); value->IsString()) {
    *code = ToUtf8(isolate, value.As<v8::String>());
  }
  Truncate(&message);
  error.set_message(std::move(message));
  const Local<Value> frames = Property(context, record, "frames");
  if (frames->IsArray()) {
    const auto list = frames.As<v8::Array>();
    for (uint32_t i = 0; i < list->Length(); ++i) {
      Local<Value> frame;
      if (list->Get(context, i).ToLocal(&frame) && frame->IsString()) {
        error.add_frames(ToUtf8(isolate, frame.As<v8::String>()));
      }
    }
  }
  const Local<Value> data = Property(context, record, "dataJson");
  if (data->IsString()) error.set_data_json(ToUtf8(isolate, data.As<v8::String>()));
  return error;
}

wire::JsError StopError(Stop why, uint64_t timeout_ms, uint64_t heap_bytes) {
  wire::JsError error;
  char text[160];
  switch (why) {
    case Stop::kTimeout:
      error.set_kind(wire::JsError::TIMEOUT);
      snprintf(text, sizeof text, "Function execution timed out (maximum duration: %gs)",
               static_cast<double>(timeout_ms) / 1000);
      error.set_message(text);
      break;
    case Stop::kOutOfMemory:
      error.set_kind(wire::JsError::OUT_OF_MEMORY);
      snprintf(text, sizeof text, "JavaScript execution ran out of memory (maximum memory usage: %llu MB)",
               static_cast<unsigned long long>(heap_bytes >> 20));
      error.set_message(text);
      break;
    case Stop::kTerminated:
    case Stop::kNone:
      error.set_kind(wire::JsError::TERMINATED);
      error.set_message("The function was cancelled");
      break;
  }
  return error;
}

}  // namespace hull::worker
