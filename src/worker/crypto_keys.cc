#include "worker/crypto_keys.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace hull::worker {
namespace {

using Params = std::unique_ptr<OSSL_PARAM, OpensslFree<OSSL_PARAM_free>>;
using ParamsBuilder = std::unique_ptr<OSSL_PARAM_BLD, OpensslFree<OSSL_PARAM_BLD_free>>;
using PrivateKeyInfo = std::unique_ptr<PKCS8_PRIV_KEY_INFO, OpensslFree<PKCS8_PRIV_KEY_INFO_free>>;
using PublicKeyInfo = std::unique_ptr<X509_PUBKEY, OpensslFree<X509_PUBKEY_free>>;

constexpr int kMinRsaBits = 256;
// As OpenSSL has it for public keys.
constexpr int kShortRsaBits = 3072;
constexpr int kMaxLongExponentBits = 64;
constexpr const char* kRsaPublic[] = {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E};
constexpr const char* kRsaPrivate[] = {OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
                                       OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
                                       OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};

struct Curve {
  const char* name;
  const char* group;  // OpenSSL's name
  size_t bytes;       // of a coordinate and of a private key
};
constexpr Curve kCurves[] = {
    {"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}};

const Curve* CurveNamed(std::string_view family) {
  for (const Curve& curve : kCurves) {
    if (family == curve.name) return &curve;
  }
  return nullptr;
}

const Curve* CurveOf(EVP_PKEY* key) {
  char group[64];
  size_t size = 0;
  if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof group, &size) != 1)
    return nullptr;
  for (const Curve& curve : kCurves) {
    if (std::string_view(group, size) == curve.group) return &curve;
  }
  return nullptr;
}

// EVP_PKEY_NONE if `family` is no Edwards or Montgomery curve.
int RawKeyType(std::string_view family) {
  if (family == "Ed25519") return EVP_PKEY_ED25519;
  if (family == "X25519") return EVP_PKEY_X25519;
  return EVP_PKEY_NONE;
}

bool IsOfFamily(EVP_PKEY* key, std::string_view family) {
  if (family == "RSA") return EVP_PKEY_is_a(key, "RSA");
  if (const Curve* curve = CurveNamed(family)) return CurveOf(key) == curve;
  return RawKeyType(family) != EVP_PKEY_NONE && EVP_PKEY_is_a(key, std::string(family).c_str());
}

// Other kinds of keys are not even parsed.
bool IsKnownAlgorithm(const ASN1_OBJECT* algorithm) {
  const int nid = OBJ_obj2nid(algorithm);
  return nid == NID_rsaEncryption || nid == NID_X9_62_id_ecPublicKey || nid == NID_ED25519 ||
         nid == NID_X25519;
}

BigNumber NumberFrom(std::string_view bytes) {
  return BigNumber(BN_bin2bn(In(bytes), static_cast<int>(bytes.size()), nullptr));
}

std::optional<std::string> NumberBytes(EVP_PKEY* key, const char* name, size_t min_size) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return std::nullopt;
  const BigNumber number(raw);
  std::string out(std::max(min_size, static_cast<size_t>(BN_num_bytes(raw))), '\0');
  if (BN_bn2binpad(raw, Out(out), static_cast<int>(out.size())) < 0) return std::nullopt;
  return out;
}

std::optional<KeyParts> RsaParts(EVP_PKEY* key, bool with_private) {
  KeyParts parts;
  const auto add = [&](const char* name) {
    auto part = NumberBytes(key, name, 1);
    if (part) parts.push_back(std::move(*part));
    return part.has_value();
  };
  for (const char* name : kRsaPublic) {
    if (!add(name)) return std::nullopt;
  }
  for (const char* name : kRsaPrivate) {
    if (with_private && !add(name)) return std::nullopt;
  }
  return parts;
}

std::optional<KeyParts> EcParts(EVP_PKEY* key, const Curve& curve, bool with_private) {
  KeyParts parts;
  for (const char* name : {OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y, OSSL_PKEY_PARAM_PRIV_KEY}) {
    if (name == std::string_view(OSSL_PKEY_PARAM_PRIV_KEY) && !with_private) break;
    auto part = NumberBytes(key, name, curve.bytes);
    if (!part) return std::nullopt;
    parts.push_back(std::move(*part));
  }
  return parts;
}

std::optional<KeyParts> RawParts(EVP_PKEY* key, bool with_private) {
  KeyParts parts(with_private ? 2 : 1, std::string(32, '\0'));
  size_t size = parts[0].size();
  if (EVP_PKEY_get_raw_public_key(key, Out(parts[0]), &size) != 1 || size != parts[0].size())
    return std::nullopt;
  if (with_private && EVP_PKEY_get_raw_private_key(key, Out(parts[1]), &size) != 1) return std::nullopt;
  return parts;
}

