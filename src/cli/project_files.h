// The files of a project and of its owner that tell `npx convex` where its backend is (operations.md §10,
// §11). Plain functions for main's thread; errors name the file.
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace hull {

// Writes a file as a whole (mode 0600 unless `executable`): readers see the old one or the new one. Makes its
// directory.
Result<void> write_file(const std::string& path, const std::string& text, bool executable = false);

// The text of a .env file with these variables set: their lines replaced, or appended; all others as they
// were.
std::string with_variables(std::string_view text, const std::map<std::string, std::string>& variables);
// Whether a line of it sets the variable.
bool sets_variable(std::string_view text, std::string_view name);

// Keeps the project's .convex directory out of its repository, as the CLI does.
Result<void> ignore_state(const std::string& project_dir);

// "" if there is no such file.
Result<std::string> read_text(const std::string& path);

}  // namespace hull
