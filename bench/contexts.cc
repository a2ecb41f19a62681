// bench_contexts.node: how many contexts per second one thread gets out of a worker's snapshot, which bounds
// what a server can do that gives every call a context of its own.
//
// Loaded by node like worker.node, with the V8 flags of the worker that uses the snapshot. Arguments: the
// snapshot file, the entry module, seconds, and "keep" to use worker/function_table.h as workers do. Prints
// contexts per second and microseconds of CPU per context, V8's own threads included.
#include <node.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>

#include "worker/function_table.h"
#include "worker/isolate.h"
#include "worker/snapshot.h"
#include "worker/strings.h"

namespace hull::worker {
namespace {

constexpr size_t kIsolateStackBytes = 4 << 20;
constexpr int kWarmUp = 200;  // contexts before the clock starts: the heap grows to its size first
// The server's defaults.
constexpr IsolateLimits kLimits{64 << 20, 32 << 20, 64 << 20};

struct Order {
  node::MultiIsolatePlatform* platform;
  std::string snapshot, entry;
  double seconds;
  bool keep;
};

// What a call does to get its context and to get rid of it. False: there is none.
bool MakeContext(v8::Isolate* isolate, size_t index, v8::MicrotaskQueue* graveyard) {
  const v8::HandleScope handles(isolate);
  const auto microtasks = v8::MicrotaskQueue::New(isolate, v8::MicrotasksPolicy::kExplicit);
  v8::Local<v8::Context> context;
  if (!v8::Context::FromSnapshot(isolate, index, v8::DeserializeInternalFieldsCallback(), nullptr, {},
                                 microtasks.get())
           .ToLocal(&context)) {
    return false;
  }
  context->SetMicrotaskQueue(graveyard);
  return true;
}

double CpuMicros() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// Like in a worker, the isolate ends with the process.
[[noreturn]] void Fail(const char* what, const std::string& subject) {
  fprintf(stderr, "%s: %s\n", what, subject.c_str());
  _exit(1);
}

void* Run(void* argument) {
  const auto& order = *static_cast<Order*>(argument);
  SnapshotFile snapshot;
  if (!snapshot.Open(order.snapshot)) Fail("not a snapshot", order.snapshot);
  const wire::SnapshotEntry* entry = snapshot.Find(order.entry);
  if (!entry) Fail("not in the snapshot", order.entry);
  Isolate isolate(
      order.platform, [] {}, kLimits, snapshot.blob(), false);
  const auto graveyard = v8::MicrotaskQueue::New(isolate.get(), v8::MicrotasksPolicy::kExplicit);
  FunctionTable functions;
  const auto make_one = [&] {
    if (!MakeContext(isolate.get(), entry->context_index(), graveyard.get())) Fail("no context", order.entry);
    if (order.keep) functions.Keep(isolate.get());
    const v8::HandleScope handles(isolate.get());
    isolate.tasks().RunDue();
  };
  for (int i = 0; i < kWarmUp; ++i) make_one();
  const double cpu_before = CpuMicros();
  const auto started = std::chrono::steady_clock::now();
  std::chrono::duration<double> taken{};
  size_t count = 0;
  for (; taken.count() < order.seconds; taken = std::chrono::steady_clock::now() - started) {
    make_one();
    ++count;
  }
  printf("%.1f %.2f\n", static_cast<double>(count) / taken.count(),
         (CpuMicros() - cpu_before) / static_cast<double>(count));
  fflush(stdout);
  _exit(0);
}

std::string Argument(v8::Local<v8::Context> context, const char* index) {
  const auto process = Property(context, context->Global(), "process").As<v8::Object>();
  return TextProperty(context, Property(context, process, "argv").As<v8::Object>(), index);
}

}  // namespace
}  // namespace hull::worker

NODE_MODULE_INIT() {
  using hull::worker::Argument;
  (void)exports;
  (void)module;
  static hull::worker::Order order{node::GetMultiIsolatePlatform(node::GetCurrentEnvironment(context)),
                                   Argument(context, "2"), Argument(context, "3"),
                                   strtod(Argument(context, "4").c_str(), nullptr),
                                   Argument(context, "5") == "keep"};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, hull::worker::kIsolateStackBytes);
  pthread_t thread;
  if (pthread_create(&thread, &attributes, hull::worker::Run, &order) != 0) _exit(1);
  pthread_join(thread, nullptr);
}
