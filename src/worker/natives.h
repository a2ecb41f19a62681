// The `__hull` object of runtime/src/native.d.ts.
//
// Its functions find the realm they serve through the context they belong to, so the same functions work in
// contexts that come out of a snapshot.
#pragma once

#include <stdint.h>
#include <v8.h>

namespace hull::worker {

struct Host;

// The wall clock.
double RealNowMs();

v8::Local<v8::ObjectTemplate> NativesTemplate(Host& host);
// Addresses of all native functions, zero-terminated, in the order every snapshot relies on.
const intptr_t* ExternalReferences();

}  // namespace hull::worker
