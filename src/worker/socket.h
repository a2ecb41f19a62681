// The worker's end of the protocol socket (fd 3): frames of a u32 little-endian length and one protobuf
// message.
//
// Thread ownership: Read and HasFrame belong to one thread at a time (FrameQueue), Send to the isolate
// thread. Both Read and Send block. A broken connection means that the server is gone: the process leaves at
// once.
#pragma once

#include <string>
#include <vector>

#include "worker/protocol.pb.h"

namespace hull::worker {

class Socket {
 public:
  explicit Socket(int fd);
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // False at the end of the stream.
  bool Read(wire::ToWorker* message);
  // The next Read will not touch the descriptor.
  bool HasFrame() const;
  void Send(const wire::FromWorker& message);
  int fd() const { return fd_; }

 private:
  bool ReadFully(char* into, size_t size);

  const int fd_;
  std::string in_;
  std::string out_;
  // Bytes read from the socket beyond the last frame, so that small frames cost one read together.
  std::vector<char> buffer_;
  size_t buffered_from_ = 0, buffered_to_ = 0;
};

}  // namespace hull::worker
