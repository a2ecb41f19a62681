// Runs a server-internal read-write transaction to its end, retrying conflicts (database.md §5 "System
// transactions").
#pragma once

#include <functional>
#include <string>

#include "base/envelope.h"
#include "base/knobs.h"
#include "database/transaction.h"

namespace hull {

struct TransactResult {
  Timestamp ts;
};
// `body` may run several times. Blocking: call from a worker thread, never from an I/O or committer thread.
// `last_conflict` receives the conflict that used up the last attempt (then the error is of kind kOcc).
Result<TransactResult> transact(Engine& engine, const Knobs& knobs, const std::string& source,
                                const std::function<Result<void>(Transaction&)>& body, int max_retries = 8,
                                OccConflict* last_conflict = nullptr);

// A transaction of the server itself over the newest snapshot. Read-only unless `writable`.
Transaction::Options system_transaction_options(const Knobs& knobs, bool writable);

}  // namespace hull
