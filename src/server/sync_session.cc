#include "server/sync_session.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "base/random.h"
#include "server/sync_computation.h"
#include "value/json.h"

namespace hull {

std::shared_ptr<SyncSession> SyncSession::create(SyncTransport* transport,
                                                 std::shared_ptr<SyncExecutor> executor,
                                                 const SyncServices& services, SyncClient client) {
  std::shared_ptr<SyncSession> session(
      new SyncSession(transport, std::move(executor), services, std::move(client)));
  session->notifier_ = std::make_shared<Notifier>(session->executor_, session);
  return session;
}

SyncSession::SyncSession(SyncTransport* transport, std::shared_ptr<SyncExecutor> executor,
                         const SyncServices& services, SyncClient client)
    : transport_(transport),
      executor_(std::move(executor)),
      services_(services),
      client_(std::move(client)),
      name_("socket " + random_hex(8)),
      pace_(services.message_rate),
      last_sent_ns_(services.now_monotonic_ns()) {}

SyncSession::~SyncSession() = default;

void SyncSession::on_message(std::string text) {
  if (transport_ == nullptr || stopping_) return;
  services_.counters->messages_in.fetch_add(1, std::memory_order_relaxed);
  if (!parsing_ && !verifying_ && !throttled_) return accept(std::move(text));
  waiting_bytes_ += text.size();
  waiting_.push_back(std::move(text));
}

void SyncSession::accept(std::string text) {
  const auto pause = pace_.received(services_.now_monotonic_ns());
  if (!pause) return close(1013, "TooManyRequests");
  if (pause->count() > 0) {
    throttled_ = true;
    executor_->post_after(*pause, [weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self) return;
      self->throttled_ = false;
      self->take_waiting_messages();
    });
  }
  if (text.size() <= kParseInlineBytes) return parsed(parse_client_message(text));
  parsing_ = true;
  services_.run_parsing([text = std::move(text), executor = executor_, weak = weak_from_this()] {
    auto message = std::make_shared<Result<ClientMessage>>(parse_client_message(text));
    executor->post([weak, message] {
      auto self = weak.lock();
      if (!self || self->transport_ == nullptr) return;
      self->parsing_ = false;
      self->parsed(std::move(*message));
      self->take_waiting_messages();
    });
  });
}

void SyncSession::parsed(Result<ClientMessage> message) {
  if (!message.ok()) return fatal("Received Invalid JSON on websocket: " + message.error().message);
  std::visit([this](auto& m) { handle(m); }, *message);
}

void SyncSession::take_waiting_messages() {
  while (!waiting_.empty() && !parsing_ && !verifying_ && !throttled_ && transport_ != nullptr) {
    std::string next = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= next.size();
    accept(std::move(next));
  }
}

void SyncSession::handle(ConnectMessage& message) {
  session_id_ = message.session_id;
  if (message.client_ts && std::isfinite(*message.client_ts)) {
    double skew = *message.client_ts - static_cast<double>(services_.now_unix_ns()) / 1e6;
    clock_skew_ms_ = static_cast<int64_t>(std::llround(std::clamp(skew, -1e15, 1e15)));
  }
  if (!message.max_observed) return;
  // The client saw a newer state than ours: never show it an older one (§11.5).
  if (message.max_observed->ns > services_.now_unix_ns() &&
      *message.max_observed > services_.runner->engine().latest()) {
    close_internal("the client has observed a timestamp that lies in the future");
    return;
  }
  floor_ = std::max(floor_, *message.max_observed);
  reconnected_ = true;
}

void SyncSession::handle(ModifyQuerySetMessage& message) {
  if (message.base_version != received_.query_set) {
    close_internal("base version of a query set change does not match");
    return;
  }
  if (message.new_version <= message.base_version) {
    close_internal("new version of a query set change is not above its base");
    return;
  }
  for (auto& modification : message.modifications) {
    if (auto* add = std::get_if<AddQuery>(&modification)) {
      auto [it, inserted] = queries_.try_emplace(add->query_id);
      if (!inserted) {
        close_internal("a query id was added twice");
        return;
      }
      it->second = std::make_shared<SyncQuery>();
      it->second->id = add->query_id;
      it->second->function = std::move(add->function);
      it->second->journal = std::move(add->journal);
    } else {
      uint32_t id = std::get<RemoveQuery>(modification).query_id;
      if (queries_.erase(id) == 0) {
        close_internal("an unknown query id was removed");
        return;
      }
      removed_.push_back(id);
    }
  }
  received_.query_set = message.new_version;
  services_.counters->query_set_size.Observe(static_cast<double>(queries_.size()));
  maybe_compute();
}

void SyncSession::handle(AuthenticateMessage& message) {
  if (message.base_version != received_.identity) {
    close_internal("base version of an Authenticate message does not match");
    return;
  }
  switch (message.type) {
    case AuthenticateMessage::Type::kNone:
      authenticated(message.base_version, Identity::anonymous());
      return;
    case AuthenticateMessage::Type::kAdmin:
      authenticated(message.base_version, message.acting_as ? services_.auth->from_admin_key(
                                                                  message.value, message.acting_as->view())
                                                            : services_.auth->from_admin_key(message.value));
      return;
    case AuthenticateMessage::Type::kUser:
      verifying_ = true;
      services_.auth->from_jwt(message.value, [base = message.base_version, executor = executor_,
                                               weak = weak_from_this()](Result<IdentityPtr> identity) {
        executor->post([weak, base, identity = std::move(identity)]() mutable {
          if (auto self = weak.lock()) self->authenticated(base, std::move(identity));
        });
      });
      return;
  }
}

