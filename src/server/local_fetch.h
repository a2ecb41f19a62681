// fetch() of actions to the deployment's own origins, answered in this process (auth-and-node.md §5): behind
// a proxy or in a container those may not be reachable from inside. The request takes the same way through
// the pipeline as one that came over the network.
#pragma once

#include "functions/fetch.h"
#include "server/pipeline.h"

namespace hull {

// `pipeline` must outlive the actions. Thread-safe.
FetchService::Local local_fetch(const Pipeline* pipeline);

}  // namespace hull
