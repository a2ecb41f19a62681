// Mutations and actions of a sync session (sync-protocol.md §6).
#include <algorithm>

#include "base/digest.h"
#include "base/random.h"
#include "server/sync_computation.h"
#include "server/sync_session.h"
#include "value/json.h"

namespace hull {

void SyncSession::handle(MutationMessage& message) {
  if (!check_expiry()) return;
  if (mutations_.size() >= kMaxQueuedMutations) {
    close(1013, "TooManyConcurrentMutations");
    return;
  }
  mutations_.push_back({message.request_id, std::move(message.function), identity_, session_id_,
                        services_.now_monotonic_ns()});
  start_next_mutation();
}

void SyncSession::start_next_mutation() {
  if (mutation_running_ || mutations_.empty() || transport_ == nullptr || stopping_) return;
  QueuedMutation next = std::move(mutations_.front());
  mutations_.pop_front();
  mutation_running_ = true;
  mutation_began_ns_ = services_.now_monotonic_ns();
  services_.counters->mutation_queue.Observe(static_cast<double>(mutation_began_ns_ - next.arrived_ns) / 1e9);
  std::string text_id = derive_request_id(next.session_id, next.request_id);
  if (auto refused = refusal(next.function, *next.identity)) {
    FunctionResult result;
    result.error = FunctionError{*refused, std::nullopt};
    // Through the executor, so that a long queue of refusals does not recurse.
    executor_->post(
        [weak = weak_from_this(), id = next.request_id, text_id, result = std::move(result)]() mutable {
          if (auto self = weak.lock()) self->finish_mutation(id, text_id, std::move(result));
        });
    return;
  }
  std::optional<SessionRequest> session;
  if (next.session_id) session = SessionRequest{*next.session_id, next.request_id};
  services_.runner->mutation(
      make_call(next.function, next.identity, text_id), std::move(session),
      [weak = weak_from_this(), executor = executor_, id = next.request_id, text_id](FunctionResult result) {
        executor->post([weak, id, text_id, result = std::move(result)]() mutable {
          if (auto self = weak.lock()) self->finish_mutation(id, text_id, std::move(result));
        });
      });
}

void SyncSession::finish_mutation(uint32_t request_id, const std::string& text_id, FunctionResult result) {
  mutation_running_ = false;
  if (transport_ == nullptr) return;
  if (result.system_error && !result.system_error->is_deterministic()) {
    close_for(*result.system_error);  // no response: the client sends the request again after reconnecting
    return;
  }
  if (result.ok()) {
    send_success("MutationResponse", request_id, result, result.ts);
    floor_ = std::max(floor_, result.ts);
    forced_ts_ = std::max(forced_ts_.value_or(result.ts), result.ts);
  } else {
    std::string text = result.error ? result.error->message : result.system_error->message + "\n";
    send_failure("MutationResponse", request_id, text_id, text,
                 result.error ? result.error->data_json : result.system_error->data_json, result.log_lines);
    forced_ = true;
  }
  start_next_mutation();
  if (!mutation_running_) stop_holding();
  maybe_compute();
  close_if_drained();
}

void SyncSession::handle(ActionMessage& message) {
  if (!check_expiry()) return;
  if (running_actions_ >= kMaxRunningActions) {
    close(1013, "TooManyInflightActionsForSingleClient");
    return;
  }
  ++running_actions_;
  std::string text_id = derive_request_id(session_id_, message.request_id);
  if (auto refused = refusal(message.function, *identity_)) {
    FunctionResult result;
    result.error = FunctionError{*refused, std::nullopt};
    finish_action(message.request_id, text_id, std::move(result));
    return;
  }
  services_.runner->action(make_call(message.function, identity_, text_id),
                           [weak = weak_from_this(), executor = executor_, id = message.request_id,
                            text_id](FunctionResult result) {
                             executor->post([weak, id, text_id, result = std::move(result)]() mutable {
                               if (auto self = weak.lock())
                                 self->finish_action(id, text_id, std::move(result));
                             });
                           });
}

void SyncSession::finish_action(uint32_t request_id, const std::string& text_id, FunctionResult result) {
  --running_actions_;
  if (transport_ == nullptr) return;
  if (result.ok()) {
    send_success("ActionResponse", request_id, result, std::nullopt);
  } else if (result.error) {
    send_failure("ActionResponse", request_id, text_id, result.error->message, result.error->data_json,
                 result.log_lines);
  } else {
    // Closing the socket would fail every action of this client; failing this one is kinder (§6.3).
    send_failure("ActionResponse", request_id, text_id,
                 std::string(result.system_error->public_message()) + "\n", result.system_error->data_json,
                 result.log_lines);
  }
  forced_ = true;
  maybe_compute();
  close_if_drained();
}

FunctionCall SyncSession::make_call(const FunctionReference& function, IdentityPtr identity,
                                    std::string request_id) const {
  FunctionCall call;
  call.path = function.path;
  call.args = function.args;
  call.args_json = function.args_json;
  call.allow_internal = identity->is_admin();
  call.identity = std::move(identity);
  call.public_not_found_text = true;
  call.context.request_id = std::move(request_id);
  call.context.execution_id = random_uuid();
  call.context.caller = "SyncWorker";
  call.context.client = name_;
  call.context.client_ip = client_.ip;
  call.context.user_agent = client_.user_agent;
  return call;
}

std::optional<std::string> SyncSession::refusal(const FunctionReference& function,
                                                const Identity& identity) const {
  if (function.failure) return function.failure;
  if (function.component_path.empty()) return std::nullopt;
  if (!identity.is_admin()) {
    return "Only admin or system users can call functions on non-root components directly\n";
  }
  return "Component path '" + function.component_path + "' not found\n";
}

std::string SyncSession::derive_request_id(const std::optional<std::string>& session_id,
                                           uint32_t request_id) const {
  if (!session_id) return random_hex(8);
  return sha256_hex(*session_id + "|" + std::to_string(request_id)).substr(0, 16);
}

std::string SyncSession::log_lines_json(const std::vector<LogLine>& lines) const {
  if (services_.redact_logs || lines.empty()) return "[]";
  std::string out = "[";
  for (const LogLine& line : lines) {
    if (out.size() > 1) out += ',';
    append_json_string(line.pretty(), out);
  }
  out += ']';
  return out;
}

void SyncSession::send_success(const char* type, uint32_t request_id, const FunctionResult& result,
                               std::optional<Timestamp> ts) {
  std::string text = "{\"type\":\"";
  text += type;
  text += "\",\"requestId\":" + std::to_string(request_id) + ",\"success\":true,\"result\":";
  append_json(*result.value, text);
  if (ts) text += ",\"ts\":\"" + encode_timestamp(*ts) + '"';
  text += ",\"logLines\":" + log_lines_json(result.log_lines) + '}';
  send(std::move(text));
}

void SyncSession::send_failure(const char* type, uint32_t request_id, const std::string& text_id,
                               std::string_view error, const std::optional<std::string>& data_json,
                               const std::vector<LogLine>& log_lines) {
  std::string text = "{\"type\":\"";
  text += type;
  text += "\",\"requestId\":" + std::to_string(request_id) + ",\"success\":false,\"result\":";
  append_json_string(failure_text(text_id, error, services_.redact_logs), text);
  text += ",\"logLines\":" + log_lines_json(log_lines);
  if (data_json) text += ",\"errorData\":" + *data_json;
  text += '}';
  send(std::move(text));
}

}  // namespace hull
