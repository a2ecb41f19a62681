// `_system/frontend/fileStorageV2`: the dashboard's view of stored files (system-functions.md §2.4). Called
// once at start, after register_system_functions().
#pragma once

#include "functions/file_store.h"
#include "functions/runner.h"

namespace hull {

// `files` must outlive the runner's calls.
void register_file_functions(FunctionRunner& runner, FileStore& files);

}  // namespace hull
