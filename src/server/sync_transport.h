// What a SyncSession needs from the outside: a socket to write to, a strand to run on, and the services of
// the server. The websocket adapter implements it with Asio, tests with plain objects.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "functions/runner.h"
#include "server/agreed_timestamp.h"
#include "server/outgoing_message.h"
#include "server/sync_admission.h"
#include "server/sync_metrics.h"
#include "server/token_bucket.h"
#include "services/auth.h"

namespace hull {

// Runs functions one after another on the session's strand. post() is thread-safe; it never runs `work`
// before returning. Outlives the session where callbacks of the function runner need it.
class SyncExecutor {
 public:
  virtual ~SyncExecutor() = default;
  virtual void post(std::function<void()> work) = 0;
  // post() for work that one event makes for many sessions: cheaper for the caller, and in no order with
  // post().
  virtual void wake(std::function<void()> work) { post(std::move(work)); }
  virtual void post_after(std::chrono::milliseconds delay, std::function<void()> work) = 0;
};

// kTransitionEnd: a Transition or its last chunk; the session's transition_written() is called once it has
// left for the socket. kTransitionPart: an earlier chunk.
enum class SendKind { kOther, kTransitionPart, kTransitionEnd };

// Called on the strand only. Messages go out in the order of send(); nothing is dropped.
class SyncTransport {
 public:
  virtual ~SyncTransport() = default;
  // Never calls back into the session.
  virtual void send(OutgoingMessage message, SendKind kind) = 0;
  // Sends a close frame after what is queued (without a code if `code` is absent) and drops the connection.
  virtual void close(std::optional<uint16_t> code, std::string reason) = 0;
};

// Shared by all sessions; outlives them.
struct SyncServices {
  FunctionRunner* runner = nullptr;
  const Authenticator* auth = nullptr;
  SyncCounters* counters = nullptr;
  Rate message_rate;  // of one client
  SyncAdmission* admission = nullptr;
  AgreedTimestamp* agreed = nullptr;
  bool redact_logs = false;
  // Parses large messages off the strand, on a thread that never blocks.
  std::function<void(std::function<void()>)> run_parsing;
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