void SyncSession::handle(IgnoredMessage& message) {
  if (message.type != "Event") spdlog::debug("Ignored a websocket message of unknown type");
}

void SyncSession::authenticated(uint32_t base_version, Result<IdentityPtr> identity) {
  if (transport_ == nullptr) return;
  if (!identity.ok()) {
    const Error& error = identity.error();
    bool rejected = error.kind == ErrorKind::kUnauthenticated || error.kind == ErrorKind::kForbidden ||
                    error.kind == ErrorKind::kBadRequest || error.kind == ErrorKind::kNotFound;
    if (rejected) {
      fail_auth(base_version, error.message, true);
    } else {
      close_for(error);
    }
    return;
  }
  identity_ = std::move(*identity);
  identity_checked_ns_ = services_.now_monotonic_ns();
  ++received_.identity;
  verifying_ = false;
  // Later messages see the new identity.
  take_waiting_messages();
  if (transport_ != nullptr) maybe_compute();
}

void SyncSession::transition_written() {
  if (unsent_transitions_ > 0) --unsent_transitions_;
  if (transport_ != nullptr) maybe_compute();
}

void SyncSession::on_tick() {
  if (transport_ == nullptr) return;
  constexpr int64_t kSilence = 14'500'000'000;  // ticks come every 5 s and may be early by a little
  const int64_t now = services_.now_monotonic_ns();
  if (mutation_running_ && now - mutation_began_ns_ >= kMaxMutationNs) {
    close_internal("a mutation took longer than 60 s");  // the client sends it again
    return;
  }
  if (now - last_sent_ns_ >= kSilence) send(std::string("{\"type\":\"Ping\"}"));
}

void SyncSession::closed() {
  transport_ = nullptr;
  computation_.reset();
  queries_.clear();
  waiting_.clear();
  waiting_bytes_ = 0;
  mutations_.clear();
  ticket_.reset();
}

void SyncSession::shut_down() {
  stopping_ = true;
  close_if_drained();
}

void SyncSession::close_if_drained() {
  if (stopping_ && !mutation_running_ && running_actions_ == 0) close(1012, "InternalServerError");
}

void SyncSession::send(OutgoingMessage message, SendKind kind) {
  if (transport_ == nullptr) return;
  services_.counters->messages_out.fetch_add(1, std::memory_order_relaxed);
  last_sent_ns_ = services_.now_monotonic_ns();
  transport_->send(std::move(message), kind);
}

bool SyncSession::check_expiry() {
  if (identity_->expires_unix_s && services_.now_unix_ns() / 1'000'000'000 >= *identity_->expires_unix_s) {
    fail_auth(sent_.identity, "Convex token identity expired", false);
    return false;
  }
  // The check needs nobody else, so no key gets old enough to expire by itself.
  constexpr int64_t kRecheck = 60'000'000'000;
  const int64_t now = services_.now_monotonic_ns();
  if (!identity_->is_admin() || now - identity_checked_ns_ < kRecheck) return true;
  identity_checked_ns_ = now;
  auto checked = services_.auth->check_again(*identity_);
  if (!checked.ok()) fail_auth(sent_.identity, checked.error().message, false);
  return checked.ok();
}

void SyncSession::fail_auth(uint32_t base_version, std::string_view error, bool attempted) {
  services_.counters->auth_errors.fetch_add(1, std::memory_order_relaxed);
  std::string text = "{\"type\":\"AuthError\",\"error\":";
  append_json_string(error, text);
  text += ",\"baseVersion\":" + std::to_string(base_version);
  text += attempted ? ",\"authUpdateAttempted\":true}" : ",\"authUpdateAttempted\":false}";
  send(std::move(text));
  close(std::nullopt, "");
}

void SyncSession::fatal(const std::string& error, std::optional<uint16_t> code, std::string reason) {
  std::string text = "{\"type\":\"FatalError\",\"error\":";
  append_json_string(error, text);
  text += '}';
  send(std::move(text));
  close(code, std::move(reason));
}

void SyncSession::close(std::optional<uint16_t> code, std::string reason) {
  if (transport_ == nullptr) return;
  SyncTransport* transport = transport_;
  closed();
  transport->close(code, reason.substr(0, 123));
}

void SyncSession::close_internal(std::string_view why) {
  services_.counters->server_errors.fetch_add(1, std::memory_order_relaxed);
  spdlog::info("Closing a sync websocket with 1011: {}", why);
  close(1011, "InternalServerError");
}

void SyncSession::close_for(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kUnauthenticated:
      fail_auth(sent_.identity, error.message, true);
      return;
    case ErrorKind::kBadRequest:
    case ErrorKind::kConflict:
      fatal(error.message);
      return;
    case ErrorKind::kForbidden:
    case ErrorKind::kLimit:
      fatal(error.message, 1000, error.code);
      return;
    case ErrorKind::kNotFound:
      close(1000, error.code);
      return;
    case ErrorKind::kRateLimited:
    case ErrorKind::kOverloaded:
    case ErrorKind::kOcc:
      close(1013, error.code);
      return;
    case ErrorKind::kOutOfRetention:
      close(1013, "InternalServerError");
      return;
    case ErrorKind::kTooLarge:
    case ErrorKind::kUnsupportedMedia:
    case ErrorKind::kInternal:
      break;
  }
  close_internal(error.message);
}

}  // namespace hull
