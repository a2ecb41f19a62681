// The worker itself: answers the server's messages one after the other on the isolate thread.
#pragma once

#include <node.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "worker/call.h"
#include "worker/frame_queue.h"
#include "worker/host.h"
#include "worker/sandbox.h"
#include "worker/snapshot.h"
#include "worker/socket.h"

namespace hull::worker {

class Worker {
 public:
  Worker(node::MultiIsolatePlatform* platform, int fd, std::string runtime_path);

  // Isolate thread: returns the process's exit status.
  int Run();
  // Another thread: see FrameQueue::Watch.
  [[noreturn]] void Watch() { queue_.Watch(); }

 private:
  using Clock = FrameQueue::Clock;

  // False: leave.
  bool Handle(wire::ToWorker& message);
  void OnInit(wire::Init init);
  void OnStart(wire::StartCall start);
  void OnAnalyze(const wire::Analyze& request);
  void OnBuildSnapshot(const wire::BuildSnapshot& request);
  void OnTerminate(uint64_t call_id);
  void OnDeadlines();
  void Forget(uint64_t call_id);
  std::optional<Clock::time_point> NextDeadline();
  // Makes the isolate if there is none yet (a process that builds a snapshot never gets this one).
  void EnsureIsolate();
  IsolateLimits Limits() const;
  bool SealFor(const std::string& snapshot_path);

  node::MultiIsolatePlatform* const platform_;
  Socket socket_;
  FrameQueue queue_;
  Host host_;
  SnapshotFile snapshot_;
  Sandbox sandbox_;
  std::unordered_map<uint64_t, std::unique_ptr<Call>> calls_;
  bool call_ended_ = false;
  std::atomic<Watchdog*> watchdog_ = nullptr;
};

}  // namespace hull::worker
