// Components as administration names them: by the id of their row in `_components` (components.md §11). A
// server without components has the root only, and whoever names another must be told. Thread-safe.
#pragma once

#include <string_view>

#include "base/result.h"
#include "database/catalog.h"

namespace hull {

// "" = the root. Errors: 400 InvalidComponentId if it is no id, 404 ComponentNotFound.
Result<void> check_component(const Catalog& catalog, std::string_view id);

}  // namespace hull
