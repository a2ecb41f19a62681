#include "worker/native_crypto.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace hull::worker {
namespace {

const EVP_MD* HashNamed(std::string_view name) {
  if (name == "SHA-1") return EVP_sha1();
  if (name == "SHA-256") return EVP_sha256();
  if (name == "SHA-384") return EVP_sha384();
  if (name == "SHA-512") return EVP_sha512();
  return nullptr;
}

const unsigned char* Bytes(std::string_view text) {
  static const unsigned char kNothing = 0;
  return text.empty() ? &kNothing : reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::optional<std::string> Digest(std::string_view algorithm, std::string_view data) {
  const EVP_MD* hash = HashNamed(algorithm);
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!hash || EVP_Digest(Bytes(data), data.size(), out, &size, hash, nullptr) != 1) return std::nullopt;
  return std::string(reinterpret_cast<char*>(out), size);
}

std::optional<std::string> Hmac(std::string_view algorithm, std::string_view key, std::string_view data) {
  const EVP_MD* hash = HashNamed(algorithm);
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!hash || !HMAC(hash, Bytes(key), static_cast<int>(key.size()), Bytes(data), data.size(), out, &size)) {
    return std::nullopt;
  }
  return std::string(reinterpret_cast<char*>(out), size);
}

}  // namespace hull::worker
