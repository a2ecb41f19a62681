// The flags of a server, which `hull serve`, `hull dev` and the command line of the reference server share
// (operations.md §2): flags win over environment variables, an empty variable counts as unset. Used by main's
// thread only.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "cli/commands.h"

namespace hull {

class ServeFlags {
 public:
  // Adds the flags to `command`. Both outlive this object.
  ServeFlags(CLI::App& command, ServeOptions& options);
  ServeFlags(const ServeFlags&) = delete;
  ServeFlags& operator=(const ServeFlags&) = delete;

  // After parsing: the rest of the options, checked. An exit code if they cannot be used; the cause is then
  // on stderr.
  std::optional<int> finish();

 private:
  ServeOptions& options_;
  std::string name_, secret_, cloud_origin_, site_origin_, durability_ = "sync";
  std::string ignored_text_;
  bool ignored_flag_ = false;
  CLI::Option *name_flag_, *secret_flag_, *cloud_flag_, *site_flag_;
};

// A variable that is set and not empty.
bool has_variable(const char* name);

}  // namespace hull
