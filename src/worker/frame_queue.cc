#include "worker/frame_queue.h"

#include <utility>

namespace hull::worker {

void FrameQueue::Push(Frame frame) {
  {
    std::lock_guard lock(mutex_);
    frames_.push_back(std::move(frame));
  }
  changed_.notify_one();
}

void FrameQueue::Wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

FrameQueue::Frame FrameQueue::Pop(std::optional<Clock::time_point> deadline) {
  std::unique_lock lock(mutex_);
  auto ready = [&] { return !frames_.empty() || woken_; };
  if (deadline) {
    changed_.wait_until(lock, *deadline, ready);
  } else {
    changed_.wait(lock, ready);
  }
  woken_ = false;
  if (frames_.empty()) return nullptr;
  Frame frame = std::move(frames_.front());
  frames_.pop_front();
  return frame;
}

bool FrameQueue::WaitFor(const std::function<Take(wire::ToWorker&)>& take,
                         const std::function<bool()>& interrupted) {
  std::unique_lock lock(mutex_);
  size_t seen = 0;
  while (true) {
    for (; seen < frames_.size(); ++seen) {
      const Take verdict = take(*frames_[seen]);
      if (verdict == Take::kSkip) continue;
      if (verdict == Take::kTaken) frames_.erase(frames_.begin() + static_cast<ptrdiff_t>(seen));
      return true;
    }
    if (interrupted()) return false;
    changed_.wait(lock);
  }
}

}  // namespace hull::worker
