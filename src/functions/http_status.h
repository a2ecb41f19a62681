// Canonical reason phrases of HTTP statuses, which fetch gives as statusText (runtime.md §9.1).
#pragma once

#include <string_view>

namespace hull {

// "" for a status that has none.
std::string_view http_reason(int status);

}  // namespace hull
