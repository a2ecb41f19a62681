// Registers every _system/cli/* function of system-functions.md §2.1 (and the few _system/frontend/* ones the
// CLI calls).
#pragma once

#include "functions/runner.h"

namespace hull {

void register_system_functions(FunctionRunner& runner);

}  // namespace hull
