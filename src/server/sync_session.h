// The protocol logic of one sync websocket (sync-protocol.md §3-§11), free of sockets.
//
// Threads: every method runs on the session's strand (SyncExecutor). Callbacks of the function runner and of
// invalidated queries arrive on other threads and only post to the strand. The executor and the services
// outlive the session; the transport is used until closed() and never after.
//
// Invariants
//  * `sent_` is the end of the last Transition; each Transition starts there. Its parts never decrease.
//  * A Transition at T shows every query of the set at T: each entry is valid_at(T).
//  * T >= every timestamp handed to this client before, and >= the commit of every mutation answered on this
//  socket.
//  * At most one computation and one mutation run at a time; at most two Transitions are unsent.
//
// Fairness (§9.3, §11.4): whatever one client asks for, the others wait for a bounded part of it only.
//  * A computation has at most kMaxRunningQueries runs on their way, and each is queued under the name of
//  this socket (functions/fair_queue.h). The first one waits for admission (sync_admission.h).
//  * Messages are handled in order, one at a time; large ones are parsed off the strand, because an I/O
//  thread serves other sockets too. What arrives meanwhile waits, and from kMaxWaitingBytes on the socket is
//  not read.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/message_pace.h"
#include "server/sync_messages.h"
#include "server/sync_query.h"
#include "server/sync_transport.h"

namespace hull {

class SyncSession : public std::enable_shared_from_this<SyncSession> {
 public:
  static std::shared_ptr<SyncSession> create(SyncTransport* transport, std::shared_ptr<SyncExecutor> executor,
                                             const SyncServices& services, SyncClient client);
  ~SyncSession();

  void on_message(std::string text);
  // False while so much waits for an earlier message that the socket must not be read.
  bool wants_input() const { return waiting_bytes_ <= kMaxWaitingBytes; }
  // A Transition (or its last chunk) has been written.
  void transition_written();
  // Every few seconds: sends Ping after 15 s without a message, and gives up on a mutation that takes too
  // long.
  void on_tick();
  // The socket is gone or going: nothing is sent any more, queries are dropped. Running mutations and actions
  // complete.
  void closed();
  // The server stops: takes no more messages and closes with 1012 as soon as what runs was answered.
  // Mutations that have not begun are sent again by the client.
  void shut_down();

  static constexpr size_t kMaxQueuedMutations = 1000;
  static constexpr size_t kMaxRunningActions = 1000;
  static constexpr size_t kMaxUnsentTransitions = 2;
  static constexpr size_t kMaxRunningQueries = 20;
  static constexpr int64_t kMaxMutationNs = 60'000'000'000;
  static constexpr std::chrono::milliseconds kMaxHold{500};
  static constexpr size_t kParseInlineBytes = 64 * 1024;
  static constexpr size_t kMaxWaitingBytes = 1 << 20;
  static constexpr size_t kChunkBytes = 5'000'000;

 private:
  struct Version {
    uint32_t query_set = 0, identity = 0;
    Timestamp ts;
  };
  struct QueuedMutation {
    uint32_t request_id = 0;
    FunctionReference function;
    IdentityPtr identity;
    std::optional<std::string> session_id;
    int64_t arrived_ns = 0;
  };
  struct Computation;
  class Notifier;
  using QueryPtr = std::shared_ptr<SyncQuery>;

  SyncSession(SyncTransport* transport, std::shared_ptr<SyncExecutor> executor, const SyncServices& services,
              SyncClient client);

  // Messages (sync_session.cc).
  void accept(std::string text);
  void parsed(Result<ClientMessage> message);
  void take_waiting_messages();
  void handle(ConnectMessage& message);
  void handle(ModifyQuerySetMessage& message);
  void handle(MutationMessage& message);
  void handle(ActionMessage& message);
  void handle(AuthenticateMessage& message);
  void handle(IgnoredMessage& message);
  void authenticated(uint32_t base_version, Result<IdentityPtr> identity);

