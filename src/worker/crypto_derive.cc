#include "worker/crypto_derive.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>

#include "worker/crypto_digest.h"
#include "worker/crypto_keys.h"

namespace hull::worker {
namespace {

using Kdf = std::unique_ptr<EVP_KDF, OpensslFree<EVP_KDF_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, OpensslFree<EVP_KDF_CTX_free>>;

constexpr uint32_t kIterationsBetweenLooks = 256;
// No array buffer could hold more.
constexpr size_t kMaxBytes = 64 << 20;

// HMAC with a key that is absorbed once, for a million messages.
class RepeatedHmac {
 public:
  RepeatedHmac(const EVP_MD* md, std::string_view key)
      : size_(static_cast<size_t>(EVP_MD_get_size(md))),
        inner_(EVP_MD_CTX_new()),
        outer_(EVP_MD_CTX_new()),
        work_(EVP_MD_CTX_new()) {
    std::string block(static_cast<size_t>(EVP_MD_get_block_size(md)), '\0');
    if (key.size() > block.size()) {
      EVP_Digest(In(key), key.size(), Out(block), nullptr, md, nullptr);
    } else {
      std::copy(key.begin(), key.end(), block.begin());
    }
    Absorb(inner_, md, block, 0x36);
    Absorb(outer_, md, block, 0x5c);
    OPENSSL_cleanse(block.data(), block.size());
  }

  size_t size() const { return size_; }

  // `message` and `out` (of size()) may be the same.
  bool Compute(std::string_view message, unsigned char* out) {
    return EVP_MD_CTX_copy_ex(work_.get(), inner_.get()) == 1 &&
           EVP_DigestUpdate(work_.get(), In(message), message.size()) == 1 &&
           EVP_DigestFinal_ex(work_.get(), out, nullptr) == 1 &&
           EVP_MD_CTX_copy_ex(work_.get(), outer_.get()) == 1 &&
           EVP_DigestUpdate(work_.get(), out, size_) == 1 &&
           EVP_DigestFinal_ex(work_.get(), out, nullptr) == 1;
  }

 private:
  static void Absorb(const HashContext& context, const EVP_MD* md, std::string block, char pad) {
    for (char& byte : block) byte = static_cast<char>(byte ^ pad);
    EVP_DigestInit_ex(context.get(), md, nullptr);
    EVP_DigestUpdate(context.get(), block.data(), block.size());
  }

  const size_t size_;
  const HashContext inner_;
  const HashContext outer_;
  const HashContext work_;
};

std::string BigEndian(uint32_t n) {
  return {static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
          static_cast<char>(n)};
}

}  // namespace

std::optional<std::string> Pbkdf2(std::string_view hash, std::string_view password, std::string_view salt,
                                  uint32_t iterations, size_t length, const std::function<bool()>& stopping) {
  const EVP_MD* md = HashNamed(hash);
  if (!md || iterations == 0 || length > kMaxBytes) return std::nullopt;
  RepeatedHmac hmac(md, password);
  std::string out;
  std::string round(hmac.size(), '\0');
  uint32_t until_look = kIterationsBetweenLooks;
  for (uint32_t index = 1; out.size() < length; ++index) {
    std::string block;
    for (uint32_t i = 0; i < iterations; ++i) {
      // The first message of a block holds the salt, which may be long.
      if (i == 0 || --until_look == 0) {
        if (stopping()) return std::nullopt;
        until_look = kIterationsBetweenLooks;
      }
      const bool ok = i == 0 ? hmac.Compute(std::string(salt) + BigEndian(index), Out(round))
                             : hmac.Compute(round, Out(round));
      if (!ok) return std::nullopt;
      if (i == 0) {
        block = round;
      } else {
        for (size_t at = 0; at < block.size(); ++at) block[at] = static_cast<char>(block[at] ^ round[at]);
      }
    }
    out += block;
  }
  out.resize(length);
  return out;
}

std::optional<std::string> Hkdf(std::string_view hash, std::string_view key, std::string_view salt,
                                std::string_view info, size_t length) {
  const EVP_MD* md = HashNamed(hash);
  if (!md || length > 255 * static_cast<size_t>(EVP_MD_get_size(md))) return std::nullopt;
  std::string out(length, '\0');
  if (length == 0) return out;
  const Kdf kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const KdfContext context(EVP_KDF_CTX_new(kdf.get()));
  const auto octets = [](const char* name, std::string_view bytes) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<unsigned char*>(In(bytes)), bytes.size());
  };
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(EVP_MD_get0_name(md)), 0),
      octets(OSSL_KDF_PARAM_KEY, key),
      octets(OSSL_KDF_PARAM_SALT, salt),
      octets(OSSL_KDF_PARAM_INFO, info),
      OSSL_PARAM_construct_end(),
  };
  if (!context || EVP_KDF_derive(context.get(), Out(out), out.size(), params) != 1) return std::nullopt;
  return out;
}

std::optional<std::string> SharedSecret(std::string_view private_key, std::string_view public_key,
                                        std::optional<uint32_t> bits) {
  const Key own = ReadKey(true, private_key);
  const Key peer = ReadKey(false, public_key);
  if (!own || !peer) return std::nullopt;
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr));
  size_t size = 0;
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), nullptr, &size) != 1) {
    return std::nullopt;
  }
  std::string out(size, '\0');
  if (EVP_PKEY_derive(context.get(), Out(out), &size) != 1) return std::nullopt;
  out.resize(size);
  if (!bits) return out;
  if (*bits > size * 8) return std::nullopt;
  out.resize((*bits + 7) / 8);
  if (*bits % 8 != 0) out.back() = static_cast<char>(out.back() & (0xff << (8 - *bits % 8)));
  return out;
}

}  // namespace hull::worker
