// WorkerProcess: one JavaScript worker, a sandboxed child process that talks frames over a socket
// (worker/protocol.proto).
//
// send() and kill() may be called from any thread and never block: what the socket does not take at once is
// flushed by the thread in receive(). receive() belongs to one thread at a time, the driver of the worker.
// The destructor kills and reaps.
//
// The child dies with the thread that forked it (PR_SET_PDEATHSIG), so all children are forked by the thread
// of a WorkerLauncher, which lives as long as the runner.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "worker/protocol.pb.h"

namespace hull {

// A worker of actions that takes more than this is killed: heaps have limits of their own, but some code
// outgrows them before V8 looks.
inline constexpr size_t kMaxWorkerRss = 512u << 20;

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
  enum class Cause { kUnknown, kOutOfMemory, kTimeout };
  Cause cause_of_end();

  // The process has ended, whether or not receive() has noticed yet.
  bool ended() const;

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
};

class WorkerLauncher {
 public:
  explicit WorkerLauncher(std::string lib_dir);
  ~WorkerLauncher();
  // Blocking (milliseconds). Thread-safe.
  Result<std::unique_ptr<WorkerProcess>> launch();

 private:
  struct Order;
  void run();
  Result<std::unique_ptr<WorkerProcess>> fork_worker();

  const std::string lib_dir_;
  const uint32_t hash_seed_;  // equal for all workers: a V8 snapshot is bound to it
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Order*> orders_;
  bool stopping_ = false;
  bool reported_isolation_ = false;  // launcher thread only
  std::thread thread_;
};

}  // namespace hull
