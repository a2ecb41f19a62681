// Runs actions and HTTP actions: admission, then RunningAction. Thread-safe.
#pragma once

#include "functions/attempt.h"
#include "functions/http_exchange.h"

namespace hull {

class ActionRunner {
 public:
  explicit ActionRunner(RunnerParts* parts) : parts_(*parts) {}
  void run(FunctionCall call, FunctionCallback done);
  void run_http(HttpActionRequest request, OnHttpResponse respond);

 private:
  RunnerParts& parts_;
};

}  // namespace hull
