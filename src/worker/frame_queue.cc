#include "worker/frame_queue.h"

#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace hull::worker {
namespace {

// How long the isolate thread may be away before somebody else reads.
constexpr std::chrono::milliseconds kMoment(20);

}  // namespace

// The isolate thread attends to the socket for the life of this object.
class FrameQueue::Presence {
 public:
  explicit Presence(FrameQueue& queue) : queue_(queue) {
    queue.moves_.fetch_add(1);
    queue.reading_.lock();
  }
  ~Presence() {
    queue_.reading_.unlock();
    queue_.moves_.fetch_add(1);
    queue_.moves_.notify_one();
  }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

 private:
  FrameQueue& queue_;
};

FrameQueue::FrameQueue(Socket& socket, std::function<void(uint64_t)> terminate)
    : socket_(socket), terminate_(std::move(terminate)), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void FrameQueue::Wake() {
  woken_ = true;
  if (!listening_) return;
  const uint64_t one = 1;
  (void)!write(wake_fd_, &one, sizeof one);
}

void FrameQueue::Read() {
  do {
    auto frame = std::make_unique<wire::ToWorker>();
    if (!socket_.Read(frame.get())) _exit(0);
    if (frame->has_terminate()) terminate_(frame->terminate().call_id());
    frames_.push_back(std::move(frame));
  } while (socket_.HasFrame());
}

bool FrameQueue::Listen(std::optional<Clock::time_point> deadline) {
  listening_ = true;
  pollfd fds[] = {{socket_.fd(), POLLIN, 0}, {wake_fd_, POLLIN, 0}};
  timespec left{};
  if (deadline) {
    const auto wait = std::max(*deadline - Clock::now(), Clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wait);
    left.tv_sec = seconds.count();
    left.tv_nsec = std::chrono::nanoseconds(wait - seconds).count();
  }
  // Woken before the flag was set: nobody writes to wake_fd_.
  const int ready = woken_ ? 0 : ppoll(fds, 2, deadline ? &left : nullptr, nullptr);
  listening_ = false;
  if (ready > 0 && fds[1].revents != 0) {
    uint64_t count = 0;
    (void)!read(wake_fd_, &count, sizeof count);
  }
  if (ready <= 0 || fds[0].revents == 0) return false;
  Read();
  return true;
}

FrameQueue::Frame FrameQueue::Pop(std::optional<Clock::time_point> deadline) {
  const Presence here(*this);
  while (frames_.empty()) {
    if (woken_.exchange(false)) return nullptr;
    if (!Listen(deadline) && deadline && Clock::now() >= *deadline) return nullptr;
  }
  woken_ = false;
  Frame frame = std::move(frames_.front());
  frames_.pop_front();
  return frame;
}

bool FrameQueue::WaitFor(const std::function<Take(wire::ToWorker&)>& take,
                         const std::function<bool()>& interrupted) {
  const Presence here(*this);
  size_t seen = 0;
  while (true) {
    for (; seen < frames_.size(); ++seen) {
      const Take verdict = take(*frames_[seen]);
      if (verdict == Take::kSkip) continue;
      if (verdict == Take::kTaken) frames_.erase(frames_.begin() + static_cast<ptrdiff_t>(seen));
      return true;
    }
    if (interrupted()) return false;
    Read();
  }
}

void FrameQueue::Watch() {
  uint32_t last = 0;
  while (true) {
    const uint32_t now = moves_;
    if (now != std::exchange(last, now)) {
      std::this_thread::sleep_for(kMoment);
    } else if (now % 2 == 0) {
      moves_.wait(now);  // nothing to do until the isolate thread leaves
    } else {
      pollfd fd{socket_.fd(), POLLIN, 0};
      if (poll(&fd, 1, static_cast<int>(kMoment.count())) <= 0) continue;
      const std::unique_lock lock(reading_, std::try_to_lock);
      if (lock && moves_ == now) Read();
    }
  }
}

}  // namespace hull::worker
