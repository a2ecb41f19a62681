#include "worker/crypto_sign.h"

#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "worker/crypto_digest.h"
#include "worker/crypto_keys.h"

namespace hull::worker {
namespace {

using Signature = std::unique_ptr<ECDSA_SIG, OpensslFree<ECDSA_SIG_free>>;

// Longer salts fit no key.
constexpr uint32_t kMaxSaltLength = kMaxRsaBits / 8;

bool SetPadding(EVP_PKEY_CTX* context, const SignatureScheme& scheme) {
  if (scheme.scheme == "RSASSA-PKCS1-v1_5")
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  if (scheme.scheme != "RSA-PSS") return true;
  return scheme.salt_length <= kMaxSaltLength &&
         EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, static_cast<int>(scheme.salt_length)) == 1;
}

size_t FieldBytes(EVP_PKEY* key) { return (static_cast<size_t>(EVP_PKEY_get_bits(key)) + 7) / 8; }

std::optional<std::string> NumbersOf(std::string_view der, size_t field_bytes) {
  const unsigned char* at = In(der);
  const Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  std::string out(2 * field_bytes, '\0');
  const auto size = static_cast<int>(field_bytes);
  if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), Out(out), size) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), Out(out) + field_bytes, size) < 0) {
    return std::nullopt;
  }
  return out;
}

std::optional<std::string> DerOf(std::string_view numbers, size_t field_bytes) {
  if (numbers.size() != 2 * field_bytes) return std::nullopt;
  const auto size = static_cast<int>(field_bytes);
  const Signature signature(ECDSA_SIG_new());
  ECDSA_SIG_set0(signature.get(), BN_bin2bn(In(numbers), size, nullptr),
                 BN_bin2bn(In(numbers) + field_bytes, size, nullptr));
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(signature.get(), &der);
  if (length <= 0) return std::nullopt;
  std::string out(reinterpret_cast<char*>(der), static_cast<size_t>(length));
  OPENSSL_free(der);
  return out;
}

}  // namespace

std::optional<std::string> Sign(const SignatureScheme& scheme, std::string_view private_key,
                                std::string_view data) {
  const Key key = ReadKey(true, private_key);
  const HashContext context(EVP_MD_CTX_new());
  const EVP_MD* hash = scheme.scheme == "Ed25519" ? nullptr : HashNamed(scheme.hash);
  EVP_PKEY_CTX* parameters = nullptr;
  if (!key || EVP_DigestSignInit(context.get(), &parameters, hash, nullptr, key.get()) != 1 ||
      !SetPadding(parameters, scheme)) {
    return std::nullopt;
  }
  std::string out(static_cast<size_t>(EVP_PKEY_get_size(key.get())), '\0');
  size_t size = out.size();
  if (EVP_DigestSign(context.get(), Out(out), &size, In(data), data.size()) != 1) return std::nullopt;
  out.resize(size);
  return scheme.scheme == "ECDSA" ? NumbersOf(out, FieldBytes(key.get())) : out;
}

bool Verify(const SignatureScheme& scheme, std::string_view public_key, std::string_view signature,
            std::string_view data) {
  const Key key = ReadKey(false, public_key);
  const HashContext context(EVP_MD_CTX_new());
  const EVP_MD* hash = scheme.scheme == "Ed25519" ? nullptr : HashNamed(scheme.hash);
  EVP_PKEY_CTX* parameters = nullptr;
  if (!key || EVP_DigestVerifyInit(context.get(), &parameters, hash, nullptr, key.get()) != 1 ||
      !SetPadding(parameters, scheme)) {
    return false;
  }
  std::optional<std::string> der;
  if (scheme.scheme == "ECDSA") {
    der = DerOf(signature, FieldBytes(key.get()));
    if (!der) return false;
    signature = *der;
  }
  return EVP_DigestVerify(context.get(), In(signature), signature.size(), In(data), data.size()) == 1;
}

}  // namespace hull::worker
