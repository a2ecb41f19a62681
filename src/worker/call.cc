#include "worker/call.h"

#include <utility>

#include "worker/errors.h"
#include "worker/host.h"
#include "worker/strings.h"

namespace hull::worker {

using v8::Context;
using v8::Local;
using v8::Promise;
using v8::Value;

Call::Call(Host& host, wire::StartCall start, const wire::SnapshotEntry* entry, const Call* caller)
    : host_(host),
      start_(std::move(start)),
      entry_(entry),
      realm_(host, start_.call_id(), start_.user_timeout_ms()),
      ops_(realm_, ordered()) {
  if (caller) realm_.ShareBudgetOf(caller->realm_);
  if (!ordered()) deadline_ = Clock::now() + std::chrono::milliseconds(start_.user_timeout_ms());
}

Phase Call::phase() const {
  switch (start_.type()) {
    case wire::MUTATION:
      return Phase::kMutation;
    case wire::ACTION:
      return Phase::kAction;
    case wire::HTTP_ACTION:
      return Phase::kHttp;
    default:
      return Phase::kQuery;
  }
}

void Call::Begin() {
  const v8::HandleScope handles(host_.v8());
  const bool ready = entry_ ? realm_.Restore(*entry_) : realm_.Create(Phase::kImport);
  if (ready) {
    const Turn turn(realm_);
    Invoke();
    if (!realm_.stopping()) realm_.Drain();
  }
  AfterTurn();
}

void Call::Invoke() {
  v8::Isolate* isolate = host_.v8();
  Local<v8::Object> exports;
  if (!realm_.ImportEntry(start_.module()).ToLocal(&exports)) return;
  // Compiling is what a fresh context costs most: keep the code, functions compiled by evaluation included.
  if (!entry_) realm_.modules().SaveCode(realm_.context());
  if (realm_.FailOnUnhandledRejection()) return;
  realm_.observed_time = realm_.observed_random = false;
  realm_.set_phase(phase());
  realm_.set_ops(&ops_);
  v8::TryCatch caught(isolate);
  Local<v8::Uint8Array> seed;
  if (!ToBytes(isolate, start_.seed()).ToLocal(&seed)) {
    return realm_.Fail(wire::JsError::INTERNAL, "array buffer memory used up");
  }
  const Local<Value> kind = ToV8(isolate, PhaseName(phase()));
  if (realm_.CallHook("startCall", {seed, v8::Number::New(isolate, start_.now_ms()), kind}).IsEmpty()) {
    return realm_.Fail(caught);
  }
  const Local<v8::String> args = ToV8(isolate, start_.args_json());
  Local<Value> result;
  const bool ok = start_.type() == wire::HTTP_ACTION
                      ? InvokeHttp(exports, args).ToLocal(&result)
                      : realm_
                            .CallHook("invoke", {exports, ToV8(isolate, start_.module()),
                                                 ToV8(isolate, start_.function()), kind, args})
                            .ToLocal(&result);
  if (!ok) return realm_.Fail(caught);
  if (!result->IsPromise()) return realm_.Fail(wire::JsError::INTERNAL, "the runtime returned no promise");
  result.As<Promise>()->MarkAsHandled();
  promise_.Reset(isolate, result.As<Promise>());
}

v8::MaybeLocal<Value> Call::InvokeHttp(Local<v8::Object> exports, Local<v8::String> request) {
  v8::Isolate* isolate = host_.v8();
  const Local<Context> context = realm_.context();
  const Local<v8::String> route = ToV8(isolate, start_.http_route_path());
  {
    // A router that fails here fails the call below.
    const v8::TryCatch ignored(isolate);
    Local<Value> parsed;
    Local<Value> found;
    if (v8::JSON::Parse(context, request).ToLocal(&parsed) && parsed->IsObject() &&
        realm_.CallHook("lookupRoute", {exports, route, Property(context, parsed.As<v8::Object>(), "method")})
            .ToLocal(&found) &&
        found->IsString()) {
      ops_.Notify("http/route", ToUtf8(isolate, found.As<v8::String>()));
      ops_.Flush();  // before any log line
    }
  }
  return realm_.CallHook("invokeHttp", {exports, route, request});
}

bool Call::ResponseComplete(const std::string& response_json) {
  if (!response_announced_) {
    const Turn turn(realm_);
    const v8::TryCatch ignored(host_.v8());
    Local<Value> parsed;
    if (!v8::JSON::Parse(realm_.context(), ToV8(host_.v8(), response_json)).ToLocal(&parsed) ||
        !parsed->IsObject() || !Property(realm_.context(), parsed.As<v8::Object>(), "streamId")->IsString()) {
      return true;
    }
    // Status and headers go out while the body is still being made.
    ops_.Notify("http/response", response_json);
    response_announced_ = true;
  }
  return ops_.body_written();
}

void Call::OnResults(wire::OpResults results) {
  if (done_) return;
  {
    const Turn turn(realm_);
    ops_.OnResults(std::move(results));
    if (!realm_.stopping()) realm_.Drain();
  }
  AfterTurn();
}

void Call::Cancel() {
  if (done_) return;
  realm_.Fail(StopError(Stop::kTerminated, 0, 0));
  AfterTurn();
}

void Call::OnDeadline() {
  if (done_) return;
  realm_.Fail(StopError(Stop::kTimeout, start_.user_timeout_ms(), 0));
  AfterTurn();
}

void Call::SendLiveLogs() {
  if (ordered()) return;
  auto lines = realm_.TakeLogs();
  if (lines.empty()) return;
  wire::FromWorker message;
  message.mutable_logs()->set_call_id(realm_.id());
  for (auto& line : lines) *message.mutable_logs()->add_lines() = std::move(line);
  host_.socket.Send(message);
}

void Call::AfterTurn() {
  SendLiveLogs();
  if (realm_.failure()) return Finish({});
  v8::HandleScope handles(host_.v8());
  const Local<Promise> promise = promise_.Get(host_.v8());
  const auto state = promise->State();
  if (state == Promise::kRejected) {
    realm_.FailWith(promise->Result());
    return Finish({});
  }
  if (realm_.FailOnUnhandledRejection()) return Finish({});
  // Describing an error may have been stopped without leaving one.
  if (realm_.failure()) return Finish({});
  if (state == Promise::kFulfilled && (!ordered() || ops_.idle())) {
    const Local<Value> result = promise->Result();
    if (!result->IsString()) {
      realm_.Fail(wire::JsError::INTERNAL, "the runtime returned no text");
      return Finish({});
    }
    std::string text = ToUtf8(host_.v8(), result.As<v8::String>());
    const bool complete = start_.type() != wire::HTTP_ACTION || ResponseComplete(text);
    if (complete || ops_.idle()) {
      if (start_.type() == wire::HTTP_ACTION) ops_.Flush();
      return Finish(std::move(text));
    }
    return ops_.Flush();
  }
  if (ops_.idle()) {
    realm_.Fail(wire::JsError::DEVELOPER, "Returned promise will never resolve");
    return Finish({});
  }
  ops_.Flush();
}

void Call::CollectUnawaited(wire::CallDone* done) {
  const Turn turn(realm_);
  v8::Isolate* isolate = host_.v8();
  const v8::TryCatch ignored(isolate);
  Local<Value> names;
  if (!realm_.CallHook("unawaitedOps", {}).ToLocal(&names) || !names->IsArray()) return;
  const auto list = names.As<v8::Array>();
  for (uint32_t i = 0; i < list->Length(); ++i) {
    Local<Value> name;
    if (list->Get(realm_.context(), i).ToLocal(&name) && name->IsString()) {
      done->add_unawaited_ops(ToUtf8(isolate, name.As<v8::String>()));
    }
  }
}

void Call::Absorb(Call& callee) {
  const std::string path = callee.start_.module() + ":" + callee.start_.function();
  realm_.Absorb(callee.realm_, path);
}

void Call::Finish(std::optional<std::string> result) {
  wire::FromWorker message;
  wire::CallDone* done = message.mutable_done();
  if (result && !ordered()) CollectUnawaited(done);
  SendLiveLogs();
  done->set_call_id(realm_.id());
  if (result && !realm_.failure()) {
    done->set_result_json(std::move(*result));
  } else if (realm_.failure()) {
    *done->mutable_error() = *realm_.failure();
  } else {
    done->mutable_error()->set_kind(wire::JsError::INTERNAL);
    done->mutable_error()->set_message("the function failed without a reason");
  }
  if (caller_id() == 0) {
    for (auto& line : realm_.TakeLogs()) *done->add_logs() = std::move(line);
  }
  done->set_observed_time(realm_.observed_time);
  done->set_observed_random(realm_.observed_random);
  done->set_user_time_us(realm_.user_time_us());
  done->set_retire(realm_.retire());
  v8::HeapStatistics heap;
  host_.v8()->GetHeapStatistics(&heap);
  done->set_heap_used_bytes(heap.used_heap_size());
  ops_.read_ahead().TakeConsumed(done->mutable_consumed());
  host_.socket.Send(message);
  realm_.set_ops(nullptr);
  done_ = true;
}

}  // namespace hull::worker
