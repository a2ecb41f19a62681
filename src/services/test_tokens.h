// For the tests of this room: signing keys, and tokens made with them.
#pragma once

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/encoding.h"

namespace hull {

class TestKey {
 public:
  static TestKey rsa(unsigned bits = 2048) { return TestKey("RS256", EVP_RSA_gen(bits)); }
  static TestKey p256() { return TestKey("ES256", EVP_EC_gen("P-256")); }
  static TestKey ed25519() { return TestKey("EdDSA", EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); }

  const std::string& algorithm() const { return algorithm_; }

  // The public key; `more` is spliced in: R"(,"kid":"a")".
  std::string jwk(std::string_view more = "") const {
    std::string out = "{";
    if (algorithm_ == "RS256")
      out += R"("kty":"RSA","n":")" + number(OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" +
             number(OSSL_PKEY_PARAM_RSA_E);
    if (algorithm_ == "ES256")
      out += R"("kty":"EC","crv":"P-256","x":")" + number(OSSL_PKEY_PARAM_EC_PUB_X, 32) + R"(","y":")" +
             number(OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    if (algorithm_ == "EdDSA") {
      std::string raw(32, '\0');
      size_t size = raw.size();
      EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()), &size);
      out += R"("kty":"OKP","crv":"Ed25519","x":")" + base64url_encode(raw);
    }
    return out + "\"" + std::string(more) + "}";
  }
  std::string jwks(std::string_view more = "") const { return "{\"keys\":[" + jwk(more) + "]}"; }

  // `header` without "alg", which is this key's: R"(,"kid":"a")".
  std::string token(std::string_view claims, std::string_view header = "") const {
    return token_with_header(R"({"alg":")" + algorithm_ + "\"" + std::string(header) + "}", claims);
  }
  std::string token_with_header(std::string_view header, std::string_view claims) const {
    std::string text = base64url_encode(header) + "." + base64url_encode(claims);
    return text + "." + base64url_encode(sign(text));
  }

 private:
  TestKey(std::string algorithm, EVP_PKEY* key)
      : algorithm_(std::move(algorithm)), key_(key, EVP_PKEY_free) {}

  std::string number(const char* name, int width = 0) const {
    BIGNUM* n = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &n);
    std::string bytes(static_cast<size_t>(width == 0 ? BN_num_bytes(n) : width), '\0');
    BN_bn2binpad(n, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    BN_free(n);
    return base64url_encode(bytes);
  }

  std::string sign(std::string_view text) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, algorithm_ == "EdDSA" ? nullptr : EVP_sha256(), nullptr, key_.get());
    std::string out(1024, '\0');
    size_t size = out.size();
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size,
                   reinterpret_cast<const unsigned char*>(text.data()), text.size());
    EVP_MD_CTX_free(context);
    out.resize(size);
    return algorithm_ == "ES256" ? side_by_side(out) : out;
  }

  static std::string side_by_side(const std::string& asn1) {
    const auto* data = reinterpret_cast<const unsigned char*>(asn1.data());
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(asn1.size()));
    std::string out(64, '\0');
    auto* bytes = reinterpret_cast<unsigned char*>(out.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), bytes, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), bytes + 32, 32);
    ECDSA_SIG_free(pair);
    return out;
  }

  std::string algorithm_;
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace hull
