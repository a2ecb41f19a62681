// A request that waits without a thread, until its answer is there, its time is up, or the server stops;
// whichever comes first answers it, once. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>

#include "server/context.h"

namespace hull {

class ParkedAnswer {
 public:
  // `late` and `stopped` make the answers for the other two cases; `late` runs on an I/O thread, so neither
  // may block. The context outlives every request.
  static std::shared_ptr<ParkedAnswer> start(ServerContext& context, Responder respond,
                                             std::chrono::milliseconds patience,
                                             std::function<HttpResponse()> late,
                                             std::function<HttpResponse()> stopped);

  void answer(HttpResponse response);
  // Keeps what will bring the answer, in place of what was held before, until there is one.
  void hold(std::shared_ptr<void> source);

 private:
  ParkedAnswer(ServerContext& context, Responder respond) : context_(context), respond_(std::move(respond)) {}

  ServerContext& context_;
  std::mutex mutex_;
  Responder respond_;  // null once answered
  std::shared_ptr<void> timer_, source_;
  uint64_t parked_ = 0;
};

}  // namespace hull
