// One running function: from StartCall to CallDone.
//
// Isolate thread only. The worker feeds it the results of its operations; between two feeds no JavaScript of
// this call runs, and other calls may.
#pragma once

#include <v8.h>

#include <chrono>
#include <optional>

#include "worker/ops.h"
#include "worker/protocol.pb.h"
#include "worker/realm.h"

namespace hull::worker {

class Call {
 public:
  using Clock = std::chrono::steady_clock;

  // `entry` is the snapshot's context for the module, nullptr: load the module from source. `caller`: the
  // call that made this one, nullptr if it came from outside.
  Call(Host& host, wire::StartCall start, const wire::SnapshotEntry* entry, const Call* caller);

  void Begin();
  void OnResults(wire::OpResults results);
  // Ends the call from outside.
  void Cancel();
  // Actions are limited in wall-clock time, waiting included.
  std::optional<Clock::time_point> deadline() const { return deadline_; }
  void OnDeadline();

  // CallDone was sent.
  bool done() const { return done_; }
  uint64_t caller_id() const { return start_.parent_call_id(); }
  // Takes over what a call made from this one has used and printed; it is done.
  void Absorb(Call& callee);

 private:
  bool ordered() const { return start_.type() == wire::QUERY || start_.type() == wire::MUTATION; }
  Phase phase() const;
  void Invoke();
  // After each turn: sends what was produced and finds out whether the call is over.
  void AfterTurn();
  void Finish(std::optional<std::string> result);
  v8::MaybeLocal<v8::Value> InvokeHttp(v8::Local<v8::Object> exports, v8::Local<v8::String> request);
  // True once nothing of the settled HTTP action's response is left to send.
  bool ResponseComplete(const std::string& response_json);
  void SendLiveLogs();
  void CollectUnawaited(wire::CallDone* done);

  Host& host_;
  const wire::StartCall start_;
  const wire::SnapshotEntry* const entry_;
  Realm realm_;
  Ops ops_;
  v8::Global<v8::Promise> promise_;
  std::optional<Clock::time_point> deadline_;
  bool response_announced_ = false;
  bool done_ = false;
};

}  // namespace hull::worker
