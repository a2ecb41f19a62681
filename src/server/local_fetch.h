// Requests of this process to the deployment's own origins, answered in it (auth-and-node.md §5): behind a
// proxy or in a container those may not be reachable from inside. The request takes the same way through the
// pipeline as one that came over the network.
#pragma once

#include "functions/fetch.h"
#include "server/pipeline.h"

namespace hull {

// Who asks: fetch() of an action, or the server itself, which wants the keys of an issuer that is this
// deployment. In the latter case requests, and maybe actions, wait for the answer, so it must not wait for
// them.
enum class LocalCaller { kFunction, kAuthentication };

// `pipeline` must outlive the callers. Thread-safe.
FetchService::Local local_fetch(const Pipeline* pipeline, LocalCaller caller);

}  // namespace hull
