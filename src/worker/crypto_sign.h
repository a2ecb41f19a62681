// Signatures for crypto.subtle.
//
// `scheme` is the WebCrypto name: "RSASSA-PKCS1-v1_5", "RSA-PSS", "ECDSA" or "Ed25519". ECDSA signatures are
// the two numbers side by side (IEEE P1363). `hash` is ignored by Ed25519, `salt_length` (bytes) by all but
// RSA-PSS. Keys are canonical DER (crypto_keys.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hull::worker {

struct SignatureScheme {
  std::string_view scheme;
  std::string_view hash;
  uint32_t salt_length = 0;
};

std::optional<std::string> Sign(const SignatureScheme& scheme, std::string_view private_key,
                                std::string_view data);
// False for any signature that is not right, whatever is wrong with it.
bool Verify(const SignatureScheme& scheme, std::string_view public_key, std::string_view signature,
            std::string_view data);

}  // namespace hull::worker
