// The encryption envelope of everything derived from the instance secret: admin keys, cursors, journals,
// upload tokens (auth-and-node.md §4.1). SP 800-108 key derivation and AES-128-GCM-SIV. Immutable after
// construction, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hull {

class InstanceSecret {
 public:
  // `hex` is 64 hex digits. Errors: "Couldn't hexdecode key", "Hex-decoded key was <n> bytes, not 32".
  static Result<InstanceSecret> from_hex(std::string_view hex);
  static InstanceSecret generate();

  std::string hex() const;
  std::string_view raw() const { return bytes_; }          // 32 bytes
  std::string derive_key(std::string_view purpose) const;  // 16 bytes
  // First 8 hex digits of SHA-256 of the secret: safe to log.
  std::string fingerprint() const;

  // hex(version || nonce || ciphertext || tag). The nonce is random, or given (tests).
  std::string seal_random(std::string_view purpose, uint8_t version, std::string_view plaintext,
                          std::optional<std::string_view> nonce = std::nullopt) const;
  // hex(version || ciphertext || tag) under an all-zero nonce: equal input gives equal output.
  std::string seal_deterministic(std::string_view purpose, uint8_t version, std::string_view plaintext) const;
  // nullopt: not hex, another version, or not authentic.
  std::optional<std::string> open_random(std::string_view purpose, uint8_t version,
                                         std::string_view hex_text) const;
  std::optional<std::string> open_deterministic(std::string_view purpose, uint8_t version,
                                                std::string_view hex_text) const;
  // Keys minted before GCM-SIV: hex(01 || nonce24 || NaCl secretbox) under the secret itself.
  std::optional<std::string> open_legacy(std::string_view hex_text) const;

 private:
  explicit InstanceSecret(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string bytes_;
};

}  // namespace hull
