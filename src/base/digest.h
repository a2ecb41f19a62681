// Hashes (OpenSSL). Pure, thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace hull {

std::string sha1(std::string_view data);        // 20 raw bytes; where a protocol says so
std::string sha256(std::string_view data);      // 32 raw bytes
std::string sha256_hex(std::string_view data);  // 64 lower-case digits
std::string hmac_sha256(std::string_view key, std::string_view message);  // 32 raw bytes

}  // namespace hull
