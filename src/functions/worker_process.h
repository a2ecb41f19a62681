// WorkerProcess: one JavaScript worker, a sandboxed child process that talks frames over a socket
// (worker/protocol.proto).
//
// send() and kill() may be called from any thread and never block: what the socket does not take at once is
// flushed by the thread in receive(). receive() belongs to one thread at a time, the driver of the worker.
// The destructor kills and reaps.
//
// Its process group is killed with it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "functions/child_process.h"
#include "worker/protocol.pb.h"

namespace hull {

class WorkerProcess {
 public:
  WorkerProcess(pid_t pid, int fd);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;

  void send(const wire::ToWorker& message);

  enum class Event { kFrame, kTimeout, kWoken, kClosed };
  // Waits for the next frame until `deadline_ns` (monotonic).
  Event receive(wire::FromWorker& frame, int64_t deadline_ns);
  // Makes receive() return kWoken once.
  void wake();
  void kill();
  // Why the worker ended, after kClosed. Kills it if it did not end by itself.
  enum class Cause {
    kUnknown,
    kOutOfMemory,
    kTimeout,
    kKilled,   // from outside, by SIGKILL
    kAborted,  // by itself: what V8 does with a heap that is full, where nobody asks it for something else
  };
  Cause cause_of_end();

  // The process has ended, whether or not receive() has noticed yet.
  bool ended() const;

  // Keeps something as long as the process may use it. Before the process is shared.
  void hold(std::shared_ptr<const void> resource) { held_ = std::move(resource); }

  pid_t pid() const { return pid_; }
  size_t rss_bytes() const;
  int64_t started_ns() const { return started_ns_; }

 private:
  bool flush_locked();
  bool take_frame(wire::FromWorker& frame);
  void make_room();  // for another read

  const pid_t pid_;
  const int fd_;
  const int wake_fd_;
  const int64_t started_ns_;
  std::atomic<bool> broken_{false};
  std::atomic<bool> woken_{false};
  std::mutex write_mutex_;
  std::string unsent_;
  size_t unsent_from_ = 0;
  std::vector<char> in_;  // receive() only; what arrived is at in_from_ to in_to_
  size_t in_from_ = 0, in_to_ = 0;
  std::shared_ptr<const void> held_;
};

class WorkerLauncher {
 public:
  explicit WorkerLauncher(std::string lib_dir);
  // Blocking (milliseconds). Thread-safe.
  Result<std::unique_ptr<WorkerProcess>> launch();

 private:
  Result<std::unique_ptr<WorkerProcess>> fork_worker();

  const std::string lib_dir_;
  const uint32_t hash_seed_;         // equal for all workers: a V8 snapshot is bound to it
  bool reported_isolation_ = false;  // fork thread only
  ForkThread fork_thread_;
};

}  // namespace hull
