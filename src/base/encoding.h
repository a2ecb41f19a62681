// Text encodings of bytes. All functions are pure and thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hull {

std::string hex_encode(std::string_view bytes);                      // lower case
std::optional<std::string> hex_decode(std::string_view text);        // either case; nullopt if malformed
std::string base64_encode(std::string_view bytes);                   // standard alphabet, padded
std::optional<std::string> base64_decode(std::string_view text);     // strict: padding required, no junk
std::string base64url_encode(std::string_view bytes);                // URL-safe alphabet, no padding
std::optional<std::string> base64url_decode(std::string_view text);  // padding optional

}  // namespace hull
