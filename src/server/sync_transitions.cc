// When and how a sync session computes Transitions (sync-protocol.md §5, §8.1, §9.2, §9.4).
#include <algorithm>

#include "base/log.h"
#include "base/random.h"
#include "server/sync_chunks.h"
#include "server/sync_computation.h"
#include "server/sync_session.h"

namespace hull {
namespace {

bool is_transient(const Error& error) {
  return error.kind == ErrorKind::kOverloaded || error.kind == ErrorKind::kRateLimited ||
         error.kind == ErrorKind::kOcc || error.kind == ErrorKind::kOutOfRetention;
}

// Functions cannot tell the two apart, so results stay good (a token refreshed with equal claims).
bool same_caller(const Identity& a, const Identity& b) {
  return &a == &b || (a.is_admin() == b.is_admin() && a.cache_key() == b.cache_key());
}

}  // namespace

void SyncSession::invalidated() {
  if (transport_ == nullptr) return;
  dirty_ = true;
  maybe_compute();
}

void SyncSession::maybe_compute() {
  if (transport_ == nullptr || computation_) return;
  bool versions_moved = received_.query_set != sent_.query_set || received_.identity != sent_.identity;
  if (!dirty_ && !forced_ && !forced_ts_ && !versions_moved) return;
  if (unsent_transitions_ >= kMaxUnsentTransitions) return;
  if (!check_expiry()) return;
  if (wait_for_floor() || wait_for_admission()) return;
  begin_computation();
}

bool SyncSession::wait_for_floor() {
  Engine& engine = services_.runner->engine();
  if (waiting_for_floor_) return true;
  if (engine.latest() >= floor_) return false;
  // Only after a client came with a timestamp from a former life of this database: move the clock past it.
  waiting_for_floor_ = true;
  engine.advance_to(floor_);
  engine.when_published(floor_, [weak = weak_from_this(), executor = executor_] {
    executor->post([weak] {
      auto self = weak.lock();
      if (!self || self->transport_ == nullptr) return;
      self->waiting_for_floor_ = false;
      if (self->services_.runner->engine().latest() < self->floor_) {
        // Nothing can be committed at present. Older states are not for this client.
        self->close_internal("the clock cannot be moved past what a client has observed");
        return;
      }
      self->maybe_compute();
    });
  });
  return true;
}

bool SyncSession::wait_for_admission() {
  if (admission_ == Admission::kGranted || queries_.empty()) return false;
  if (admission_ == Admission::kRequested) return true;
  admission_ = Admission::kRequested;
  ticket_ = services_.admission->enter(std::min(queries_.size(), kMaxRunningQueries),
                                       [weak = weak_from_this(), executor = executor_] {
                                         executor->post([weak, executor] {
                                           auto self = weak.lock();
                                           if (!self || self->transport_ == nullptr) return;
                                           self->admission_ = Admission::kGranted;
                                           executor->post_after(SyncAdmission::kMaxStay, [weak] {
                                             if (auto late = weak.lock()) late->ticket_.reset();
                                           });
                                           self->maybe_compute();
                                         });
                                       });
  return true;
}

void SyncSession::begin_computation() {
  computation_ = std::make_unique<Computation>();
  Computation& c = *computation_;
  c.id = next_computation_++;
  c.began_ns = services_.now_monotonic_ns();
  c.query_set = received_.query_set;
  c.identity_version = received_.identity;
  c.identity = identity_;
  c.ts = std::max(services_.runner->engine().latest(), floor_);
  c.must_send =
      forced_ || forced_ts_ || c.query_set != sent_.query_set || c.identity_version != sent_.identity;
  c.removed = std::exchange(removed_, {});
  std::sort(c.removed.begin(), c.removed.end());
  c.removed.erase(std::unique(c.removed.begin(), c.removed.end()), c.removed.end());
  // Added again: there is a new result instead.
  std::erase_if(c.removed, [this](uint32_t id) { return queries_.contains(id); });
  dirty_ = false;
  c.slots.reserve(queries_.size());
  for (auto& [id, query] : queries_) {
    Computation::Slot slot;
    slot.query = query;
    slot.refused = refusal(query->function, *c.identity);
    if (query->entry && (slot.refused || !same_caller(*query->entry_identity, *c.identity))) {
      query->entry = nullptr;
      query->watch = nullptr;
    }
    query->entry_identity = c.identity;
    c.slots.push_back(std::move(slot));
  }
  run_stale_queries();
}

void SyncSession::run_stale_queries() {
  Computation& c = *computation_;
  c.to_run.clear();
  c.begun = 0;
  for (size_t i = 0; i < c.slots.size(); ++i) {
    Computation::Slot& slot = c.slots[i];
    if (slot.refused || (slot.query->entry && slot.query->entry->valid_at(c.ts))) continue;
    CachedQueryPtr newer = slot.query->entry ? slot.query->entry->successor(c.ts) : nullptr;
    if (newer) {
      services_.runner->took_result(make_call(slot.query->function, c.identity, random_hex(8)), *newer);
      take_result(i, std::move(newer));
    } else {
      c.to_run.push_back(i);
    }
  }
  if (c.to_run.empty()) {
    round_finished();
  } else {
    feed_runs();
  }
}

void SyncSession::feed_runs() {
  // Answers are posted, so the strand handles none before this loop ends, and `c` stays alive.
  Computation& c = *computation_;
  while (c.begun < c.to_run.size() && c.running < kMaxRunningQueries) {
    const size_t index = c.to_run[c.begun++];
    ++c.running;
    const QueryPtr& query = c.slots[index].query;
    services_.runner->query(
        make_call(query->function, c.identity, random_hex(8)), query->journal, c.ts, c.exactly,
        [weak = weak_from_this(), executor = executor_, id = c.id, index](QueryOutcome outcome) {
          executor->post([weak, id, index, outcome = std::move(outcome)]() mutable {
            if (auto self = weak.lock()) self->query_finished(id, index, std::move(outcome));
          });
        });
  }
}

void SyncSession::query_finished(uint64_t computation, size_t index, QueryOutcome outcome) {
  if (!computation_ || computation_->id != computation) return;
  Computation& c = *computation_;
  if (outcome.query) {
    take_result(index, std::move(outcome.query));
  } else if (!c.system_error || is_transient(*c.system_error)) {
    c.system_error = outcome.system_error.value_or(Error::internal("query without an outcome"));
    c.begun = c.to_run.size();  // the rest would meet the same trouble
  }
  --c.running;
  if (++c.answered == SyncAdmission::kQueriesPerStay) ticket_.reset();
  feed_runs();
  if (c.running == 0) round_finished();
}

void SyncSession::take_result(size_t index, CachedQueryPtr result) {
  Computation::Slot& slot = computation_->slots[index];
  SyncQuery& query = *slot.query;
  query.entry = std::move(result);
  if (query.entry->ok()) query.journal = query.entry->journal();
  slot.rerun = true;
  query.watch = query.entry->watch([notifier = notifier_] { notifier->notify(); });
}

void SyncSession::round_finished() {
  Computation& c = *computation_;
  if (c.system_error) {
    Error error = std::move(*c.system_error);
    c.system_error.reset();
    if (is_transient(error)) {
      retry_later(error);
    } else {
      close_for(error);
    }
    return;
  }
  Timestamp ts = c.ts;
  if (!c.exactly) {
    for (const auto& slot : c.slots) {
      if (!slot.refused) ts = std::max(ts, slot.query->entry->ts());
    }
    bool agreed = std::all_of(c.slots.begin(), c.slots.end(), [ts](const Computation::Slot& slot) {
      return slot.refused || slot.query->entry->valid_at(ts);
    });
    if (!agreed) {
      c.ts = services_.agreed->at_or_after(ts, services_.runner->engine(), services_.now_monotonic_ns());
      c.exactly = true;
      run_stale_queries();
      return;
    }
  }
  if (!hold_for_replays(ts)) finish_computation(ts);
}

// A client that comes back sends its unanswered mutations again. Some have committed long ago, so the first
// Transition shows what they wrote; if it came before their answers, the client would show that and its
// optimistic updates at once (§6.1.6). It waits for the mutations that have arrived so far, a short while.
bool SyncSession::hold_for_replays(Timestamp ts) {
  if (!reconnected_ || (!mutation_running_ && mutations_.empty())) return false;
  reconnected_ = false;
  computation_->held = true;
  computation_->ts = ts;
  executor_->post_after(kMaxHold, [weak = weak_from_this(), id = computation_->id] {
    auto self = weak.lock();
    if (self && self->computation_ && self->computation_->id == id) self->stop_holding();
  });
  return true;
}

void SyncSession::stop_holding() {
  if (!computation_ || !computation_->held) return;
  Computation& c = *computation_;
  c.held = c.exactly = false;
  c.ts = std::max(c.ts, floor_);
  run_stale_queries();
}

void SyncSession::retry_later(const Error& error) {
  Computation& c = *computation_;
  ++c.failures;
  c.exactly = false;
  double cap_ms = std::min(500.0 * static_cast<double>(1u << std::min(c.failures - 1, 12)), 600'000.0);
  double jitter = static_cast<double>(random_u64() >> 11) / 9007199254740992.0;
  spdlog::debug("Retrying a transition after {}", error.code);
  executor_->post_after(std::chrono::milliseconds(static_cast<int64_t>(cap_ms * jitter)),
                        [weak = weak_from_this(), id = c.id] {
                          auto self = weak.lock();
                          if (!self || !self->computation_ || self->computation_->id != id) return;
                          Computation& again = *self->computation_;
                          again.ts = std::max(again.ts, self->services_.runner->engine().latest());
                          self->run_stale_queries();
                        });
}

void SyncSession::finish_computation(Timestamp ts) {
  std::unique_ptr<Computation> c = std::move(computation_);
  reconnected_ = false;
  ticket_.reset();
  const Version end{c->query_set, c->identity_version, ts};
  OutgoingMessage message;
  auto next_modification = [&, any = false]() mutable {
    if (std::exchange(any, true)) {
      message.own() += ',';
    } else {
      begin_transition(end, message.own());
    }
  };
  for (auto& slot : c->slots) {
    SyncQuery& query = *slot.query;
    const std::string refused = slot.refused ? "refused:" + *slot.refused : std::string();
    const std::string& hash = slot.refused ? refused : query.entry->content_hash();
    if (query.reported_hash == hash) {
      if (slot.rerun) services_.counters->deduplicated.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    query.reported_hash = hash;
    next_modification();
    if (slot.refused) {
      append_query_failure(message, query.id, *slot.refused, random_hex(8), services_.redact_logs);
    } else {
      append_query_result(message, query.id, *query.entry, services_.redact_logs);
    }
    if (slot.refused || !query.entry->ok())
      services_.counters->query_failed.fetch_add(1, std::memory_order_relaxed);
  }
  for (uint32_t id : c->removed) {
    next_modification();
    append_query_removed(message, id);
  }

  const bool empty = message.empty();
  if (empty) {
    bool owed = c->must_send || forced_ || forced_ts_;
    if (!owed) {
      maybe_compute();  // an invalidation that changed nothing the client can see
      return;
    }
    begin_transition(end, message.own());
  }
  std::string& text = message.own();
  text += ']';
  if (clock_skew_ms_) text += ",\"clientClockSkew\":" + std::to_string(*clock_skew_ms_);
  text += ",\"serverTs\":" + std::to_string(services_.now_unix_ns()) + '}';

  sent_ = end;
  floor_ = std::max(floor_, ts);
  forced_ = false;
  if (forced_ts_ && *forced_ts_ <= ts) forced_ts_.reset();
  services_.counters->transitions.fetch_add(1, std::memory_order_relaxed);
  services_.counters->update_queries.Observe(static_cast<double>(services_.now_monotonic_ns() - c->began_ns) /
                                             1e9);
  services_.counters->transition_bytes.Observe(static_cast<double>(message.size()));
  if (empty) services_.counters->empty_transitions.fetch_add(1, std::memory_order_relaxed);
  send_transition(std::move(message));
  maybe_compute();
}

void SyncSession::begin_transition(const Version& end, std::string& out) const {
  auto append_version = [&out](const Version& v) {
    out += "{\"querySet\":";
    out += std::to_string(v.query_set);
    out += ",\"identity\":";
    out += std::to_string(v.identity);
    out += ",\"ts\":\"";
    out += encode_timestamp(v.ts);
    out += "\"}";
  };
  out.reserve(512);
  out += "{\"type\":\"Transition\",\"startVersion\":";
  append_version(sent_);
  out += ",\"endVersion\":";
  append_version(end);
  out += ",\"modifications\":[";
}

void SyncSession::send_transition(OutgoingMessage message) {
  ++unsent_transitions_;
  if (!client_.accepts_chunks || message.size() <= kChunkBytes) {
    send(std::move(message), SendKind::kTransitionEnd);
    return;
  }
  std::vector<std::string> parts = chunk_transition(message.flat(), kChunkBytes);
  for (size_t i = 0; i < parts.size(); ++i) {
    send(std::move(parts[i]), i + 1 == parts.size() ? SendKind::kTransitionEnd : SendKind::kTransitionPart);
  }
}

}  // namespace hull
