#include "services/jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/encoding.h"
#include "services/json_fields.h"
#include "value/json.h"

namespace hull {
namespace {

// Larger numbers only cost time.
constexpr int kMinRsaBits = 2048, kMaxRsaBits = 8192, kMaxExponentBits = 64;
constexpr size_t kCoordinate = 32;

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
template <typename T, auto kFree>
using Owned = std::unique_ptr<T, Free<kFree>>;
using Number = Owned<BIGNUM, BN_free>;
using KeyPtr = std::shared_ptr<EVP_PKEY>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Number number_of(std::string_view bytes) {
  return Number(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

KeyPtr share(EVP_PKEY* key) { return key == nullptr ? nullptr : KeyPtr(key, EVP_PKEY_free); }

KeyPtr key_from(const char* type, OSSL_PARAM_BLD* builder) {
  Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder));
  Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  return share(key);
}

KeyPtr rsa_key(std::string_view modulus, std::string_view exponent) {
  Number n = number_of(modulus), e = number_of(exponent);
  if (!n || !e || BN_num_bits(n.get()) < kMinRsaBits || BN_num_bits(n.get()) > kMaxRsaBits ||
      BN_num_bits(e.get()) > kMaxExponentBits || BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) == 1)
    return nullptr;
  Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  return key_from("RSA", builder.get());
}

KeyPtr p256_key(std::string_view x, std::string_view y) {
  if (x.size() != kCoordinate || y.size() != kCoordinate) return nullptr;
  const std::string point = "\x04" + std::string(x) + std::string(y);
  Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  KeyPtr key = key_from("EC", builder.get());  // null for a point that is not on the curve
  return key;
}

KeyPtr ed25519_key(std::string_view x) {
  return share(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size()));
}

// JWTs have r and s of an ECDSA signature side by side, OpenSSL wants them as ASN.1.
std::string ecdsa_asn1(std::string_view signature) {
  if (signature.size() != 2 * kCoordinate) return "";
  Owned<ECDSA_SIG, ECDSA_SIG_free> pair(ECDSA_SIG_new());
  Number r = number_of(signature.substr(0, kCoordinate)), s = number_of(signature.substr(kCoordinate));
  if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r.release(), s.release()) != 1) return "";
  unsigned char* out = nullptr;
  int size = i2d_ECDSA_SIG(pair.get(), &out);
  if (size <= 0) return "";
  std::string text(reinterpret_cast<char*>(out), static_cast<size_t>(size));
  OPENSSL_free(out);
  return text;
}

}  // namespace

std::optional<JwtAlgorithm> jwt_algorithm(std::string_view name) {
  if (name == "RS256") return JwtAlgorithm::kRs256;
  if (name == "ES256") return JwtAlgorithm::kEs256;
  if (name == "EdDSA") return JwtAlgorithm::kEdDsa;
  return std::nullopt;
}

std::optional<Jwk> Jwk::parse(ValueView json) {
  auto part = [&json](std::string_view name) {
    return base64url_decode(json::text_or_empty(json, name)).value_or("");
  };
  Jwk key;
  const std::string type = json::text_or_empty(json, "kty"), curve = json::text_or_empty(json, "crv");
  if (type == "RSA") {
    key.algorithm_ = JwtAlgorithm::kRs256;
    key.key_ = rsa_key(part("n"), part("e"));
  } else if (type == "EC" && curve == "P-256") {
    key.algorithm_ = JwtAlgorithm::kEs256;
    key.key_ = p256_key(part("x"), part("y"));
  } else if (type == "OKP" && curve == "Ed25519") {
    key.algorithm_ = JwtAlgorithm::kEdDsa;
    key.key_ = ed25519_key(part("x"));
  }
  if (!key.key_) return std::nullopt;
  if (auto alg = json.find("alg"); alg && !alg->is_null()) {
    if (!alg->is_string() || jwt_algorithm(alg->as_string()) != key.algorithm_) return std::nullopt;
  }
  if (auto id = json.find("kid"); id && id->is_string()) key.id_ = std::string(id->as_string());
  if (auto use = json.find("use"); use && !use->is_null())
    key.for_signatures_ = use->is_string() && use->as_string() == "sig";
  return key;
}

bool Jwk::verifies(std::string_view text, std::string_view signature) const {
  std::string asn1;
  if (algorithm_ == JwtAlgorithm::kEs256) signature = asn1 = ecdsa_asn1(signature);
  if (signature.empty()) return false;
  Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  const EVP_MD* digest = algorithm_ == JwtAlgorithm::kEdDsa ? nullptr : EVP_sha256();
  return context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text),
                          text.size()) == 1;
}

std::optional<JwkSet> parse_jwk_set(std::string_view json) {
  auto parsed = parse_plain_json(json);
  if (!parsed.ok()) return std::nullopt;
  auto list = parsed->view().find("keys");
  if (!list || !list->is_array()) return std::nullopt;
  JwkSet keys;
  for (size_t i = 0; i < list->count(); ++i)
    if (auto key = Jwk::parse(list->element(i))) keys.push_back(*std::move(key));
  return keys;
}

}  // namespace hull
