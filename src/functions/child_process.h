// Child processes that die with the server, and running a command to its end.
//
// A child is killed by the kernel when the thread that forked it ends (PR_SET_PDEATHSIG), so children are
// forked by a ForkThread, which outlives them all. Thread-safe.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"

namespace hull {

class ForkThread {
 public:
  ForkThread();
  ~ForkThread();
  // Runs `task` on the thread and waits for it; false without having run it if the thread is being stopped.
  bool run(std::function<void()> task);

 private:
  struct Task;
  void loop();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task*> tasks_;
  bool stopping_ = false;
  std::thread thread_;
};

struct ChildSpec {
  std::string program;                   // absolute path
  std::vector<std::string> arguments;    // without the program's name
  std::vector<std::string> environment;  // "NAME=value", nothing is inherited
  std::string directory;                 // working directory
  int output = -1;                       // becomes descriptors 1 and 2
  int socket = -1;                       // becomes descriptor 3, if there is one
};
// The child leads a session and process group of its own, reads nothing, and has no other descriptors.
// Error: the program cannot be executed.
Result<pid_t> spawn_child(ForkThread& thread, const ChildSpec& spec);

struct CommandOutcome {
  bool succeeded = false;  // exit code 0 within the time
  bool timed_out = false;
  std::string output;  // the last 64 KiB of what it wrote
};
// Runs a command and all it starts to its end. `spec.output` and `spec.socket` are not used.
Result<CommandOutcome> run_command(ForkThread& thread, ChildSpec spec, double timeout_s);

// An executable file of that name on the server's PATH, "" if there is none.
std::string find_on_path(const std::string& name);
// "NAME=value" of those of the server's own variables that are set.
std::vector<std::string> inherited_environment(const std::vector<std::string>& names);

}  // namespace hull
