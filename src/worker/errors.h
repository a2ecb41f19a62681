// From exceptions and stops to the error records of the protocol.
#pragma once

#include <v8.h>

#include <string>

#include "worker/protocol.pb.h"
#include "worker/watchdog.h"

namespace hull::worker {

class Realm;

// Asks the runtime to describe a thrown value; objects of the form {developerError: text} are host-made
// failures. *code receives the exception's own string property `code`, if any. Runs JavaScript.
wire::JsError DescribeException(Realm& realm, v8::Local<v8::Value> exception, std::string* code);

wire::JsError StopError(Stop why, uint64_t timeout_ms, uint64_t heap_bytes);

}  // namespace hull::worker
