// Runs actions: admission, operations (fetch, timers, calls of other functions), live log lines, completion.
// Operations are answered from whatever thread finishes them. Thread-safe.
#pragma once

#include "functions/attempt.h"

namespace hull {

class ActionRunner {
 public:
  explicit ActionRunner(RunnerParts* parts) : parts_(*parts) {}
  void run(FunctionCall call, FunctionCallback done);

 private:
  RunnerParts& parts_;
};

}  // namespace hull
