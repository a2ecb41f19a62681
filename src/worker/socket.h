// The worker's end of the protocol socket (fd 3): frames of a u32 little-endian length and one protobuf
// message.
//
// Thread ownership: Read is called by the reader thread only, Send by the isolate thread only. Both block. A
// broken connection means that the server is gone: the process leaves at once.
#pragma once

#include <string>

#include "worker/protocol.pb.h"

namespace hull::worker {

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // False at the end of the stream.
  bool Read(wire::ToWorker* message);
  void Send(const wire::FromWorker& message);

 private:
  bool ReadFully(char* into, size_t size);

  const int fd_;
  std::string in_;
  std::string out_;
  // Bytes read from the socket beyond the last frame, so that small frames cost one read together.
  std::string buffer_;
  size_t buffered_from_ = 0;
};

}  // namespace hull::worker
