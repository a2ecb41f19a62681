// Starting workers with a Code, and the V8 snapshots they start from.
//
// A snapshot holds evaluated modules of one Code: as many as fit a budget of size and time, those called last
// first; workers load the others on demand. It is made once per Code, in a child of its own (some user code
// makes V8 abort while it is written), as a file in the scratch directory. Thread-safe; all calls but
// note_call() block.
#pragma once

#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/knobs.h"
#include "functions/action_pool.h"
#include "functions/code.h"
#include "functions/function_metrics.h"
#include "functions/worker_process.h"

namespace hull {

class WorkerStarter final : public ActionStarter {
 public:
  WorkerStarter(WorkerLauncher* launcher, const Knobs* knobs, std::string scratch_dir,
                FunctionMetrics* metrics);
  ~WorkerStarter() override;  // removes its files

  // A worker that has answered Ready.
  Result<std::unique_ptr<WorkerProcess>> start(const Code& code) override;
  // As start(), for code that will not be asked for again: nothing is kept of it.
  Result<std::unique_ptr<WorkerProcess>> start_once(const Code& code) { return start_with(code, ""); }
  // Makes the snapshot of `code` if there is none yet.
  void make_snapshot(const Code& code);
  // A function of this module is called.
  void note_call(const std::string& module);

 private:
  struct Snapshot {
    bool done = false;
    std::string path;  // "" = none can be made
    uint64_t used = 0;
  };
  std::string snapshot_path(const Code& code);
  std::string build(const Code& code);
  std::vector<std::string> entries_by_use(const Code& code);
  Result<std::unique_ptr<WorkerProcess>> start_with(const Code& code, const std::string& snapshot);
  void forget(const std::string& key);

  WorkerLauncher* const launcher_;
  const Knobs* const knobs_;
  const std::string scratch_dir_;
  FunctionMetrics* const metrics_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Snapshot> snapshots_;  // by Code key
  std::map<std::string, uint64_t> called_;     // module path -> number of its last call
  uint64_t uses_ = 0;
  bool reported_sandbox_ = false;
};

// The Init message for `code`.
wire::ToWorker init_message(const Code& code, const Knobs& knobs, const std::string& snapshot_path);
// Answers a worker's request for a module.
void reply_module(WorkerProcess& worker, const Code& code, const wire::ModuleRequest& request);

}  // namespace hull
