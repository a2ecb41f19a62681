// Hashes and HMAC for crypto.subtle.
#pragma once

#include <openssl/evp.h>

#include <optional>
#include <string>
#include <string_view>

namespace hull::worker {

// By WebCrypto name ("SHA-256"); nullptr if it is not known.
const EVP_MD* HashNamed(std::string_view name);

std::optional<std::string> Digest(std::string_view hash, std::string_view data);
std::optional<std::string> Hmac(std::string_view hash, std::string_view key, std::string_view data);

}  // namespace hull::worker
