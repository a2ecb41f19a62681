// An ad-hoc query: a module that was not pushed, with one query as its default export (http-api.md §7.2).
// Plain data.
#pragma once

#include <string>

#include "functions/call.h"

namespace hull {

struct TestQuery {
  ModulePath path;  // of the module; hides a pushed one of the same name
  std::string source, source_map;
  FunctionCall call;  // everything but the path
};

}  // namespace hull
