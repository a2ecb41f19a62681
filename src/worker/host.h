// What all calls of a worker share. Owned by the isolate thread for the life of the process.
#pragma once

#include <v8.h>

#include <memory>
#include <string>

#include "worker/frame_queue.h"
#include "worker/function_table.h"
#include "worker/isolate.h"
#include "worker/modules.h"
#include "worker/protocol.pb.h"
#include "worker/socket.h"

namespace hull::worker {

struct Host {
  Host(Socket& s, FrameQueue& q) : socket(s), queue(q), modules(s, q) {}

  Socket& socket;
  FrameQueue& queue;
  wire::Init init;
  std::string runtime_path;
  std::string runtime_text;  // the runtime bundle, until its first use
  ModuleSource runtime;      // and then, with its code cache
  ModuleStore modules;
  std::unique_ptr<Isolate> isolate;
  // The `__hull` object's template; made on first use.
  v8::Global<v8::ObjectTemplate> natives;
  FunctionTable functions;
  // Contexts of finished calls are moved to this queue, which is never drained, so that they hold no dangling
  // pointer.
  std::unique_ptr<v8::MicrotaskQueue> graveyard;

  v8::Isolate* v8() const { return isolate->get(); }
};

}  // namespace hull::worker
