// BytePipe: a stream of bytes between one writer and one reader, with back-pressure: bodies of HTTP requests
// and responses on their way between a socket, an action and fetch.
//
// Thread-safe. Callbacks run outside the lock, on the thread that made the progress, possibly before the call
// that was given them returns; they must not block. At most one write waits for room and one read for bytes
// at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"

namespace hull {

class BytePipe {
 public:
  // Most bytes of one chunk.
  static constexpr size_t kMaxChunk = 256 << 10;
  struct Chunk {
    std::string bytes;
    bool done = false;  // nothing follows, and `bytes` is empty
  };
  using OnChunk = std::function<void(Result<Chunk>)>;
  // true: there is room for more; false: nobody reads any more.
  using OnRoom = std::function<void(bool)>;

  // `capacity`: bytes that may wait before a writer is held back.
  explicit BytePipe(size_t capacity = kMaxChunk) : capacity_(capacity) {}
  BytePipe(const BytePipe&) = delete;
  BytePipe& operator=(const BytePipe&) = delete;

  // --- Writer ---

  // Takes all of `bytes`; `room` is called once, when the next write is welcome.
  void write(std::string bytes, OnRoom room);
  // Nothing follows. The reader gets what was written, then the end or the error. Later ends are ignored.
  void finish() { end(std::nullopt); }
  void fail(Error error) { end(std::move(error)); }
  // `cancelled` is called once when the reader gives up before the end, at once if it has.
  void on_cancel(std::function<void()> cancelled);
  bool cancelled() const;

  // --- Reader ---

  // The next bytes as soon as there are any. After the end: the end again.
  void read(OnChunk chunk);
  // Nobody will read on; what is buffered is dropped. A waiting read is told the end.
  void cancel();
  uint64_t bytes_read() const;
  // The whole content, if the writer has finished and nothing was read yet.
  std::optional<std::string> take_if_complete();

 private:
  void end(std::optional<Error> error);
  Result<Chunk> take_locked();
  OnRoom room_locked();

  const size_t capacity_;
  mutable std::mutex mutex_;
  std::deque<std::string> chunks_;
  size_t front_from_ = 0;  // bytes of the first chunk that were read
  size_t buffered_ = 0;
  uint64_t read_ = 0;
  bool ended_ = false, cancelled_ = false;
  std::optional<Error> error_;
  OnRoom waiting_writer_;
  OnChunk waiting_reader_;
  std::function<void()> on_cancel_;
};

}  // namespace hull
