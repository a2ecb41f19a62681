// `__hull.crypto(operation, ...arguments)` of runtime/src/native.d.ts: all of crypto.subtle behind one native
// function, so that a fresh context does not pay for twenty.
//
// Operations keep no state: keys are bytes that the runtime holds. Their time is charged to the turn like
// that of JavaScript. V8 cannot interrupt them, so the two whose duration user code chooses without bound
// (PBKDF2 and the search for RSA primes) ask the watchdog on their way and end with the turn; for the others
// the sizes of keys (crypto_keys.h) and of array buffers are the bound, well within what the watchdog lets a
// stopped turn use to unwind.
#pragma once

#include <v8.h>

namespace hull::worker {

void CryptoOperation(const v8::FunctionCallbackInfo<v8::Value>& info);

}  // namespace hull::worker
