#include "worker/natives.h"

#include <errno.h>
#include <sys/random.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "worker/crypto_natives.h"
#include "worker/host.h"
#include "worker/ops.h"
#include "worker/realm.h"
#include "worker/strings.h"
#include "worker/structured_clone.h"

namespace hull::worker {

using v8::Context;
using v8::FunctionCallbackInfo;
using v8::Local;
using v8::Object;
using v8::Promise;
using v8::String;
using v8::Value;

namespace {

using Info = FunctionCallbackInfo<Value>;
const auto kProcessStart = std::chrono::steady_clock::now();

// The realm a native was called in; throws and returns nullptr when its call is over.
Realm* Here(const Info& info) {
  Realm* realm = Realm::From(info.GetIsolate()->GetCurrentContext());
  if (!realm) ThrowError(info.GetIsolate(), "This function call has already ended");
  return realm;
}

bool Texts(const Info& info, int count) {
  bool ok = info.Length() >= count;
  for (int i = 0; ok && i < count; ++i) ok = info[i]->IsString();
  if (!ok) ThrowTypeError(info.GetIsolate(), "expected text arguments");
  return ok;
}

std::string Text(const Info& info, int index) { return ToUtf8(info.GetIsolate(), info[index].As<String>()); }

// Public operations are versioned.
bool IsPublicOp(std::string_view name) { return name.starts_with("1.0/"); }

bool IsSyncSyscall(std::string_view name) {
  return name == "1.0/queryStream" || name == "1.0/queryCleanup" || name == "1.0/db/normalizeId" ||
         name == "1.0/componentArgument" || name == "1.0/getSnapshotTs";
}

// Operations need a running call; modules being evaluated have none.
std::string ImportTimeError(const std::string& name) {
  const bool calls = name.starts_with("1.0/actions/") || name == "1.0/runUdf";
  if (calls) return "Cannot call another function at import time";
  if (name.starts_with("1.0/")) return "Can't use database at import time";
  return name + "() unsupported at import time";
}

void RejectWith(const Info& info, const std::string& message) {
  v8::Isolate* isolate = info.GetIsolate();
  const Local<Context> context = isolate->GetCurrentContext();
  Local<Promise::Resolver> resolver;
  if (!Promise::Resolver::New(context).ToLocal(&resolver)) return;
  if (resolver->Reject(context, v8::Exception::Error(ToV8(isolate, message))).IsNothing()) return;
  info.GetReturnValue().Set(resolver->GetPromise());
}

void StartAsync(const Info& info, ResultShape shape) {
  Realm* realm = Here(info);
  if (!realm || !Texts(info, 2)) return;
  const std::string name = Text(info, 0);
  if (!realm->ops()) return RejectWith(info, ImportTimeError(name));
  std::string_view payload;
  if (info.Length() > 2 && info[2]->IsArrayBufferView()) payload = BytesOf(info[2].As<v8::ArrayBufferView>());
  Local<Promise> promise;
  if (realm->ops()->Start(name, Text(info, 1), payload, shape).ToLocal(&promise)) {
    info.GetReturnValue().Set(promise);
  }
}

void RunSync(const Info& info) {
  Realm* realm = Here(info);
  if (!realm || !Texts(info, 2)) return;
  const std::string name = Text(info, 0);
  if (!realm->ops()) return ThrowError(info.GetIsolate(), ImportTimeError(name));
  Local<String> result;
  if (realm->ops()->RunSync(name, Text(info, 1)).ToLocal(&result)) info.GetReturnValue().Set(result);
}

// User code reaches these two through `Convex`: they carry the public operations only (syscalls.md §11),
// never the private ones of the runtime.
void AsyncSyscall(const Info& info) {
  if (!Texts(info, 2)) return;
  const std::string name = Text(info, 0);
  if (!IsPublicOp(name) || IsSyncSyscall(name)) return RejectWith(info, "Unknown async operation " + name);
  StartAsync(info, ResultShape::kText);
}
void Syscall(const Info& info) {
  if (!Texts(info, 2)) return;
  const std::string name = Text(info, 0);
  if (!IsSyncSyscall(name)) return ThrowError(info.GetIsolate(), "Unknown operation " + name);
  RunSync(info);
}

void AsyncOp(const Info& info) { StartAsync(info, ResultShape::kTextAndBytes); }
void SyncOp(const Info& info) { RunSync(info); }

void PhaseOf(const Info& info) {
  if (Realm* realm = Here(info))
    info.GetReturnValue().Set(ToV8(info.GetIsolate(), PhaseName(realm->phase())));
}

void RealNow(const Info& info) { info.GetReturnValue().Set(RealNowMs()); }

double MonotonicNowMs() {
  const std::chrono::duration<double, std::milli> since = std::chrono::steady_clock::now() - kProcessStart;
  return static_cast<double>(static_cast<int64_t>(since.count() * 1000)) / 1000;
}

void MonotonicNow(const Info& info) { info.GetReturnValue().Set(MonotonicNowMs()); }

void TurnNow(const Info& info) {
  Realm* realm = Here(info);
  if (realm) info.GetReturnValue().Set(realm->TurnTime(MonotonicNowMs()));
}

void Env(const Info& info) {
  Realm* realm = Here(info);
  if (!realm || !Texts(info, 1)) return;
  const auto& env = realm->host().init.env();
  const auto it = env.find(Text(info, 0));
  if (it != env.end()) info.GetReturnValue().Set(ToV8(info.GetIsolate(), it->second));
}

void SecureRandom(const Info& info) {
  if (!info[0]->IsArrayBufferView()) return ThrowTypeError(info.GetIsolate(), "expected bytes");
  const std::string_view bytes = BytesOf(info[0].As<v8::ArrayBufferView>());
  auto* at = const_cast<char*>(bytes.data());
  for (size_t left = bytes.size(); left > 0;) {
    const ssize_t n = getrandom(at, left, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return ThrowError(info.GetIsolate(), "no entropy available");
    at += n;
    left -= static_cast<size_t>(n);
  }
}

void Observe(const Info& info) {
  Realm* realm = Here(info);
  if (!realm || !Texts(info, 1)) return;
  (Text(info, 0) == "time" ? realm->observed_time : realm->observed_random) = true;
}

void Log(const Info& info) {
  Realm* realm = Here(info);
  if (!realm || !Texts(info, 1) || !info[1]->IsArray()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const Local<Context> context = isolate->GetCurrentContext();
  wire::LogLine line;
  line.set_level(Text(info, 0));
  const auto messages = info[1].As<v8::Array>();
  for (uint32_t i = 0; i < messages->Length(); ++i) {
    Local<Value> message;
    if (!messages->Get(context, i).ToLocal(&message)) return;
    if (message->IsString()) line.add_messages(ToUtf8(isolate, message.As<String>()));
  }
  line.set_truncated(info[2]->IsTrue());
  if (info[3]->IsString()) line.set_system_code(Text(info, 3));
  realm->Log(std::move(line));
}

void Uncatchable(const Info& info) {
  Realm* realm = Here(info);
  if (!realm) return;
  realm->Fail(wire::JsError::DEVELOPER, Texts(info, 1) ? Text(info, 0) : "");
  LeaveTerminated(info.GetIsolate());
}

void ReturnBytes(const Info& info, std::string_view bytes) {
  Local<v8::Uint8Array> array;
  if (ToBytes(info.GetIsolate(), bytes).ToLocal(&array)) return info.GetReturnValue().Set(array);
  info.GetIsolate()->ThrowException(
      v8::Exception::RangeError(ToV8(info.GetIsolate(), "Array buffer allocation failed")));
}

void Utf8Encode(const Info& info) {
  if (Texts(info, 1)) ReturnBytes(info, Text(info, 0));
}

// Length of the well-formed UTF-8 sequence at the start of `bytes`, 0 if there is none.
size_t SequenceLength(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 && lead <= 0xf4 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (length == 0 || lead > 0xf4 || bytes.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = at(1);
  if (lead == 0xe0 && second < 0xa0) return 0;
  if (lead == 0xed && second > 0x9f) return 0;
  if (lead == 0xf0 && second < 0x90) return 0;
  if (lead == 0xf4 && second > 0x8f) return 0;
  return length;
}

bool WellFormed(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t length = SequenceLength(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

void Utf8Decode(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  if (!info[0]->IsArrayBufferView()) return ThrowTypeError(isolate, "expected bytes");
  std::string_view bytes = BytesOf(info[0].As<v8::ArrayBufferView>());
  const bool fatal = info[1]->IsTrue();
  const bool keep_mark = info[2]->IsTrue();
  if (fatal && !WellFormed(bytes)) {
    return ThrowTypeError(isolate, "The encoded data was not valid for encoding utf-8");
  }
  if (!keep_mark && bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  if (bytes.size() > static_cast<size_t>(String::kMaxLength)) {
    isolate->ThrowException(v8::Exception::RangeError(ToV8(isolate, "Invalid string length")));
    return;
  }
  info.GetReturnValue().Set(ToV8(isolate, bytes));
}

void StructuredCloneOf(const Info& info) {
  if (!info[1]->IsArray() || !info[2]->IsArray() || !info[3]->IsFunction() || !info[4]->IsFunction()) {
    return ThrowTypeError(info.GetIsolate(), "expected the parts of a clone request");
  }
  const CloneRequest request{info[0], info[1].As<v8::Array>(), info[2].As<v8::Array>(),
                             info[3].As<v8::Function>(), info[4].As<v8::Function>()};
  Local<Value> clone;
  if (StructuredClone(info.GetIsolate(), request).ToLocal(&clone)) info.GetReturnValue().Set(clone);
}

void SourceMap(const Info& info) {
  Realm* realm = Here(info);
  if (!realm || !Texts(info, 1)) return;
  const auto map = realm->host().modules.SourceMap(Text(info, 0), [&] { return realm->stopping(); });
  if (realm->host().isolate->watchdog().stopping()) return LeaveTerminated(info.GetIsolate());
  if (map) info.GetReturnValue().Set(ToV8(info.GetIsolate(), *map));
}

void SetHooks(const Info& info) {
  Realm* realm = Here(info);
  if (realm && info[0]->IsObject()) realm->set_hooks(info[0].As<Object>());
}

// The value that follows asynchronous control flow (AsyncLocalStorage).
void GetContinuation(const Info& info) {
  info.GetReturnValue().Set(info.GetIsolate()->GetContinuationPreservedEmbedderData());
}
void SetContinuation(const Info& info) { info.GetIsolate()->SetContinuationPreservedEmbedderData(info[0]); }

void FunctionOrigin(const Info& info) {
  if (!info[0]->IsFunction()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const Local<Context> context = isolate->GetCurrentContext();
  const auto function = info[0].As<v8::Function>();
  const Local<Value> file = function->GetScriptOrigin().ResourceName();
  if (file.IsEmpty() || !file->IsString()) return;
  const Local<Object> origin = Object::New(isolate);
  const auto set = [&](const char* name, Local<Value> value) {
    return origin->CreateDataProperty(context, ToV8(isolate, name), value).FromMaybe(false);
  };
  if (set("file", file) && set("line", v8::Integer::New(isolate, function->GetScriptLineNumber() + 1)) &&
      set("column", v8::Integer::New(isolate, function->GetScriptColumnNumber() + 1))) {
    info.GetReturnValue().Set(origin);
  }
}

struct Native {
  const char* name;
  v8::FunctionCallback callback;
};

constexpr Native kNatives[] = {
    {"asyncSyscall", AsyncSyscall},
    {"syscall", Syscall},
    {"asyncOp", AsyncOp},
    {"syncOp", SyncOp},
    {"phase", PhaseOf},
    {"realNow", RealNow},
    {"monotonicNow", MonotonicNow},
    {"turnNow", TurnNow},
    {"env", Env},
    {"secureRandom", SecureRandom},
    {"observe", Observe},
    {"log", Log},
    {"uncatchable", Uncatchable},
    {"utf8Encode", Utf8Encode},
    {"utf8Decode", Utf8Decode},
    {"structuredClone", StructuredCloneOf},
    {"crypto", CryptoOperation},
    {"sourceMap", SourceMap},
    {"setHooks", SetHooks},
    {"getContinuation", GetContinuation},
    {"setContinuation", SetContinuation},
    {"functionOrigin", FunctionOrigin},
};

}  // namespace

double RealNowMs() {
  using std::chrono::milliseconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<double>(std::chrono::duration_cast<milliseconds>(now).count());
}

Local<v8::ObjectTemplate> NativesTemplate(Host& host) {
  v8::Isolate* isolate = host.v8();
  if (!host.natives.IsEmpty()) return host.natives.Get(isolate);
  const Local<v8::ObjectTemplate> object = v8::ObjectTemplate::New(isolate);
  for (const auto& native : kNatives) {
    object->Set(
        isolate, native.name,
        v8::FunctionTemplate::New(isolate, native.callback, {}, {}, 0, v8::ConstructorBehavior::kThrow));
  }
  host.natives.Reset(isolate, object);
  return object;
}

const intptr_t* ExternalReferences() {
  static const std::vector<intptr_t> addresses = [] {
    std::vector<intptr_t> list;
    for (const auto& native : kNatives) list.push_back(reinterpret_cast<intptr_t>(native.callback));
    list.push_back(0);
    return list;
  }();
  return addresses.data();
}

}  // namespace hull::worker
