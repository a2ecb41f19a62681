// Entry point of worker.node: the node binary loads it with process.dlopen and never gets control back.
//
// Threads: the isolate thread takes messages off fd 3 and runs JavaScript, node's main thread stays in the
// initializer and takes messages while JavaScript runs for long (frame_queue.h), a watchdog thread limits it,
// V8's platform threads compile and collect.

#include <node.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "worker/strings.h"
#include "worker/worker.h"

namespace hull::worker {
namespace {

constexpr int kProtocolFd = 3;
constexpr size_t kIsolateStackBytes = 4 << 20;

void* RunIsolateThread(void* worker) { _exit(static_cast<Worker*>(worker)->Run()); }

// process.argv[2]
std::string RuntimePath(v8::Local<v8::Context> context) {
  const auto process = Property(context, context->Global(), "process");
  if (!process->IsObject()) return "";
  const auto argv = Property(context, process.As<v8::Object>(), "argv");
  return argv->IsObject() ? TextProperty(context, argv.As<v8::Object>(), "2") : "";
}

[[noreturn]] void Serve(node::MultiIsolatePlatform* platform, std::string runtime_path) {
  auto* worker = new Worker(platform, kProtocolFd, std::move(runtime_path));
  // Some user code makes V8 crash: no core files of that.
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kIsolateStackBytes);
  pthread_t isolate_thread;
  if (pthread_create(&isolate_thread, &attributes, RunIsolateThread, worker) != 0) _exit(1);
  worker->Watch();
}

}  // namespace
}  // namespace hull::worker

NODE_MODULE_INIT() {
  (void)exports;
  (void)module;
  auto* platform = node::GetMultiIsolatePlatform(node::GetCurrentEnvironment(context));
  std::string runtime_path = hull::worker::RuntimePath(context);
  if (runtime_path.empty()) {
    fprintf(stderr, "worker: the path of the runtime bundle is missing\n");
    _exit(2);
  }
  hull::worker::Serve(platform, std::move(runtime_path));
}
