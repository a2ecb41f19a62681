// Messages from the server on their way to the isolate thread.
//
// While the isolate thread waits it reads the socket itself, so that a message costs no switch between
// threads. While it is away, which is when JavaScript may run, nobody reads at first; if it stays away for
// more than a moment, the watching thread reads in its place. Thus Terminate arrives while JavaScript loops,
// and the server's messages do not pile up in the socket.
//
// Thread-safe: Wake. Isolate thread: Pop, WaitFor. One other thread, for the life of the process: Watch.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "worker/protocol.pb.h"
#include "worker/socket.h"

namespace hull::worker {

class FrameQueue {
 public:
  using Clock = std::chrono::steady_clock;
  using Frame = std::unique_ptr<wire::ToWorker>;

  // `terminate` is called for each Terminate at once, on the thread that read it; the frame is queued as
  // well. At the end of the stream the process leaves.
  FrameQueue(Socket& socket, std::function<void(uint64_t call_id)> terminate);

  // Makes a blocked Pop return once without a frame (a foreground task was posted).
  void Wake();

  // The oldest frame; nullptr at the deadline or after Wake().
  Frame Pop(std::optional<Clock::time_point> deadline);

  // Blocks until `take` accepts a queued frame. `take` looks at each frame once, may edit it, and returns
  // kTaken to remove it, kDone to stop without removing it, kSkip to go on. Returns false when `interrupted`
  // becomes true.
  enum class Take { kSkip, kDone, kTaken };
  bool WaitFor(const std::function<Take(wire::ToWorker&)>& take, const std::function<bool()>& interrupted);

  [[noreturn]] void Watch();

 private:
  class Presence;

  // Blocks until a frame was queued (true), the deadline or Wake() (false). With reading_ held.
  bool Listen(std::optional<Clock::time_point> deadline);
  // Queues the next frame and all that came with it. With reading_ held.
  void Read();

  Socket& socket_;
  const std::function<void(uint64_t)> terminate_;
  const int wake_fd_;
  std::mutex reading_;  // the isolate thread holds it while it waits
  std::deque<Frame> frames_;
  std::atomic<bool> woken_ = false;
  std::atomic<bool> listening_ = false;  // wake_fd_ must be written to
  std::atomic<uint32_t> moves_ = 1;      // of the isolate thread; odd: it is away
};

}  // namespace hull::worker
