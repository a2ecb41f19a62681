// Which Node.js runs "use node" actions (auth-and-node.md §7.1). Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/result.h"
#include "functions/child_process.h"

namespace hull {

struct NodeExecutable {
  std::string path;
  int major = 0;
  std::string directory() const { return path.substr(0, path.rfind('/')); }
};

class NodeRuntime {
 public:
  // `chosen`: the only executable to look at, "" = the usual places. `pinned`: the one that comes with the
  // server.
  NodeRuntime(ForkThread* forks, std::string chosen, std::string pinned)
      : forks_(forks), chosen_(std::move(chosen)), pinned_(std::move(pinned)) {}

  // One of the major version asked for ("20", "22", "24"; "" = any): the pinned one, nvm's, the one on PATH.
  // Where there is none, another supported one. Error: 400 DeploymentNotConfiguredForNodeActions.
  Result<NodeExecutable> find(const std::string& version);

 private:
  int major_of(const std::string& path);

  ForkThread* const forks_;
  const std::string chosen_, pinned_;
  std::mutex mutex_;
  std::map<std::string, int> majors_;  // by path and time of change; 0 = not usable
};

}  // namespace hull
