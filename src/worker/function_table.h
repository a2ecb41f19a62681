// Keeps V8's table of function entry points mapped between garbage collections.
//
// V8 keeps the entry points of all functions in one table and gives each 64 KiB of it back to the system when
// a full collection finds no living function there. A context has thousands of functions, so collections
// unmapped what the next calls had to map and fault in again, and unmapping interrupts all threads of the
// process: a sixth of the CPU time of an empty query. One living function in each of those segments prevents
// it.
//
// Isolate thread only; the isolate must have been entered.
#pragma once

#include <v8.h>

#include <vector>

namespace hull::worker {

class FunctionTable {
 public:
  // To be called after each new context: keeps the segment in use, until enough are kept.
  void Keep(v8::Isolate* isolate);

 private:
  v8::Global<v8::Context> context_;  // what the kept functions belong to
  std::vector<v8::Global<v8::Function>> kept_;
};

}  // namespace hull::worker
