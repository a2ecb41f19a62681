// Media types (RFC 9110 §8.3.1) as they are stored with files. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hull {

// Type and names of parameters in lower case, no spaces, quotes only where needed, as browsers write a Blob's
// type; nullopt if it is not a media type.
std::optional<std::string> normalized_media_type(std::string_view text);

}  // namespace hull
