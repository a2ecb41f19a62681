// What callers are told while the deployment is paused (see stopped_text() in functions/lookup.h).
#pragma once

#include <string_view>

namespace hull {

inline constexpr std::string_view kStoppedText =
    "Cannot run functions while this deployment is paused. "
    "Resume the deployment in the dashboard settings to allow functions to run.";

}  // namespace hull