std::optional<KeyParts> PartsOf(EVP_PKEY* key, bool with_private) {
  if (EVP_PKEY_is_a(key, "RSA")) return RsaParts(key, with_private);
  if (const Curve* curve = CurveOf(key)) return EcParts(key, *curve, with_private);
  return RawParts(key, with_private);
}

Key KeyFromParams(const char* type, bool is_private, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                        params.get()) != 1) {
    return nullptr;
  }
  return Key(key);
}

// a * b = 1 modulo m.
bool AreInverse(const BigNumber& a, const BigNumber& b, const BIGNUM* m, BN_CTX* context) {
  const BigNumber product(BN_new());
  return BN_mod_mul(product.get(), a.get(), b.get(), m, context) == 1 && BN_is_one(product.get());
}

bool IsSaneRsaKey(bool is_private, const std::vector<BigNumber>& numbers) {
  const BIGNUM* n = numbers[0].get();
  const BIGNUM* e = numbers[1].get();
  const int bits = BN_num_bits(n);
  if (bits < kMinRsaBits || bits > (is_private ? kMaxPrivateRsaBits : kMaxRsaBits) || !BN_is_odd(n))
    return false;
  if (!BN_is_odd(e) || BN_is_one(e) || BN_cmp(e, n) >= 0) return false;
  if (bits > kShortRsaBits && BN_num_bits(e) > kMaxLongExponentBits) return false;
  if (!is_private) return true;

  const auto& [d, p, q, dp, dq, qi] =
      std::tie(numbers[2], numbers[3], numbers[4], numbers[5], numbers[6], numbers[7]);
  const std::unique_ptr<BN_CTX, OpensslFree<BN_CTX_free>> context(BN_CTX_secure_new());
  const BigNumber product(BN_new());
  const BigNumber p1(BN_dup(p.get()));
  const BigNumber q1(BN_dup(q.get()));
  return BN_mul(product.get(), p.get(), q.get(), context.get()) == 1 && BN_cmp(product.get(), n) == 0 &&
         BN_cmp(d.get(), n) < 0 && BN_cmp(dp.get(), p.get()) < 0 && BN_cmp(dq.get(), q.get()) < 0 &&
         BN_cmp(qi.get(), p.get()) < 0 && BN_sub_word(p1.get(), 1) == 1 && BN_sub_word(q1.get(), 1) == 1 &&
         AreInverse(numbers[1], dp, p1.get(), context.get()) &&
         AreInverse(numbers[1], dq, q1.get(), context.get()) &&
         AreInverse(numbers[1], d, p1.get(), context.get()) &&
         AreInverse(numbers[1], d, q1.get(), context.get()) && AreInverse(q, qi, p.get(), context.get());
}

Key RsaKey(bool is_private, const KeyParts& parts) {
  if (parts.size() != (is_private ? 8 : 2)) return nullptr;
  const ParamsBuilder builder(OSSL_PARAM_BLD_new());
  std::vector<BigNumber> numbers;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].size() > kMaxRsaBits / 8) return nullptr;
    numbers.push_back(NumberFrom(parts[i]));
    const char* name = i < 2 ? kRsaPublic[i] : kRsaPrivate[i - 2];
    if (!OSSL_PARAM_BLD_push_BN(builder.get(), name, numbers[i].get())) return nullptr;
  }
  return IsSaneRsaKey(is_private, numbers) ? KeyFromParams("RSA", is_private, builder.get()) : nullptr;
}

Key EcKey(const Curve& curve, std::string_view point, const std::string* private_key) {
  const ParamsBuilder builder(OSSL_PARAM_BLD_new());
  const BigNumber number = private_key ? NumberFrom(*private_key) : nullptr;
  if (!OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group, 0) ||
      !OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, In(point), point.size()) ||
      (number && !OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get()))) {
    return nullptr;
  }
  Key key = KeyFromParams("EC", private_key != nullptr, builder.get());
  if (!key) return nullptr;
  const KeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (EVP_PKEY_public_check_quick(check.get()) != 1) return nullptr;
  if (private_key &&
      (EVP_PKEY_private_check(check.get()) != 1 || EVP_PKEY_pairwise_check(check.get()) != 1)) {
    return nullptr;
  }
  return key;
}

Key EcKey(const Curve& curve, bool is_private, const KeyParts& parts) {
  if (parts.size() != (is_private ? 3 : 2)) return nullptr;
  for (const auto& part : parts) {
    if (part.size() != curve.bytes) return nullptr;
  }
  return EcKey(curve, '\x04' + parts[0] + parts[1], is_private ? &parts[2] : nullptr);
}

Key RawKey(int type, bool is_private, const KeyParts& parts) {
  if (parts.size() != (is_private ? 2 : 1)) return nullptr;
  if (!is_private) return Key(EVP_PKEY_new_raw_public_key(type, nullptr, In(parts[0]), parts[0].size()));
  Key key(EVP_PKEY_new_raw_private_key(type, nullptr, In(parts[1]), parts[1].size()));
  const auto derived = key ? RawParts(key.get(), false) : std::nullopt;
  return derived && (*derived)[0] == parts[0] ? std::move(key) : nullptr;
}

