// Key derivation for crypto.subtle. Lengths are in bytes unless they say bits.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace hull::worker {

// PBKDF2 (RFC 8018). Asks `stopping` every few hundred microseconds and gives up when told so: iteration
// counts are the user's, and V8 cannot interrupt native code.
std::optional<std::string> Pbkdf2(std::string_view hash, std::string_view password, std::string_view salt,
                                  uint32_t iterations, size_t length, const std::function<bool()>& stopping);
// HKDF (RFC 5869).
std::optional<std::string> Hkdf(std::string_view hash, std::string_view key, std::string_view salt,
                                std::string_view info, size_t length);
// The first `bits` of the secret that two keys of the same curve share, all of it if absent; bits beyond are
// zero. nullopt if the secret is shorter or the public key is one of the weak ones. Keys are canonical DER
// (crypto_keys.h).
std::optional<std::string> SharedSecret(std::string_view private_key, std::string_view public_key,
                                        std::optional<uint32_t> bits);

}  // namespace hull::worker
