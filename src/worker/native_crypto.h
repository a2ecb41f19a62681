// Hashing for crypto.subtle, by the OpenSSL that the hosting node binary exports.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hull::worker {

// `algorithm` is a WebCrypto name ("SHA-256"); nullopt if it is not known.
std::optional<std::string> Digest(std::string_view algorithm, std::string_view data);
std::optional<std::string> Hmac(std::string_view algorithm, std::string_view key, std::string_view data);

}  // namespace hull::worker
