// Ciphers for crypto.subtle: AES in its four modes, and RSA-OAEP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hull::worker {

enum class Direction { kEncrypt, kDecrypt };

// Keys have 16, 24 or 32 bytes; initialisation vectors of CBC and counters of CTR have 16. nullopt also for a
// wrong padding or tag.
std::optional<std::string> AesCbc(Direction direction, std::string_view key, std::string_view iv,
                                  std::string_view data);
// The low `counter_bits` (1 to 128) of `counter` count and wrap around; data with more blocks than that
// fails.
std::optional<std::string> AesCtr(std::string_view key, std::string_view counter, uint32_t counter_bits,
                                  std::string_view data);
// The tag of `tag_bytes` is at the end of the encrypted data.
std::optional<std::string> AesGcm(Direction direction, std::string_view key, std::string_view iv,
                                  std::string_view additional_data, uint32_t tag_bytes,
                                  std::string_view data);
// AES key wrap (RFC 3394).
std::optional<std::string> AesKw(Direction direction, std::string_view key, std::string_view data);

// `key` is canonical DER (crypto_keys.h): public to encrypt, private to decrypt.
std::optional<std::string> RsaOaep(Direction direction, std::string_view hash, std::string_view label,
                                   std::string_view key, std::string_view data);

}  // namespace hull::worker
