#include "cli/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace hull {
namespace {

// The handler may only touch these: a lock-free flag and a pipe.
std::atomic<bool> stopping{false};
int wake_pipe[2] = {-1, -1};

extern "C" void on_stop_signal(int number) {
  if (stopping.exchange(true)) _exit(128 + number);
  int saved = errno;
  unsigned char byte = static_cast<unsigned char>(number);
  [[maybe_unused]] ssize_t written = write(wake_pipe[1], &byte, 1);
  errno = saved;
}

}  // namespace

void install_stop_signals() {
  if (pipe2(wake_pipe, O_CLOEXEC) != 0) std::abort();
  struct sigaction action = {};
  action.sa_handler = on_stop_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int wait_for_stop_signal() {
  unsigned char byte = 0;
  pollfd readable{wake_pipe[0], POLLIN, 0};
  // read() alone would do, but ThreadSanitizer holds signals back from a thread that is in it.
  while (poll(&readable, 1, -1) != 1 || read(wake_pipe[0], &byte, 1) != 1) {
  }
  return byte;
}

}  // namespace hull
