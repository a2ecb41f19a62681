// structuredClone: a round trip through V8's own serialization format, with what that leaves to the host:
// objects of the runtime's classes, shared memory, WebAssembly modules and the transfer of buffers.
#pragma once

#include <v8.h>

namespace hull::worker {

struct CloneRequest {
  v8::Local<v8::Value> value;
  v8::Local<v8::Array> transfer;   // buffers to move instead of copying
  v8::Local<v8::Array> platform;   // prototypes of the runtime's classes
  v8::Local<v8::Function> clone;   // clones an object of one of those classes, or throws
  v8::Local<v8::Function> failed;  // makes the DataCloneError of a message
};

// Empty with a pending exception if the value cannot be cloned. Runs user code (getters).
v8::MaybeLocal<v8::Value> StructuredClone(v8::Isolate* isolate, const CloneRequest& request);

}  // namespace hull::worker
