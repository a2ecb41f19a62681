#include "worker/realm.h"

#include <algorithm>

#include "worker/errors.h"
#include "worker/host.h"
#include "worker/natives.h"
#include "worker/strings.h"

namespace hull::worker {

using v8::Context;
using v8::Local;
using v8::MaybeLocal;
using v8::Module;
using v8::Object;
using v8::Promise;
using v8::Value;

namespace {

constexpr int kRealmSlot = 1;
constexpr uint32_t kMaxLogLines = 256;

}  // namespace

const char* PhaseName(Phase phase) {
  switch (phase) {
    case Phase::kImport:
      return "import";
    case Phase::kQuery:
      return "query";
    case Phase::kMutation:
      return "mutation";
    case Phase::kAction:
      return "action";
    case Phase::kHttp:
      return "http";
    case Phase::kSchema:
      return "schema";
    case Phase::kAuth:
      return "auth";
    case Phase::kDefinition:
      return "definition";
  }
  return "import";
}

Turn::Turn(Realm& realm) : realm_(realm), handles_(realm.host_.v8()) {
  if (!realm.context_.IsEmpty()) scope_.emplace(realm.context());
  if (realm.turns_++ > 0) return;
  realm.host_.isolate->watchdog().Enter(realm.id_, realm.time_left_us());
}

Turn::~Turn() {
  if (--realm_.turns_ > 0) return;
  realm_.turn_time_.reset();
  const Stop stop = realm_.host_.isolate->watchdog().Leave(&realm_.used_us_);
  if (stop != Stop::kNone) realm_.Stopped(stop);
}

Realm::Realm(Host& host, uint64_t id, uint32_t user_timeout_ms, Microtasks microtasks)
    : host_(host),
      id_(id),
      user_timeout_ms_(user_timeout_ms),
      budget_us_(uint64_t{user_timeout_ms} * 1000),
      modules_(*this) {
  if (microtasks == Microtasks::kOwn) {
    microtasks_ = v8::MicrotaskQueue::New(host.v8(), v8::MicrotasksPolicy::kExplicit);
  }
}

Realm::~Realm() {
  if (context_.IsEmpty()) return;
  v8::HandleScope handles(host_.v8());
  const Local<Context> local = context();
  local->SetAlignedPointerInEmbedderData(kRealmSlot, nullptr);
  if (microtasks_) local->SetMicrotaskQueue(host_.graveyard.get());
}

Realm* Realm::From(Local<Context> context) {
  if (context.IsEmpty() || context->GetNumberOfEmbedderDataFields() <= kRealmSlot) return nullptr;
  return static_cast<Realm*>(context->GetAlignedPointerFromEmbedderData(kRealmSlot));
}

Local<Context> Realm::context() const { return context_.Get(host_.v8()); }
Local<Object> Realm::hooks() const { return hooks_.Get(host_.v8()); }
void Realm::set_hooks(Local<Object> hooks) { hooks_.Reset(host_.v8(), hooks); }

void Realm::Attach(Local<Context> context) {
  context->SetAlignedPointerInEmbedderData(kRealmSlot, this);
  context->AllowCodeGenerationFromStrings(false);
  context->SetErrorMessageForCodeGenerationFromStrings(
      ToV8(host_.v8(), "Code generation from strings disallowed for this context"));
  context_.Reset(host_.v8(), context);
}

bool Realm::EvaluateRuntime(Local<Context> context) {
  v8::Isolate* isolate = host_.v8();
  Local<Object> natives;
  if (!NativesTemplate(host_)->NewInstance(context).ToLocal(&natives) ||
      context->Global()->Set(context, ToV8(isolate, "__hull"), natives).IsNothing()) {
    return false;
  }
  if (!host_.runtime.found) {
    host_.runtime.text = SourceText(isolate, std::move(host_.runtime_text));
    host_.runtime.found = true;
  }
  auto& cache = host_.runtime.cache;
  auto* cached = cache ? new v8::ScriptCompiler::CachedData(cache->data, cache->length,
                                                            v8::ScriptCompiler::CachedData::BufferNotOwned)
                       : nullptr;
  v8::ScriptCompiler::Source source(host_.runtime.text.ToV8(isolate),
                                    v8::ScriptOrigin(ToV8(isolate, "hull:runtime.js")), cached);
  Local<v8::UnboundScript> script;
  if (!v8::ScriptCompiler::CompileUnboundScript(
           isolate, &source,
           cached ? v8::ScriptCompiler::kConsumeCodeCache : v8::ScriptCompiler::kNoCompileOptions)
           .ToLocal(&script)) {
    return false;
  }
  if (script->BindToCurrentContext()->Run(context).IsEmpty()) return false;
  // V8 makes no code cache while it builds a snapshot.
  if (!cache && microtasks_) cache.reset(v8::ScriptCompiler::CreateCodeCache(script));
  if (hooks_.IsEmpty()) {
    ThrowError(isolate, "the runtime bundle did not call setHooks");
    return false;
  }
  // The runtime takes `__hull` off the global object itself; user code must never see it.
  return context->Global()->Delete(context, ToV8(isolate, "__hull")).FromMaybe(false);
}

bool Realm::Create(Phase phase) {
  v8::Isolate* isolate = host_.v8();
  phase_ = phase;
  v8::HandleScope handles(isolate);
  const Local<Context> context =
      Context::New(isolate, nullptr, {}, {}, v8::DeserializeInternalFieldsCallback(), microtasks_.get());
  if (context.IsEmpty()) {
    Fail(wire::JsError::INTERNAL, "no context could be made");
    return false;
  }
  Attach(context);
  Turn turn(*this);
  v8::TryCatch caught(isolate);
  if (!EvaluateRuntime(context)) {
    Fail(caught);
    return false;
  }
  Local<v8::Uint8Array> seed;
  if (!ToBytes(isolate, host_.init.import_seed()).ToLocal(&seed)) {
    Fail(wire::JsError::INTERNAL, "array buffer memory used up");
    return false;
  }
  if (CallHook("startImport", {seed, v8::Number::New(isolate, host_.init.import_time_ms())}).IsEmpty()) {
    Fail(caught);
    return false;
  }
  return true;
}

bool Realm::Restore(const wire::SnapshotEntry& entry) {
  v8::Isolate* isolate = host_.v8();
  v8::HandleScope handles(isolate);
  Local<Context> context;
  Local<Object> hooks;
  if (!Context::FromSnapshot(isolate, entry.context_index(), v8::DeserializeInternalFieldsCallback(), nullptr,
                             {}, microtasks_.get())
           .ToLocal(&context) ||
      !context->GetDataFromSnapshotOnce<Object>(entry.hooks_index()).ToLocal(&hooks)) {
    Fail(wire::JsError::INTERNAL, "the snapshot holds no usable context for " + entry.path());
    return false;
  }
  Attach(context);
  host_.functions.Keep(isolate);
  set_hooks(hooks);
  snapshot_entry_ = &entry;
  for (const wire::LogLine& line : entry.import_logs()) Log(line);
  const v8::Context::Scope scope(context);
  for (const auto& module : entry.modules()) {
    if (module.path() != entry.path()) continue;
    Local<Module> local;
    if (context->GetDataFromSnapshotOnce<Module>(module.data_index()).ToLocal(&local)) {
      modules_.Adopt(module.path(), local);
      return true;
    }
  }
  Fail(wire::JsError::INTERNAL, "the snapshot lacks the module " + entry.path());
  return false;
}

void Realm::AdoptSnapshotModules(Local<Context> context) {
  if (!snapshot_entry_) return;
  for (const auto& module : snapshot_entry_->modules()) {
    Local<Module> local;
    if (module.path() != snapshot_entry_->path() &&
        context->GetDataFromSnapshotOnce<Module>(module.data_index()).ToLocal(&local)) {
      modules_.Adopt(module.path(), local);
    }
  }
  snapshot_entry_ = nullptr;
}

MaybeLocal<Object> Realm::ImportEntry(const std::string& path) {
  v8::Isolate* isolate = host_.v8();
  v8::EscapableHandleScope handles(isolate);
  const Local<Context> context = this->context();
  v8::TryCatch caught(isolate);
  Local<Module> module;
  if (!modules_.Import(context, path).ToLocal(&module)) {
    Fail(caught);
    return {};
  }
  Drain();
  if (stopping()) return {};
  if (module->GetStatus() == Module::kErrored) {
    FailWith(module->GetException());
    return {};
  }
  Local<Value> result;
  // Evaluating an evaluated module returns its promise again.
  if (!module->Evaluate(context).ToLocal(&result)) {
    Fail(caught);
    return {};
  }
  if (result->IsPromise()) {
    const auto promise = result.As<Promise>();
    promise->MarkAsHandled();
    if (promise->State() == Promise::kRejected) {
      FailWith(promise->Result());
      return {};
    }
    if (promise->State() == Promise::kPending) {
      Fail(wire::JsError::DEVELOPER, "Top-level awaits in source files are unsupported");
      return {};
    }
  }
  return handles.Escape(module->GetModuleNamespace().As<Object>());
}

MaybeLocal<Value> Realm::CallHook(const char* name, std::vector<Local<Value>> args) {
  const Local<Context> context = this->context();
  Local<Value> hook;
  if (!hooks()->Get(context, ToV8(host_.v8(), name)).ToLocal(&hook)) return {};
  if (!hook->IsFunction()) {
    ThrowError(host_.v8(), std::string("the runtime has no hook ") + name);
    return {};
  }
  return hook.As<v8::Function>()->Call(context, hooks(), static_cast<int>(args.size()), args.data());
}

void Realm::Drain() {
  if (microtasks_) {
    microtasks_->PerformCheckpoint(host_.v8());
  } else {
    host_.v8()->PerformMicrotaskCheckpoint();
  }
}

void Realm::Fail(wire::JsError error) {
  if (!failure_) failure_ = std::move(error);
}

void Realm::Fail(wire::JsError::Kind kind, std::string message) {
  wire::JsError error;
  error.set_kind(kind);
  error.set_message(std::move(message));
  Fail(std::move(error));
}

void Realm::Fail(const v8::TryCatch& caught) {
  // A terminated turn is explained by Stopped() or by whoever asked for the termination.
  if (caught.HasTerminated() || !caught.HasCaught() || stopping()) return;
  FailWith(caught.Exception());
}

void Realm::FailWith(Local<Value> exception) {
  if (failure_) return;
  wire::JsError error = DescribeException(*this, exception, &failure_code_);
  if (!host_.isolate->watchdog().stopping()) Fail(std::move(error));
}

bool Realm::stopping() const { return failure_.has_value() || host_.isolate->watchdog().stopping(); }

void Realm::Stopped(Stop why) {
  wire::JsError error = StopError(why, user_timeout_ms_, host_.init.max_heap_bytes());
  retire_ = true;
  // A stop outranks whatever the dying code reported.
  failure_ = std::move(error);
}

bool Realm::FailOnUnhandledRejection() {
  if (rejections_.empty() || stopping()) return false;
  v8::HandleScope handles(host_.v8());
  const Local<Value> reason = rejections_.front().second.Get(host_.v8());
  rejections_.clear();
  FailWith(reason);
  return true;
}

void Realm::Log(wire::LogLine line) {
  if (log_lines_used_ >= kMaxLogLines) return;
  line.set_timestamp_ms(RealNowMs());
  if (++log_lines_used_ == kMaxLogLines) {
    line.clear_messages();
    line.set_level("ERROR");
    line.set_truncated(false);
    line.clear_system_code();
    line.add_messages("Log overflow (maximum 256). Remaining log lines omitted.");
  }
  logs_.push_back(std::move(line));
}

void Realm::ShareBudgetOf(const Realm& caller) {
  budget_us_ = caller.time_left_us();
  log_lines_used_ = caller.log_lines_used_;
}

void Realm::Absorb(Realm& callee, const std::string& udf_path) {
  budget_us_ = used_us_ + callee.time_left_us();
  log_lines_used_ = callee.log_lines_used_;
  for (auto& line : callee.TakeLogs()) {
    if (line.udf_path().empty()) line.set_udf_path(udf_path);
    logs_.push_back(std::move(line));
  }
}

MaybeLocal<Value> Realm::PrepareStackTrace(Local<Context> context, Local<Value> error,
                                           Local<v8::Array> sites) {
  Realm* realm = From(context);
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  if (!realm || realm->hooks_.IsEmpty()) {
    Local<v8::String> text;
    if (error->ToDetailString(context).ToLocal(&text)) return text;
    return v8::String::Empty(isolate);
  }
  return realm->CallHook("prepareStackTrace", {error, sites});
}

void Realm::OnPromiseReject(v8::PromiseRejectMessage message) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::HandleScope handles(isolate);
  const Local<Promise> promise = message.GetPromise();
  Local<Context> context;
  if (!promise->GetCreationContext(isolate).ToLocal(&context)) return;
  Realm* realm = From(context);
  if (!realm) return;
  auto& list = realm->rejections_;
  if (message.GetEvent() == v8::kPromiseRejectWithNoHandler) {
    Local<Value> reason = message.GetValue();
    if (reason.IsEmpty()) reason = v8::Undefined(isolate);
    list.emplace_back(v8::Global<Promise>(isolate, promise), v8::Global<Value>(isolate, reason));
  } else if (message.GetEvent() == v8::kPromiseHandlerAddedAfterReject) {
    std::erase_if(list, [&](const auto& item) { return item.first == promise; });
  }
}

}  // namespace hull::worker
