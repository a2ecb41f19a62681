// The system functions by area, one file each (system-functions.md §2). Called once at start by
// register_system_functions().
#pragma once

#include "functions/runner.h"

namespace hull::sys {

void register_environment_functions(FunctionRunner& runner);  // variables, URLs
void register_table_functions(FunctionRunner& runner);        // tables, documents, schemas, indexes
void register_module_functions(FunctionRunner& runner);       // pushed code
void register_cron_functions(FunctionRunner& runner);         // cron jobs and their runs
void register_deployment_functions(FunctionRunner& runner);   // components, state, exports, imports, history

}  // namespace hull::sys
