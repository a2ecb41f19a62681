// Scheduling priority of a worker process, so that calls that compute for long leave the processors to those
// that do not. Linux knows priorities per thread: both functions cover all threads of the process.
#pragma once

#include <sys/types.h>

namespace hull {

// Gives way to everything of normal priority. Best effort.
void lower_priority(pid_t pid);
// Back to normal. False if the system does not allow it (that takes CAP_SYS_NICE or RLIMIT_NICE): the process
// stays slow.
bool restore_priority(pid_t pid);
// Processor time the process has used, all threads. 0 if it is gone.
double cpu_seconds(pid_t pid);

}  // namespace hull
