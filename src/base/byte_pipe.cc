#include "base/byte_pipe.h"

#include <utility>

namespace hull {

Result<BytePipe::Chunk> BytePipe::take_locked() {
  if (chunks_.empty()) {
    if (error_) return *error_;
    return Chunk{"", true};
  }
  std::string& front = chunks_.front();
  const size_t size = front.size();
  Chunk chunk;
  if (front_from_ == 0 && size <= kMaxChunk) {
    chunk.bytes = std::move(front);
  } else {
    chunk.bytes = front.substr(front_from_, kMaxChunk);
  }
  front_from_ += chunk.bytes.size();
  buffered_ -= chunk.bytes.size();
  read_ += chunk.bytes.size();
  if (front_from_ == size) {
    chunks_.pop_front();
    front_from_ = 0;
  }
  return chunk;
}

BytePipe::OnRoom BytePipe::room_locked() {
  return buffered_ < capacity_ || cancelled_ ? std::exchange(waiting_writer_, nullptr) : nullptr;
}

void BytePipe::write(std::string bytes, OnRoom room) {
  OnChunk reader;
  std::optional<Result<Chunk>> chunk;
  bool open = true;
  {
    std::lock_guard lock(mutex_);
    open = !cancelled_ && !ended_;
    if (open && !bytes.empty()) {
      buffered_ += bytes.size();
      // Small writes that the reader has not kept up with travel together.
      if (!chunks_.empty() && chunks_.back().size() + bytes.size() <= kMaxChunk) {
        chunks_.back() += bytes;
      } else {
        chunks_.push_back(std::move(bytes));
      }
      if (waiting_reader_) {
        reader = std::exchange(waiting_reader_, nullptr);
        chunk = take_locked();
      }
    }
    waiting_writer_ = std::move(room);
    room = open ? room_locked() : std::exchange(waiting_writer_, nullptr);
  }
  if (reader) reader(*std::move(chunk));
  if (room) room(open);
}

void BytePipe::end(std::optional<Error> error) {
  OnChunk reader;
  std::optional<Result<Chunk>> chunk;
  {
    std::lock_guard lock(mutex_);
    if (ended_ || cancelled_) return;
    ended_ = true;
    error_ = std::move(error);
    on_cancel_ = nullptr;
    if (waiting_reader_) {
      reader = std::exchange(waiting_reader_, nullptr);
      chunk = take_locked();
    }
  }
  if (reader) reader(*std::move(chunk));
}

void BytePipe::on_cancel(std::function<void()> cancelled) {
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    if (!cancelled_) {
      on_cancel_ = std::move(cancelled);
      return;
    }
  }
  cancelled();
}

bool BytePipe::cancelled() const {
  std::lock_guard lock(mutex_);
  return cancelled_;
}

void BytePipe::read(OnChunk chunk) {
  std::optional<Result<Chunk>> taken;
  OnRoom room;
  {
    std::lock_guard lock(mutex_);
    if (chunks_.empty() && !ended_ && !cancelled_) {
      waiting_reader_ = std::move(chunk);
      return;
    }
    taken = take_locked();
    room = room_locked();
  }
  chunk(*std::move(taken));
  if (room) room(true);
}

void BytePipe::cancel() {
  OnRoom room;
  OnChunk reader;
  std::function<void()> notify;
  {
    std::lock_guard lock(mutex_);
    if (cancelled_) return;
    cancelled_ = true;
    chunks_.clear();
    front_from_ = buffered_ = 0;
    room = room_locked();
    reader = std::exchange(waiting_reader_, nullptr);
    notify = std::exchange(on_cancel_, nullptr);
  }
  if (room) room(false);
  if (reader) reader(Chunk{"", true});
  if (notify) notify();
}

uint64_t BytePipe::bytes_read() const {
  std::lock_guard lock(mutex_);
  return read_;
}

std::optional<std::string> BytePipe::take_if_complete() {
  std::lock_guard lock(mutex_);
  if (!ended_ || error_ || read_ > 0 || cancelled_) return std::nullopt;
  std::string all;
  if (chunks_.size() == 1) {
    all = std::move(chunks_.front());
  } else {
    all.reserve(buffered_);
    for (const std::string& chunk : chunks_) all += chunk;
  }
  chunks_.clear();
  buffered_ = 0;
  read_ = all.size();
  return all;
}

}  // namespace hull
