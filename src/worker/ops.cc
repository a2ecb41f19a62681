#include "worker/ops.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "worker/host.h"
#include "worker/realm.h"
#include "worker/strings.h"

namespace hull::worker {

using v8::Context;
using v8::Local;
using v8::MaybeLocal;
using v8::Promise;
using v8::String;
using v8::Value;

namespace {

constexpr char kStreamNext[] = "1.0/queryStreamNext";
constexpr char kStreamOpen[] = "1.0/queryStream";
constexpr char kStreamClose[] = "1.0/queryCleanup";
constexpr char kBodyWrite[] = "response/write";
constexpr char kUnknownQuery[] = "in-progress query not found";

}  // namespace

uint64_t Ops::Send(const std::string& name, std::string args_json, std::string_view payload, bool sync) {
  auto* op = batch_.mutable_ops()->add_ops();
  op->set_op_id(++last_op_id_);
  op->set_name(name);
  op->set_args_json(std::move(args_json));
  if (!payload.empty()) op->set_payload(payload.data(), payload.size());
  op->set_sync(sync);
  return last_op_id_;
}

void Ops::Flush() {
  if (!batch_.has_ops() || batch_.ops().ops().empty()) return;
  auto* batch = batch_.mutable_ops();
  // Closing a query is no reason to send anything: the end of the call closes it as well. In an action it is
  // an operation like any other, which has an answer.
  const bool worth_it = std::any_of(batch->ops().begin(), batch->ops().end(), [](const wire::Op& op) {
    return op.sync() || op.name() != kStreamClose;
  });
  if (!worth_it) return;
  batch->set_call_id(realm_.id());
  read_ahead_.TakeConsumed(batch->mutable_consumed());
  realm_.host().socket.Send(batch_);
  batch_.Clear();
}

std::optional<uint32_t> Ops::QueryId(const std::string& args_json) {
  constexpr std::string_view kHead = "{\"queryId\":";
  uint32_t id = 0;
  if (args_json.starts_with(kHead)) {
    const char* end = args_json.data() + args_json.size();
    const auto [at, error] = std::from_chars(args_json.data() + kHead.size(), end, id);
    if (error == std::errc() && at + 1 == end && *at == '}') return id;
  }
  v8::Isolate* isolate = realm_.host().v8();
  const Local<Context> context = realm_.context();
  const v8::TryCatch ignored(isolate);
  Local<Value> parsed;
  if (!v8::JSON::Parse(context, ToV8(isolate, args_json)).ToLocal(&parsed) || !parsed->IsObject()) {
    return std::nullopt;
  }
  const Local<Value> value = Property(context, parsed.As<v8::Object>(), "queryId");
  if (!value->IsUint32()) return std::nullopt;
  return value.As<v8::Uint32>()->Value();
}

bool Ops::IsLastWrite(const std::string& args_json) {
  v8::Isolate* isolate = realm_.host().v8();
  const v8::TryCatch ignored(isolate);
  Local<Value> args;
  return v8::JSON::Parse(realm_.context(), ToV8(isolate, args_json)).ToLocal(&args) && args->IsObject() &&
         Property(realm_.context(), args.As<v8::Object>(), "done")->IsTrue();
}

MaybeLocal<Promise> Ops::Start(const std::string& name, std::string args_json, std::string_view payload,
                               ResultShape shape) {
  if (name == kStreamNext && in_order_) return StartStreamNext(args_json);
  Local<Promise::Resolver> resolver;
  if (!Promise::Resolver::New(realm_.context()).ToLocal(&resolver)) return {};
  if (name == kBodyWrite && IsLastWrite(args_json)) body_written_ = true;
  Pending& pending = pending_.emplace_back();
  pending.op_id = Send(name, std::move(args_json), payload, false);
  pending.shape = shape;
  pending.resolver.Reset(realm_.host().v8(), resolver);
  by_id_[pending.op_id] = std::prev(pending_.end());
  return resolver->GetPromise();
}

MaybeLocal<Promise> Ops::StartStreamNext(const std::string& args_json) {
  v8::Isolate* isolate = realm_.host().v8();
  const Local<Context> context = realm_.context();
  Local<Promise::Resolver> resolver;
  if (!Promise::Resolver::New(context).ToLocal(&resolver)) return {};
  const auto query = QueryId(args_json);
  if (!query || !read_ahead_.Exists(*query)) {
    resolver->Reject(context, v8::Exception::Error(ToV8(isolate, kUnknownQuery))).Check();
    return resolver->GetPromise();
  }
  if (pending_.empty()) {
    if (const auto row = read_ahead_.Next(*query)) {
      resolver->Resolve(context, ToV8(isolate, *row)).Check();
      return resolver->GetPromise();
    }
  }
  Pending& pending = pending_.emplace_back();
  pending.query = query;
  pending.resolver.Reset(isolate, resolver);
  if (!read_ahead_.Ready(*query) && !read_ahead_.asking(*query)) {
    asks_[Send(kStreamNext, read_ahead_.Ask(*query), {}, false)] = *query;
  }
  return resolver->GetPromise();
}

void Ops::OnResults(wire::OpResults results) {
  auto& list = *results.mutable_results();
  std::sort(list.begin(), list.end(),
            [](const wire::OpResult& a, const wire::OpResult& b) { return a.op_id() < b.op_id(); });
  for (auto& result : list) Accept(std::move(result));
  if (in_order_) Deliver();
}

void Ops::Accept(wire::OpResult result) {
  if (result.has_error() && result.error().fatal()) {
    realm_.Fail(wire::JsError::TERMINATED, result.error().message());
    return;
  }
  if (const auto ask = asks_.find(result.op_id()); ask != asks_.end()) {
    const uint32_t query = ask->second;
    asks_.erase(ask);
    AcceptPage(query, std::move(result));
    return;
  }
  const auto it = by_id_.find(result.op_id());
  if (it == by_id_.end()) return;  // answers to closed queries
  const auto pending = it->second;
  by_id_.erase(it);
  if (in_order_) {
    pending->result = std::move(result);
    return;
  }
  Settle(*pending, result);
  pending_.erase(pending);
}

void Ops::AcceptPage(uint32_t query, wire::OpResult result) {
  if (result.has_rows()) {
    if (!read_ahead_.Answer(query, std::move(*result.mutable_rows()))) {
      realm_.Fail(wire::JsError::INTERNAL, "the server sent an empty page of an unfinished query");
    }
    return;
  }
  read_ahead_.AnswerFailed(query);
  const auto waiting = std::find_if(pending_.begin(), pending_.end(),
                                    [&](const Pending& p) { return p.query == query && !p.result; });
  if (waiting != pending_.end()) waiting->result = std::move(result);
}

void Ops::Deliver() {
  while (!pending_.empty() && !realm_.stopping()) {
    Pending& head = pending_.front();
    if (head.query && !head.result) {
      const uint32_t query = *head.query;
      wire::OpResult result;
      if (auto row = read_ahead_.Next(query)) {
        result.set_json(std::move(*row));
      } else if (!read_ahead_.Exists(query)) {
        result.mutable_error()->set_message(kUnknownQuery);
      } else {
        if (!read_ahead_.asking(query)) asks_[Send(kStreamNext, read_ahead_.Ask(query), {}, false)] = query;
        return;
      }
      head.result = std::move(result);
    }
    if (!head.result) return;
    Settle(head, *head.result);
    pending_.pop_front();
  }
}

Local<Value> Ops::ErrorOf(const wire::OpError& error) {
  v8::Isolate* isolate = realm_.host().v8();
  const Local<Context> context = realm_.context();
  const Local<Value> exception = v8::Exception::Error(ToV8(isolate, error.message()));
  if (error.has_data_json()) {
    const v8::TryCatch ignored(isolate);
    Local<Value> data;
    if (v8::JSON::Parse(context, ToV8(isolate, error.data_json())).ToLocal(&data)) {
      exception.As<v8::Object>()->CreateDataProperty(context, ToV8(isolate, "data"), data).Check();
    }
  }
  return exception;
}

void Ops::Settle(Pending& pending, wire::OpResult& result) {
  v8::Isolate* isolate = realm_.host().v8();
  const v8::HandleScope handles(isolate);
  const Local<Context> context = realm_.context();
  const Local<Promise::Resolver> resolver = pending.resolver.Get(isolate);
  // Only a termination can make settling fail (-> Nothing); the turn reports it.
  if (result.has_error()) {
    resolver->Reject(context, ErrorOf(result.error())).FromMaybe(false);
    return;
  }
  const Local<String> text = ToV8(isolate, result.json());
  if (pending.shape == ResultShape::kText) {
    resolver->Resolve(context, text).FromMaybe(false);
    return;
  }
  Local<Value> parts[] = {text, v8::Undefined(isolate)};
  if (!result.payload().empty()) {
    Local<v8::Uint8Array> bytes;
    if (!ToBytes(isolate, result.payload()).ToLocal(&bytes)) {
      resolver->Reject(context, v8::Exception::RangeError(ToV8(isolate, "Array buffer allocation failed")))
          .FromMaybe(false);
      return;
    }
    parts[1] = bytes;
  }
  resolver->Resolve(context, v8::Array::New(isolate, parts, 2)).FromMaybe(false);
}

MaybeLocal<String> Ops::LocalSync(const std::string& name, const std::string& args_json, bool* handled) {
  v8::Isolate* isolate = realm_.host().v8();
  *handled = true;
  if (in_order_ && name == kStreamOpen) {
    // The query is checked by the server when its first document is asked for. npm convex asks within the
    // same turn and both errors reject the same promise, so only an iterator that is made and never read
    // differs.
    const auto query = read_ahead_.Open(args_json);
    if (query) return ToV8(isolate, "{\"queryId\":" + std::to_string(*query) + "}");
    ThrowError(isolate, "Received invalid json: " + args_json.substr(0, 100));
    return {};
  }
  if (in_order_ && name == kStreamClose) {
    const auto query = QueryId(args_json);
    bool tell_server = false;
    const bool existed = query && read_ahead_.Close(*query, &tell_server);
    if (tell_server) Send(kStreamClose, "{\"queryId\":" + std::to_string(*query) + "}", {}, false);
    return ToV8(isolate, existed ? "true" : "false");
  }
  *handled = false;
  return {};
}

MaybeLocal<String> Ops::RunSync(const std::string& name, std::string args_json) {
  bool handled = false;
  const MaybeLocal<String> local = LocalSync(name, args_json, &handled);
  if (handled) return local;
  v8::Isolate* isolate = realm_.host().v8();
  const uint64_t op_id = Send(name, std::move(args_json), {}, true);
  Flush();
  wire::OpResult result;
  const bool answered = realm_.host().queue.WaitFor(
      [&](wire::ToWorker& frame) {
        if (!frame.has_results() || frame.results().call_id() != realm_.id()) return FrameQueue::Take::kSkip;
        auto& list = *frame.mutable_results()->mutable_results();
        for (int i = 0; i < list.size(); ++i) {
          if (list[i].op_id() != op_id) continue;
          result = std::move(list[i]);
          list.DeleteSubrange(i, 1);
          return list.empty() ? FrameQueue::Take::kTaken : FrameQueue::Take::kDone;
        }
        return FrameQueue::Take::kSkip;
      },
      [&] { return realm_.stopping(); });
  if (answered && result.has_error() && result.error().fatal()) {
    realm_.Fail(wire::JsError::TERMINATED, result.error().message());
  }
  if (!answered || realm_.stopping()) {
    LeaveTerminated(isolate);
    return {};
  }
  if (result.has_error()) {
    isolate->ThrowException(ErrorOf(result.error()));
    return {};
  }
  return ToV8(isolate, result.json());
}

}  // namespace hull::worker
