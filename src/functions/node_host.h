// NodeHost: everything about "use node" code that is not common to all actions: which Node.js, external
// packages, modules on disk, executor processes, analysis (auth-and-node.md Part B). Thread-safe; all calls
// block.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/knobs.h"
#include "functions/action_pool.h"
#include "functions/child_process.h"
#include "functions/function_metrics.h"
#include "functions/node_directory.h"
#include "functions/node_packages.h"
#include "functions/node_runtime.h"

namespace hull {

struct NodeOptions {
  std::string executable;    // the only Node.js to use, "" = see NodeRuntime
  std::string lib_dir;       // node (the pinned one), node_executor.mjs
  std::string scratch_dir;   // unpacked modules; what is in its folder "node" is removed at start
  std::string packages_dir;  // external packages
};

class NodeHost final : public ActionStarter {
 public:
  NodeHost(NodeOptions options, const Knobs* knobs, FunctionMetrics* metrics);
  ~NodeHost() override;  // after all processes

  // Makes sure that code with these settings can run. Errors as NodeRuntime::find and NodePackages::ensure.
  Result<void> prepare(const NodeSettings& settings);
  Result<std::unique_ptr<WorkerProcess>> start(const Code& code) override;
  // Adds what `request.node_modules` export to `outcome`, or the failure.
  Result<void> analyze(const AnalysisRequest& request, AnalysisOutcome& outcome);

 private:
  using Directory = std::shared_ptr<const NodeDirectory>;
  Result<Directory> directory_for(const Code& code, const NodeExecutable& node);
  Result<std::unique_ptr<WorkerProcess>> launch(const NodeExecutable& node, Directory directory,
                                                const std::map<std::string, std::string>& env);
  void read_output();

  const NodeOptions options_;
  const Knobs* const knobs_;
  FunctionMetrics* const metrics_;
  const std::string modules_dir_;
  ForkThread forks_;
  NodeRuntime runtime_;
  NodePackages packages_;

  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const NodeDirectory>> directories_;  // by Code key
  Directory newest_;  // stays while its code has no process

  int output_[2] = {-1, -1};  // what executors and their children print
  int stop_output_ = -1;
  std::thread output_reader_;
};

ActionPolicy node_action_policy(const Knobs& knobs);

}  // namespace hull