Key MakeKey(std::string_view family, bool is_private, const KeyParts& parts) {
  if (family == "RSA") return RsaKey(is_private, parts);
  if (const Curve* curve = CurveNamed(family)) return EcKey(*curve, is_private, parts);
  const int type = RawKeyType(family);
  return type == EVP_PKEY_NONE ? nullptr : RawKey(type, is_private, parts);
}

std::optional<std::string> Encode(EVP_PKEY* key, bool is_private) {
  if (!key) return std::nullopt;
  unsigned char* der = nullptr;
  int size = 0;
  if (is_private) {
    const PrivateKeyInfo info(EVP_PKEY2PKCS8(key));
    if (info) size = i2d_PKCS8_PRIV_KEY_INFO(info.get(), &der);
  } else {
    size = i2d_PUBKEY(key, &der);
  }
  if (size <= 0) return std::nullopt;
  std::string out(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_clear_free(der, static_cast<size_t>(size));
  return out;
}

int KeepGenerating(EVP_PKEY_CTX* context) {
  const auto& stopping = *static_cast<const std::function<bool()>*>(EVP_PKEY_CTX_get_app_data(context));
  return stopping() ? 0 : 1;
}

Key GenerateRsa(int bits, uint32_t exponent, const std::function<bool()>& stopping) {
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  const BigNumber number(BN_new());
  if (!context || !BN_set_word(number.get(), exponent) || EVP_PKEY_keygen_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), bits) != 1 ||
      EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), number.get()) != 1) {
    return nullptr;
  }
  EVP_PKEY_CTX_set_app_data(context.get(), const_cast<std::function<bool()>*>(&stopping));
  EVP_PKEY_CTX_set_cb(context.get(), KeepGenerating);
  EVP_PKEY* key = nullptr;
  return EVP_PKEY_generate(context.get(), &key) == 1 ? Key(key) : nullptr;
}

}  // namespace

Key ReadKey(bool is_private, std::string_view der) {
  const unsigned char* at = In(der);
  const unsigned char* end = at + der.size();
  const auto size = static_cast<long>(der.size());
  const ASN1_OBJECT* algorithm = nullptr;
  if (is_private) {
    const PrivateKeyInfo info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, size));
    if (!info || at != end || !PKCS8_pkey_get0(&algorithm, nullptr, nullptr, nullptr, info.get()) ||
        !IsKnownAlgorithm(algorithm)) {
      return nullptr;
    }
    return Key(EVP_PKCS82PKEY(info.get()));
  }
  const PublicKeyInfo info(d2i_X509_PUBKEY(nullptr, &at, size));
  ASN1_OBJECT* found = nullptr;
  if (!info || at != end || !X509_PUBKEY_get0_param(&found, nullptr, nullptr, nullptr, info.get()) ||
      !IsKnownAlgorithm(found)) {
    return nullptr;
  }
  return Key(X509_PUBKEY_get(info.get()));
}

std::optional<std::string> CanonicalKey(std::string_view family, bool is_private, std::string_view der) {
  const Key key = ReadKey(is_private, der);
  if (!key || !IsOfFamily(key.get(), family)) return std::nullopt;
  const auto parts = PartsOf(key.get(), is_private);
  return parts ? KeyFromParts(family, is_private, *parts) : std::nullopt;
}

std::optional<std::string> KeyFromParts(std::string_view family, bool is_private, const KeyParts& parts) {
  return Encode(MakeKey(family, is_private, parts).get(), is_private);
}

std::optional<std::string> KeyFromPoint(std::string_view family, std::string_view point) {
  const Curve* curve = CurveNamed(family);
  const Key key = curve ? EcKey(*curve, point, nullptr) : nullptr;
  const auto parts = key ? EcParts(key.get(), *curve, false) : std::nullopt;
  return parts ? KeyFromParts(family, false, *parts) : std::nullopt;
}

std::optional<KeyParts> PartsOfKey(bool is_private, bool with_private, std::string_view der) {
  const Key key = ReadKey(is_private, der);
  return key ? PartsOf(key.get(), with_private) : std::nullopt;
}

std::optional<NewKey> GenerateKey(std::string_view family, int rsa_bits, uint32_t rsa_exponent,
                                  const std::function<bool()>& stopping) {
  Key key;
  if (family == "RSA") {
    key = GenerateRsa(rsa_bits, rsa_exponent, stopping);
  } else if (const Curve* curve = CurveNamed(family)) {
    key.reset(EVP_EC_gen(curve->group));
  } else {
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, std::string(family).c_str()));
  }
  auto public_der = Encode(key.get(), false);
  auto private_der = Encode(key.get(), true);
  if (!public_der || !private_der) return std::nullopt;
  return NewKey{std::move(*public_der), std::move(*private_der)};
}

}  // namespace hull::worker
