// JSON Web Keys (RFC 7517) that verify signatures of JWTs, as OpenSSL keys. Immutable, thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "value/value.h"

struct evp_pkey_st;

namespace hull {

enum class JwtAlgorithm { kRs256, kEs256, kEdDsa };
// Of the `alg` of a header or a key; nullopt for any other algorithm.
std::optional<JwtAlgorithm> jwt_algorithm(std::string_view name);

class Jwk {
 public:
  // RSA of at least 2048 bits, EC on P-256, OKP on Ed25519; nullopt for other keys and malformed ones.
  static std::optional<Jwk> parse(ValueView json);

  const std::optional<std::string>& id() const { return id_; }
  // By the key's type, and its `alg` if it has one.
  bool fits(JwtAlgorithm algorithm) const { return algorithm == algorithm_; }
  // By its `use`, if it has one.
  bool is_for_signatures() const { return for_signatures_; }
  // Whether `signature` (as it stands in a JWT, decoded) is this key's over `text`.
  bool verifies(std::string_view text, std::string_view signature) const;

 private:
  std::optional<std::string> id_;
  bool for_signatures_ = true;
  JwtAlgorithm algorithm_ = JwtAlgorithm::kRs256;
  std::shared_ptr<evp_pkey_st> key_;
};

using JwkSet = std::vector<Jwk>;

// {"keys":[…]}; keys of no use here are left out. nullopt: not a set of keys.
std::optional<JwkSet> parse_jwk_set(std::string_view json);

}  // namespace hull
