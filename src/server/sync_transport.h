// What a SyncSession needs from the outside: a socket to write to, a strand to run on, and the services of
// the server. The websocket adapter implements it with Beast, tests with plain objects.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "functions/runner.h"
#include "server/sync_metrics.h"
#include "services/auth.h"

namespace hull {

// Runs functions one after another on the session's strand. post() is thread-safe; it never runs `work`
// before returning. Outlives the session where callbacks of the function runner need it.
class SyncExecutor {
 public:
  virtual ~SyncExecutor() = default;
  virtual void post(std::function<void()> work) = 0;
  virtual void post_after(std::chrono::milliseconds delay, std::function<void()> work) = 0;
};

// Called on the strand only. Messages go out in the order of send(); nothing is dropped.
class SyncTransport {
 public:
  virtual ~SyncTransport() = default;
  // `ends_transition`: the session's transition_written() must be called once this text has left for the
  // socket.
  virtual void send(std::shared_ptr<const std::string> text, bool ends_transition) = 0;
  // Sends a close frame after what is queued (without a code if `code` is absent) and drops the connection.
  virtual void close(std::optional<uint16_t> code, std::string reason) = 0;
};

// Shared by all sessions; outlives them.
struct SyncServices {
  FunctionRunner* runner = nullptr;
  const Authenticator* auth = nullptr;
  SyncCounters* counters = nullptr;
  bool redact_logs = false;
  // Runs work that may block (fetching keys to verify a token) off the strand.
  std::function<void(std::function<void()>)> run_blocking;
  std::function<int64_t()> now_unix_ns;       // wall clock
  std::function<int64_t()> now_monotonic_ns;  // for silence
};

// Facts of one connection.
struct SyncClient {
  bool accepts_chunks = false;  // npm >= 1.28.0
  std::string ip, user_agent;
  std::shared_ptr<void> permits;  // held as long as the websocket lives
};

}  // namespace hull
