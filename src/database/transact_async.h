// Transactions of the server for those who must not wait.
#pragma once

#include <functional>
#include <string>

#include "base/knobs.h"
#include "database/transaction.h"

namespace hull {

// A read-write transaction that is run again after every conflict. The attempts are handed to `run`, which
// runs them at some time on a thread that may read the store; if it drops one, that was the end. `done` is
// called on any thread: with what `body` returned last, or an error of it or of the commit. If `body` returns
// false, nothing is committed.
struct AsyncTransaction {
  Engine* engine = nullptr;
  const Knobs* knobs = nullptr;
  std::string source;
  std::function<Result<bool>(Transaction&)> body;
  std::function<void(std::function<void()>)> run;
  std::function<void(Result<bool>)> done;
};
void transact_async(AsyncTransaction transaction);

}  // namespace hull
