// structuredClone without transfer: a round trip through V8's own serialization format.
#pragma once

#include <v8.h>

namespace hull::worker {

// Empty with a pending exception (an Error named DataCloneError) if the value cannot be cloned.
v8::MaybeLocal<v8::Value> StructuredClone(v8::Isolate* isolate, v8::Local<v8::Value> value);

}  // namespace hull::worker
