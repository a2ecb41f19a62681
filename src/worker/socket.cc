#include "worker/socket.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace hull::worker {
namespace {

constexpr size_t kReadChunk = 64 << 10;
constexpr size_t kKeepBuffer = 1 << 20;
constexpr size_t kMaxFrame = 512u << 20;
constexpr size_t kHeadBytes = 4;

size_t FrameSize(const char* head) {
  size_t size = 0;
  for (size_t i = 0; i < kHeadBytes; ++i) size |= size_t{static_cast<unsigned char>(head[i])} << (8 * i);
  return size;
}

}  // namespace

Socket::Socket(int fd) : fd_(fd), buffer_(kReadChunk) {}

bool Socket::ReadFully(char* into, size_t size) {
  while (size > 0) {
    if (buffered_from_ < buffered_to_) {
      const size_t n = std::min(size, buffered_to_ - buffered_from_);
      memcpy(into, buffer_.data() + buffered_from_, n);
      buffered_from_ += n;
      into += n;
      size -= n;
      continue;
    }
    const bool direct = size >= kReadChunk;
    const ssize_t n = direct ? read(fd_, into, size) : read(fd_, buffer_.data(), kReadChunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    if (direct) {
      into += n;
      size -= static_cast<size_t>(n);
    } else {
      buffered_from_ = 0;
      buffered_to_ = static_cast<size_t>(n);
    }
  }
  return true;
}

bool Socket::HasFrame() const {
  const size_t have = buffered_to_ - buffered_from_;
  return have >= kHeadBytes && have - kHeadBytes >= FrameSize(buffer_.data() + buffered_from_);
}

bool Socket::Read(wire::ToWorker* message) {
  char head[kHeadBytes];
  if (!ReadFully(head, sizeof head)) return false;
  const size_t size = FrameSize(head);
  if (size > kMaxFrame) return false;
  in_.resize(size);
  if (!ReadFully(in_.data(), size)) return false;
  const bool ok = message->ParseFromString(in_);
  if (in_.capacity() > kKeepBuffer) std::string().swap(in_);
  return ok;
}

void Socket::Send(const wire::FromWorker& message) {
  const size_t size = message.ByteSizeLong();
  out_.clear();
  out_.reserve(size + kHeadBytes);
  for (int shift = 0; shift < 32; shift += 8) out_.push_back(static_cast<char>(size >> shift));
  message.AppendToString(&out_);
  for (size_t done = 0; done < out_.size();) {
    const ssize_t n = write(fd_, out_.data() + done, out_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(0);
    done += static_cast<size_t>(n);
  }
  if (out_.capacity() > kKeepBuffer) std::string().swap(out_);
}

}  // namespace hull::worker
