// A call that wants a worker of WorkerPool.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "functions/call.h"
#include "functions/code.h"
#include "functions/worker_process.h"

namespace hull {

struct PoolJob {
  UdfType type = UdfType::kQuery;
  std::string function;  // whose turn it is; "messages.js:list"
  std::string caller;    // and among its callers; FunctionCall::caller_name()
  std::shared_ptr<const Code> code;
  // On the slot's thread. False: the worker must not be used again.
  std::function<bool(WorkerProcess&)> run;
  // Instead of run: overload, shutdown, or workers that do not start.
  std::function<void(Error)> refuse;
  int64_t queued_ns = 0;
};

}  // namespace hull
