#include "functions/worker_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/log.h"
#include "base/time.h"
#include "worker/exit_status.h"

namespace hull {

namespace {

constexpr size_t kReadChunk = 64 << 10;
constexpr size_t kKeepBuffer = 4 << 20;
constexpr uint32_t kMaxFrame = 512u << 20;

}  // namespace

WorkerProcess::WorkerProcess(pid_t pid, int fd)
    : pid_(pid), fd_(fd), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), started_ns_(monotonic_nanos()) {}

WorkerProcess::~WorkerProcess() {
  kill();
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  close(fd_);
  close(wake_fd_);
}

void WorkerProcess::kill() {
  ::kill(pid_, SIGKILL);
  ::kill(-pid_, SIGKILL);  // what it has started, if it leads its group already
}

WorkerProcess::Cause WorkerProcess::cause_of_end() {
  kill();  // changes nothing about a process that is already on its way out
  siginfo_t info{};
  // The process stays a zombie, so that its id cannot become another's while kill() may be called.
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  if (info.si_code != CLD_EXITED) {
    if (info.si_status == SIGKILL) return Cause::kKilled;
    return info.si_status == SIGABRT ? Cause::kAborted : Cause::kUnknown;
  }
  if (info.si_status == worker::kExitOutOfMemory) return Cause::kOutOfMemory;
  return info.si_status == worker::kExitTimeout ? Cause::kTimeout : Cause::kUnknown;
}

void WorkerProcess::wake() {
  woken_ = true;
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(wake_fd_, &one, sizeof one);
}

bool WorkerProcess::flush_locked() {
  while (unsent_from_ < unsent_.size()) {
    ssize_t sent = ::send(fd_, unsent_.data() + unsent_from_, unsent_.size() - unsent_from_,
                          MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      unsent_from_ += static_cast<size_t>(sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return false;
    } else if (errno != EINTR) {
      broken_ = true;
      break;
    }
  }
  unsent_.clear();
  unsent_from_ = 0;
  return true;
}

void WorkerProcess::send(const wire::ToWorker& message) {
  uint32_t size = static_cast<uint32_t>(message.ByteSizeLong());
  std::lock_guard lock(write_mutex_);
  if (broken_) return;
  unsent_.append(reinterpret_cast<const char*>(&size), sizeof size);
  size_t at = unsent_.size();
  unsent_.resize(at + size);
  message.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(unsent_.data() + at));
  if (!flush_locked()) {
    uint64_t one = 1;  // receive() must now also wait for room
    [[maybe_unused]] ssize_t written = write(wake_fd_, &one, sizeof one);
  }
}

bool WorkerProcess::take_frame(wire::FromWorker& frame) {
  size_t have = in_to_ - in_from_;
  uint32_t size = 0;
  if (have < sizeof size) return false;
  std::memcpy(&size, in_.data() + in_from_, sizeof size);
  if (size > kMaxFrame) {
    broken_ = true;
    return false;
  }
  if (have < sizeof size + size) return false;
  if (!frame.ParseFromArray(in_.data() + in_from_ + sizeof size, static_cast<int>(size))) broken_ = true;
  in_from_ += sizeof size + size;
  if (in_from_ == in_to_) {
    in_from_ = in_to_ = 0;
    if (in_.size() > kKeepBuffer) std::vector<char>().swap(in_);
  }
  return !broken_;
}

void WorkerProcess::make_room() {
  if (in_.size() - in_to_ >= kReadChunk) return;
  if (in_from_ > 0) std::memmove(in_.data(), in_.data() + in_from_, in_to_ - in_from_);
  in_to_ -= in_from_;
  in_from_ = 0;
  if (in_.size() - in_to_ < kReadChunk) in_.resize(std::max(2 * in_.size(), 2 * kReadChunk));
}

WorkerProcess::Event WorkerProcess::receive(wire::FromWorker& frame, int64_t deadline_ns) {
  while (true) {
    if (take_frame(frame)) return Event::kFrame;
    if (broken_) return Event::kClosed;
    if (woken_.exchange(false)) return Event::kWoken;
    bool unsent = false;
    {
      std::lock_guard lock(write_mutex_);
      unsent = !flush_locked();
    }
    int64_t left_ns = deadline_ns - monotonic_nanos();
    if (left_ns <= 0) return Event::kTimeout;
    int left_ms = static_cast<int>(std::min<int64_t>(left_ns / 1000000 + 1, 60000));
    short events = POLLIN;
    if (unsent) events |= POLLOUT;
    pollfd fds[2] = {{fd_, events, 0}, {wake_fd_, POLLIN, 0}};
    int ready = poll(fds, 2, left_ms);
    if (ready < 0 && errno != EINTR) return Event::kClosed;
    if (ready <= 0) continue;
    if (fds[1].revents & POLLIN) {
      uint64_t count = 0;
      [[maybe_unused]] ssize_t got = read(wake_fd_, &count, sizeof count);
    }
    if (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) {
      make_room();
      ssize_t got = recv(fd_, in_.data() + in_to_, in_.size() - in_to_, MSG_DONTWAIT);
      in_to_ += static_cast<size_t>(std::max<ssize_t>(got, 0));
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) broken_ = true;
    }
  }
}

bool WorkerProcess::ended() const {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

size_t WorkerProcess::rss_bytes() const {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/statm", pid_);
  FILE* file = std::fopen(path, "re");
  if (!file) return 0;
  unsigned long total = 0, resident = 0;
  int got = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return got == 2 ? resident * static_cast<size_t>(sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace hull
