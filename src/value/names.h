// Identifier, table, field and function-path rules (values-and-schema.md §5, deploy-and-cli.md §3.2). Pure,
// thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hull {

// Errors carry the cause text of §5, e.g. "Identifier is too long (70 > maximum 64)".
Result<void> check_identifier(std::string_view s);
Result<void> check_field_name(std::string_view s);
Result<std::vector<std::string>> parse_field_path(std::string_view s);

// "dir/file.js", always with extension.
struct ModulePath {
  std::string text;
  auto operator<=>(const ModulePath&) const = default;
  static Result<ModulePath> parse(std::string_view s);  // canonicalises, error text of deploy-and-cli.md §3.2
  std::string without_extension() const;
  bool is_system() const { return text.starts_with("_system/"); }
  bool is_deps() const { return text.starts_with("_deps/") || text.starts_with("actions/_deps/"); }
};

struct FunctionPath {
  ModulePath module;
  std::string name;  // export name, "default" if none was given
  auto operator<=>(const FunctionPath&) const = default;
  static Result<FunctionPath> parse(std::string_view s);  // error code BadConvexFunctionIdentifier
  std::string canonical() const;                          // "dir/file.js:fn"
  std::string display() const;                            // "dir/file:fn", default export "dir/file"
};

}  // namespace hull
