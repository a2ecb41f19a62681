// Setting and resetting canonical URLs (http-api.md §7.1 update_canonical_url). Stateless, thread-safe.
#pragma once

#include <optional>
#include <string>

#include "functions/runner.h"

namespace hull {

// `destination`: "convexCloud" or "convexSite"; without `url`, the configured origin counts again. Blocks (it
// runs workers). Errors: 400 InvalidRequestDestination, InvalidCanonicalUrl, and those of change_variables().
Result<void> set_canonical_url(FunctionRunner& runner, const Knobs& knobs, const std::string& destination,
                               const std::optional<std::string>& url);

}  // namespace hull