  // Requests (sync_requests.cc).
  void start_next_mutation();
  void finish_mutation(uint32_t request_id, const std::string& text_id, FunctionResult result);
  void finish_action(uint32_t request_id, const std::string& text_id, FunctionResult result);
  FunctionCall make_call(const FunctionReference& function, IdentityPtr identity,
                         std::string request_id) const;
  // Why the reference must not be called as `identity`; nullopt if it may.
  std::optional<std::string> refusal(const FunctionReference& function, const Identity& identity) const;
  std::string derive_request_id(const std::optional<std::string>& session_id, uint32_t request_id) const;
  void send_success(const char* type, uint32_t request_id, const FunctionResult& result,
                    std::optional<Timestamp> ts);
  void send_failure(const char* type, uint32_t request_id, const std::string& text_id, std::string_view text,
                    const std::optional<std::string>& data_json, const std::vector<LogLine>& log_lines);
  std::string log_lines_json(const std::vector<LogLine>& lines) const;

  // Transitions (sync_transitions.cc).
  void invalidated();
  void maybe_compute();
  bool wait_for_floor();
  bool wait_for_admission();
  void begin_computation();
  void run_stale_queries();
  void feed_runs();
  void query_finished(uint64_t computation, size_t slot, QueryOutcome outcome);
  void take_result(size_t slot, CachedQueryPtr result);
  void round_finished();
  bool hold_for_replays(Timestamp ts);
  void stop_holding();
  void retry_later(const Error& error);
  void finish_computation(Timestamp ts);
  // The text up to the first modification.
  void begin_transition(const Version& end, std::string& out) const;
  void send_transition(OutgoingMessage message);

  // Output and endings (sync_session.cc).
  void send(OutgoingMessage message, SendKind kind = SendKind::kOther);
  // False: the caller's credential is no longer good, and the session has ended.
  bool check_expiry();
  void fail_auth(uint32_t base_version, std::string_view error, bool attempted);
  void fatal(const std::string& error, std::optional<uint16_t> code = std::nullopt, std::string reason = "");
  void close(std::optional<uint16_t> code, std::string reason);
  void close_if_drained();
  void close_internal(std::string_view why);
  // The ending that an infrastructure error deserves (§10.1).
  void close_for(const Error& error);

  SyncTransport* transport_;  // null once closed
  const std::shared_ptr<SyncExecutor> executor_;
  const SyncServices& services_;
  const SyncClient client_;
  const std::string name_;  // of this socket, in queues
  std::shared_ptr<Notifier> notifier_;

  std::optional<std::string> session_id_;
  std::optional<int64_t> clock_skew_ms_;
  IdentityPtr identity_ = Identity::anonymous();
  int64_t identity_checked_ns_ = 0;           // monotonic; of an admin's key
  bool parsing_ = false, verifying_ = false;  // a message, a token: later messages wait
  MessagePace pace_;
  bool throttled_ = false;  // messages come too fast: later ones wait
  std::deque<std::string> waiting_;
  size_t waiting_bytes_ = 0;

  Version received_, sent_;   // received_.ts is unused
  Timestamp floor_;           // T must not be below
  bool reconnected_ = false;  // the client has seen results of ours before, on another socket
  std::map<uint32_t, QueryPtr> queries_;
  std::vector<uint32_t> removed_;  // since the last computation started

  std::deque<QueuedMutation> mutations_;
  bool mutation_running_ = false;
  int64_t mutation_began_ns_ = 0;
  size_t running_actions_ = 0;
  bool stopping_ = false;

  bool dirty_ = false;                  // a query was invalidated
  bool forced_ = false;                 // a failed mutation or an action wants a Transition
  std::optional<Timestamp> forced_ts_;  // a successful mutation wants a Transition at or after this
  std::unique_ptr<Computation> computation_;
  uint64_t next_computation_ = 1;
  bool waiting_for_floor_ = false;
  // Of the first computation that has queries to run; afterwards no more is needed.
  enum class Admission { kNeeded, kRequested, kGranted } admission_ = Admission::kNeeded;
  std::shared_ptr<void> ticket_;
  size_t unsent_transitions_ = 0;
  int64_t last_sent_ns_ = 0;
};

}  // namespace hull
