#include "worker/function_table.h"

namespace hull::worker {
namespace {

// Collections come every dozen contexts, which fill at most as many segments.
constexpr size_t kMaxKept = 64;

}  // namespace

void FunctionTable::Keep(v8::Isolate* isolate) {
  if (kept_.size() == kMaxKept) return;
  const v8::HandleScope handles(isolate);
  if (context_.IsEmpty()) context_.Reset(isolate, v8::Context::New(isolate));
  const v8::Local<v8::Context> context = context_.Get(isolate);
  const v8::Context::Scope scope(context);
  v8::Local<v8::Function> function;
  if (v8::Function::New(context, [](const v8::FunctionCallbackInfo<v8::Value>&) {}).ToLocal(&function)) {
    kept_.emplace_back(isolate, function);
  }
}

}  // namespace hull::worker
