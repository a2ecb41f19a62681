#include "worker/crypto_digest.h"

#include <openssl/hmac.h>

#include "worker/crypto_openssl.h"

namespace hull::worker {

const EVP_MD* HashNamed(std::string_view name) {
  if (name == "SHA-1") return EVP_sha1();
  if (name == "SHA-256") return EVP_sha256();
  if (name == "SHA-384") return EVP_sha384();
  if (name == "SHA-512") return EVP_sha512();
  return nullptr;
}

std::optional<std::string> Digest(std::string_view hash, std::string_view data) {
  const EVP_MD* md = HashNamed(hash);
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!md || EVP_Digest(In(data), data.size(), out, &size, md, nullptr) != 1) return std::nullopt;
  return std::string(reinterpret_cast<char*>(out), size);
}

std::optional<std::string> Hmac(std::string_view hash, std::string_view key, std::string_view data) {
  const EVP_MD* md = HashNamed(hash);
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!md || !HMAC(md, In(key), static_cast<int>(key.size()), In(data), data.size(), out, &size)) {
    return std::nullopt;
  }
  return std::string(reinterpret_cast<char*>(out), size);
}

}  // namespace hull::worker
