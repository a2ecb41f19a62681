// What is looked at before a server starts (operations.md §2, §7, §16): settings that would fail later, in
// worse words. Plain functions for the main thread.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/commands.h"

namespace hull {

// Creates the data directory if it is missing, and makes sure that it can be written and has room. The error
// says what to do.
Result<void> check_data_dir(const std::string& data_dir);
// Nothing lies where the reference server would have its database.
Result<void> check_foreign_database(const ServeOptions& options);
// The parts that run functions are where they should be.
Result<void> check_library(const std::string& lib_dir);
// Warns about settings of the reference server that are set here and have no effect.
void warn_about_ignored_settings();

// HULL_LIB_DIR, else lib/hull beside the executable: node, worker.node, runtime.js.
std::string library_directory();

}  // namespace hull
