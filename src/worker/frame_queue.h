// Messages from the server that wait for the isolate thread.
//
// The reader thread pushes, the isolate thread pops in order or, while JavaScript is blocked in a synchronous
// operation, takes one particular answer out of the middle and leaves everything else where it is.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "worker/protocol.pb.h"

namespace hull::worker {

class FrameQueue {
 public:
  using Clock = std::chrono::steady_clock;
  using Frame = std::unique_ptr<wire::ToWorker>;

  void Push(Frame frame);
  // Makes a blocked Pop return once without a frame (a foreground task was posted).
  void Wake();

  // The oldest frame; nullptr at the deadline or after Wake().
  Frame Pop(std::optional<Clock::time_point> deadline);

  // Blocks until `take` accepts a queued frame. `take` looks at each frame once, may edit it, and returns
  // kTaken to remove it, kDone to stop without removing it, kSkip to go on. Returns false when `interrupted`
  // becomes true.
  enum class Take { kSkip, kDone, kTaken };
  bool WaitFor(const std::function<Take(wire::ToWorker&)>& take, const std::function<bool()>& interrupted);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Frame> frames_;
  bool woken_ = false;
};

}  // namespace hull::worker
