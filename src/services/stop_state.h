// Whether functions may run: the row of `_backend_state` (http-api.md §7.3; sync-protocol.md §11). Every call
// of user code reads it, so that a change reruns live queries. Stateless, thread-safe.
#pragma once

#include <string>

#include "functions/runner.h"

namespace hull {

struct StopState {
  std::string system = "none";       // "none", "disabled", "suspended"
  std::string usage_limit = "none";  // "none", "disabled"
  std::string user = "none";         // "none", "paused"
  bool operator==(const StopState&) const = default;

  // As `_system/frontend/deploymentState` says it: the strongest reason, else "running".
  std::string_view summary() const;
  Value row() const;
  static StopState of(const Catalog& catalog);
};

// Blocks until the commit. Pausing what is paused does nothing; 400 UnpauseDeploymentFailed where nothing is
// paused.
Result<void> pause_deployment(FunctionRunner& runner, const Knobs& knobs);
Result<void> unpause_deployment(FunctionRunner& runner, const Knobs& knobs);
// Stops functions because a usage limit is reached, or lets them run again. Blocks until the commit, if there
// is anything to change.
Result<void> stop_for_usage(FunctionRunner& runner, const Knobs& knobs, bool stop);

}  // namespace hull
