// Small conversions between V8 and C++.
#pragma once

#include <v8.h>

#include <string>
#include <string_view>

namespace hull::worker {

// Text beyond V8's maximal string length becomes empty.
v8::Local<v8::String> ToV8(v8::Isolate* isolate, std::string_view text);
// Lone surrogates become U+FFFD.
std::string ToUtf8(v8::Isolate* isolate, v8::Local<v8::String> text);
// Property `name` of `object` as text if it is a string, else "". Runs getters; swallows what they throw.
std::string TextProperty(v8::Local<v8::Context> context, v8::Local<v8::Object> object, std::string_view name);
v8::Local<v8::Value> Property(v8::Local<v8::Context> context, v8::Local<v8::Object> object,
                              std::string_view name);
// Empty when array buffer memory is used up (no exception is pending).
v8::MaybeLocal<v8::Uint8Array> ToBytes(v8::Isolate* isolate, std::string_view bytes);
// The bytes of a typed array or DataView; they stay valid while no JavaScript runs.
std::string_view BytesOf(v8::Local<v8::ArrayBufferView> view);

void ThrowError(v8::Isolate* isolate, std::string_view message);
void ThrowTypeError(v8::Isolate* isolate, std::string_view message);
// Throws the object that marks a host-made failure: {developerError: message}.
void ThrowDeveloperError(v8::Isolate* isolate, std::string_view message);
// After TerminateExecution or a recorded stop: makes sure that no further JavaScript runs, not even a catch
// block.
void LeaveTerminated(v8::Isolate* isolate);

}  // namespace hull::worker
