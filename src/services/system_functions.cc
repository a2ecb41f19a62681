#include "services/system_functions.h"

#include "services/system_areas.h"

namespace hull {

void register_system_functions(FunctionRunner& runner) {
  sys::register_environment_functions(runner);
  sys::register_table_functions(runner);
  sys::register_browse_functions(runner);
  sys::register_document_functions(runner);
  sys::register_history_functions(runner);
  sys::register_module_functions(runner);
  sys::register_cron_functions(runner);
  sys::register_deployment_functions(runner);
  sys::register_schedule_functions(runner);
}

}  // namespace hull
