// Asymmetric keys for crypto.subtle.
//
// A key is its DER encoding, SubjectPublicKeyInfo or PKCS #8, in the one canonical form that OpenSSL writes
// (named curve, uncompressed point, public key included). So keys are plain bytes to the runtime and live in
// V8 snapshots. A *family* is "RSA" or the name of a curve: "P-256", "P-384", "P-521", "Ed25519", "X25519".
// *Parts* are the numbers of a JSON Web Key, big-endian: n e [d p q dp dq qi], x y [d], or x [d]; those of
// the elliptic curves have the full length of the field.
//
// Invariant: what these functions return has passed the checks of its family: points are on their curve, the
// numbers of a private key belong together. RSA moduli have at most kMaxRsaBits, those of private keys
// kMaxPrivateRsaBits, and long ones have short public exponents, so that one operation takes a fraction of a
// second whatever the key.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/crypto_openssl.h"

namespace hull::worker {

inline constexpr int kMaxRsaBits = 16384;
inline constexpr int kMaxPrivateRsaBits = 8192;

using KeyParts = std::vector<std::string>;

// Of canonical DER; null if it is none.
Key ReadKey(bool is_private, std::string_view der);

// Foreign DER made canonical; nullopt if it is damaged or of another family.
std::optional<std::string> CanonicalKey(std::string_view family, bool is_private, std::string_view der);
std::optional<std::string> KeyFromParts(std::string_view family, bool is_private, const KeyParts& parts);
// The public key at an encoded point (raw format) of "P-...".
std::optional<std::string> KeyFromPoint(std::string_view family, std::string_view point);
// `with_private`: `der` is a private key and its private parts are wanted too.
std::optional<KeyParts> PartsOfKey(bool is_private, bool with_private, std::string_view der);

struct NewKey {
  std::string public_der;
  std::string private_der;
};
// `rsa_bits` and `rsa_exponent` are for RSA only. Gives up when `stopping`.
std::optional<NewKey> GenerateKey(std::string_view family, int rsa_bits, uint32_t rsa_exponent,
                                  const std::function<bool()>& stopping);

}  // namespace hull::worker
