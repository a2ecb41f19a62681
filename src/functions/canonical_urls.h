// Canonical URLs: public addresses of the deployment set at run time, which override the configured origins
// (http-api.md §7.1; rows of `_canonical_urls`). Pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "database/catalog.h"

namespace hull {

// The variables that functions see instead of those made from the configured origins: CONVEX_CLOUD_URL and
// CONVEX_SITE_URL, as far as they are overridden.
std::map<std::string, std::string> canonical_url_variables(const Catalog& catalog);

// The public address of the API port, without a slash at its end: the canonical one, else `origin`.
std::string cloud_url(const Catalog& catalog, std::string_view origin);

// Name of the variable of a destination ("convexCloud", "convexSite"); "" for another text.
std::string_view canonical_url_variable(std::string_view destination);

}  // namespace hull
