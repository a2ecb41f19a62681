// Operations of one call on their way to the server and back.
//
// Operations started within a turn travel in one OpBatch (Flush). Queries and mutations get their results in
// the order in which they started the operations, whatever the order of arrival, which keeps them
// deterministic; actions get them as they arrive. Streams of documents are answered from read-ahead where
// possible (read_ahead.h). Isolate thread only; every method but Flush and idle must be called within a turn
// of the realm.
#pragma once

#include <v8.h>

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "worker/protocol.pb.h"
#include "worker/read_ahead.h"

namespace hull::worker {

class Realm;

// What a promise resolves to: the JSON text, or [JSON text, bytes | undefined].
enum class ResultShape { kText, kTextAndBytes };

class Ops {
 public:
  Ops(Realm& realm, bool in_order) : realm_(realm), in_order_(in_order) {}
  Ops(const Ops&) = delete;
  Ops& operator=(const Ops&) = delete;

  // Empty with a pending exception if the operation cannot even start.
  v8::MaybeLocal<v8::Promise> Start(const std::string& name, std::string args_json, std::string_view payload,
                                    ResultShape shape);
  // Blocks the isolate thread until the server answered. Empty with a pending exception on failure.
  v8::MaybeLocal<v8::String> RunSync(const std::string& name, std::string args_json);
  // Settles the promises of these results; the caller drains the microtasks. A fatal error fails the realm.
  void OnResults(wire::OpResults results);

  // Sends an operation that has no answer.
  void Notify(const std::string& name, std::string args_json) { Send(name, std::move(args_json), {}, false); }

  void Flush();
  // The body of an HTTP action's response was written to its end.
  bool body_written() const { return body_written_; }
  bool idle() const { return pending_.empty(); }
  ReadAhead& read_ahead() { return read_ahead_; }

 private:
  struct Pending {
    uint64_t op_id = 0;             // 0: a document that was not asked for yet
    std::optional<uint32_t> query;  // set for 1.0/queryStreamNext
    ResultShape shape = ResultShape::kText;
    v8::Global<v8::Promise::Resolver> resolver;
    std::optional<wire::OpResult> result;
  };
  using PendingList = std::list<Pending>;

  uint64_t Send(const std::string& name, std::string args_json, std::string_view payload, bool sync);
  v8::MaybeLocal<v8::Promise> StartStreamNext(const std::string& args_json);
  void Accept(wire::OpResult result);
  void AcceptPage(uint32_t query, wire::OpResult result);
  // Settles what is at the head of the line.
  void Deliver();
  void Settle(Pending& pending, wire::OpResult& result);
  v8::MaybeLocal<v8::String> LocalSync(const std::string& name, const std::string& args_json, bool* handled);
  std::optional<uint32_t> QueryId(const std::string& args_json);
  bool IsLastWrite(const std::string& args_json);
  v8::Local<v8::Value> ErrorOf(const wire::OpError& error);

  Realm& realm_;
  const bool in_order_;
  uint64_t last_op_id_ = 0;
  PendingList pending_;
  std::unordered_map<uint64_t, PendingList::iterator> by_id_;
  std::unordered_map<uint64_t, uint32_t> asks_;  // op id of a request for documents -> query
  ReadAhead read_ahead_;
  bool body_written_ = false;
  wire::FromWorker batch_;
};

}  // namespace hull::worker
