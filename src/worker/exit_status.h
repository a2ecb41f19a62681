// How a worker that gives up tells the server why. Limits are kept by ending JavaScript and reporting the
// call as failed; some code does not notice that it was ended, and then only the process can go.
#pragma once

namespace hull::worker {

inline constexpr int kExitOutOfMemory = 70;
inline constexpr int kExitTimeout = 71;

}  // namespace hull::worker
