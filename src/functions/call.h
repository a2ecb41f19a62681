// A call of a function and what came of it. Plain data.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "database/engine.h"
#include "functions/identity.h"
#include "value/names.h"
#include "value/value.h"

namespace hull {

class Transaction;

enum class UdfType { kQuery, kMutation, kAction, kHttpAction };
std::string_view udf_type_name(UdfType type);  // "Query", "Mutation", "Action", "HttpAction"

struct RequestContext {
  std::string request_id;    // 16 hex digits, or the client's Convex-Request-Id
  std::string execution_id;  // uuid, one per attempt
  std::optional<std::string> parent_execution_id;
  std::string caller = "HttpApi";  // SyncWorker HttpApi Tester HttpEndpoint Cron Scheduler Action
  std::string client_ip, user_agent;
  std::string client;  // the socket it came by, "" = none; see FunctionCall::caller_name
  int depth = 0;       // of calls between functions
  // Id of the `_scheduled_functions` document that a function runs for, directly or through its callers.
  std::optional<std::string> scheduled_job;
};

struct FunctionCall {
  FunctionPath path;
  Value args;             // array of positional arguments (one object)
  std::string args_json;  // the same as canonical JSON: cache key and what JavaScript receives
  IdentityPtr identity = Identity::anonymous();
  bool allow_internal = false;  // admin callers and calls from functions
  // Text of a missing function: "public" -> "Could not find public function for 'x:y'.", else the
  // /api/function text.
  bool public_not_found_text = true;
  RequestContext context;

  // Who waits for the call, in queues that take turns: the socket it came by, else the address and the user.
  std::string caller_name() const;
};

struct LogLine {
  std::string level;  // DEBUG ERROR WARN INFO LOG
  std::vector<std::string> messages;
  bool truncated = false;
  double timestamp_ms = 0;
  std::string system_code;
  std::string udf_path;        // nested calls: "mod.js:fn"
  std::string pretty() const;  // "[LOG] 'hi' 3"
  void append_structured_json(std::string& out) const;
};

// A function that failed in a way its caller must hear about in the normal body (runtime.md §7): thrown
// errors, validation, missing function, limits, timeouts.
struct FunctionError {
  std::string message;                   // text form: message, "\n", frames, trailing newline
  std::optional<std::string> data_json;  // ConvexError data, Convex JSON
  // "[Request ID: x] Server Error" + (unless redacted) "\n" + message.
  std::string client_text(std::string_view request_id, bool redact) const;
};

struct FunctionResult {
  // Exactly one of value / error / system_error is set, unless `skipped`.
  std::optional<Value> value;
  std::optional<FunctionError> error;
  std::optional<Error> system_error;  // overload, OCC exhausted, internal: not the function's fault
  bool skipped = false;               // instead of the three: MutationFrame::before said no
  std::vector<LogLine> log_lines;
  Timestamp ts;  // query: snapshot; mutation: commit (or snapshot if it wrote nothing)
  bool ok() const { return value.has_value(); }
};
using FunctionCallback = std::function<void(FunctionResult)>;

// What the server itself does in the transaction of a mutation, around the function (scheduling.md §3.1): the
// mutation's writes and these are committed together or not at all. Both run once per attempt, on the thread
// that runs the call; their errors end the call.
struct MutationFrame {
  // Before the function. False: it must not run (any more).
  std::function<Result<bool>(Transaction&)> before;
  // After the function has returned `value`.
  std::function<Result<void>(Transaction&, const Value& value, const std::vector<LogLine>& lines)> after;
};

// Idempotency key of a mutation sent over a websocket (sync-protocol.md §6.2).
struct SessionRequest {
  std::string session_id;  // uuid
  uint32_t request_id = 0;
};

}  // namespace hull
