// The system functions by area, one file each (system-functions.md §2). Called once at start by
// register_system_functions().
#pragma once

#include "functions/runner.h"

namespace hull::sys {

void register_environment_functions(FunctionRunner& runner);  // variables, URLs
void register_table_functions(FunctionRunner& runner);        // tables, documents, schemas, indexes
void register_browse_functions(FunctionRunner& runner);       // documents by id and filter
void register_document_functions(FunctionRunner& runner);     // changes of documents and tables
void register_history_functions(FunctionRunner& runner);      // the audit log
void register_module_functions(FunctionRunner& runner);       // pushed code
void register_cron_functions(FunctionRunner& runner);         // cron jobs and their runs
void register_deployment_functions(FunctionRunner& runner);   // components, state, exports, imports, history
void register_schedule_functions(FunctionRunner& runner);     // scheduled functions

}  // namespace hull::sys
