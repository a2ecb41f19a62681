// A listening socket and its accept loop. bind happens in the constructor's place (open), accepting after
// start(). The loop runs on an I/O thread; start() and stop() belong to one thread.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace hull {

class IoThreads;
struct SessionEnvironment;

class Listener {
 public:
  // Error text names the address and the port.
  static Result<std::unique_ptr<Listener>> open(IoThreads& io, const std::string& address, uint16_t port);
  virtual ~Listener() = default;
  virtual uint16_t port() const = 0;  // the actual one, if 0 was asked for
  virtual void start(bool site_port, const SessionEnvironment& environment) = 0;
  // Returns when no more connections are accepted; those that the system has accepted before are served. The
  // I/O threads must run.
  virtual void stop() = 0;
};

}  // namespace hull
