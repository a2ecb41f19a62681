// A realm is one JavaScript context and what belongs to it: its microtask queue, the runtime's hooks, its
// modules, the log lines and flags it produced, and the reason why it was stopped, if it was. Every call,
// every analysed module and every snapshot entry runs in a realm of its own; nothing is ever shared between
// two realms.
//
// JavaScript runs in a realm only within a Turn. Isolate thread only.
//
// Invariant: the context's embedder slot points at its realm while the realm lives and is null before and
// after, so that natives called from leftovers of an ended realm find out.
#pragma once

#include <v8.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/modules.h"
#include "worker/protocol.pb.h"
#include "worker/watchdog.h"

namespace hull::worker {

class Ops;
struct Host;

enum class Phase { kImport, kQuery, kMutation, kAction, kHttp, kSchema, kAuth, kDefinition };
const char* PhaseName(Phase phase);

class Realm {
 public:
  // Where the realm's microtasks go: a queue of its own, or the isolate's (snapshots can hold no other).
  enum class Microtasks { kOwn, kIsolate };

  Realm(Host& host, uint64_t id, uint32_t user_timeout_ms, Microtasks microtasks = Microtasks::kOwn);
  ~Realm();
  Realm(const Realm&) = delete;
  Realm& operator=(const Realm&) = delete;

  // nullptr if the context belongs to no living realm.
  static Realm* From(v8::Local<v8::Context> context);

  // A new context with the runtime evaluated and its import clock started. False: see failure().
  bool Create(Phase phase);
  // The context of a snapshot entry, modules evaluated.
  bool Restore(const wire::SnapshotEntry& entry);
  // Evaluates the entry module `path`; top-level await must settle at once. Empty: see failure().
  v8::MaybeLocal<v8::Object> ImportEntry(const std::string& path);
  // Modules of a restored context become visible to dynamic imports (done lazily, they are rarely needed).
  void AdoptSnapshotModules(v8::Local<v8::Context> context);

  // Calls a hook; empty if it threw (exception pending in the caller's TryCatch) or was stopped.
  v8::MaybeLocal<v8::Value> CallHook(const char* name, std::vector<v8::Local<v8::Value>> args);
  // Runs all microtasks.
  void Drain();

  // Records how the realm failed; the first reason wins. Fail(TryCatch) describes a JavaScript exception.
  void Fail(wire::JsError error);
  void Fail(wire::JsError::Kind kind, std::string message);
  void Fail(const v8::TryCatch& caught);
  void FailWith(v8::Local<v8::Value> exception);
  const std::optional<wire::JsError>& failure() const { return failure_; }
  const std::string& failure_code() const { return failure_code_; }
  bool retire() const { return retire_; }
  // True while the running turn is being stopped or the realm has failed.
  bool stopping() const;
  // Takes the first rejection nobody handles, as a failure. False if there is none.
  bool FailOnUnhandledRejection();

  // Counts the line and gives it its time.
  void Log(wire::LogLine line);
  std::vector<wire::LogLine> TakeLogs() { return std::exchange(logs_, {}); }

  // Before a call made from `caller` starts: it has what the caller has left of its time and log lines.
  void ShareBudgetOf(const Realm& caller);
  // At its end: what it used is gone, what it printed is the caller's.
  void Absorb(Realm& callee, const std::string& udf_path);

  Host& host() { return host_; }
  uint64_t id() const { return id_; }
  v8::Local<v8::Context> context() const;
  v8::Local<v8::Object> hooks() const;
  void set_hooks(v8::Local<v8::Object> hooks);
  ModuleGraph& modules() { return modules_; }
  Phase phase() const { return phase_; }
  void set_phase(Phase phase) { phase_ = phase; }
  Ops* ops() const { return ops_; }
  void set_ops(Ops* ops) { ops_ = ops; }
  uint64_t user_time_us() const { return used_us_; }
  // One time for all that the running turn asks about: `now` when it first asked.
  double TurnTime(double now) {
    if (!turn_time_) turn_time_ = now;
    return *turn_time_;
  }

  bool observed_time = false;
  bool observed_random = false;

  // Isolate callbacks.
  static v8::MaybeLocal<v8::Value> PrepareStackTrace(v8::Local<v8::Context> context,
                                                     v8::Local<v8::Value> error, v8::Local<v8::Array> sites);
  static void OnPromiseReject(v8::PromiseRejectMessage message);

 private:
  friend class Turn;

  void Attach(v8::Local<v8::Context> context);
  bool EvaluateRuntime(v8::Local<v8::Context> context);
  void Stopped(Stop why);
  uint64_t time_left_us() const { return budget_us_ > used_us_ ? budget_us_ - used_us_ : 0; }

  Host& host_;
  const uint64_t id_;
  const uint32_t user_timeout_ms_;  // of the whole transaction, as error texts show it
  uint64_t budget_us_;
  uint64_t used_us_ = 0;
  int turns_ = 0;
  std::optional<double> turn_time_;
  std::unique_ptr<v8::MicrotaskQueue> microtasks_;
  v8::Global<v8::Context> context_;
  v8::Global<v8::Object> hooks_;
  ModuleGraph modules_;
  const wire::SnapshotEntry* snapshot_entry_ = nullptr;
  Phase phase_ = Phase::kImport;
  Ops* ops_ = nullptr;
  std::vector<std::pair<v8::Global<v8::Promise>, v8::Global<v8::Value>>> rejections_;
  std::vector<wire::LogLine> logs_;
  uint32_t log_lines_used_ = 0;
  std::optional<wire::JsError> failure_;
  std::string failure_code_;
  bool retire_ = false;
};

// A stay inside V8 for one realm: charges its time, opens a handle scope and, once the realm has one, its
// context. Turns of the same realm may nest, turns of different realms may not.
class Turn {
 public:
  explicit Turn(Realm& realm);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Realm& realm_;
  v8::HandleScope handles_;
  std::optional<v8::Context::Scope> scope_;
};

}  // namespace hull::worker
