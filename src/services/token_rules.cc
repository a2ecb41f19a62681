#include "services/token_rules.h"

#include <algorithm>
#include <cmath>

#include "services/json_fields.h"
#include "services/user_identity.h"

namespace hull {
namespace {

constexpr double kCustomLeewayS = 5;

std::optional<double> time_claim(const Jwt& token, std::string_view name) {
  auto claim = token.claims->find(name);
  if (!claim || !claim->is_float64() || !std::isfinite(claim->as_float64())) return std::nullopt;
  return claim->as_float64();
}

bool has_claim(const Jwt& token, std::string_view name) {
  auto claim = token.claims->find(name);
  return claim && !claim->is_null();
}

bool has_subject(const Jwt& token) {
  auto claim = token.claims->find("sub");
  return claim && claim->is_string();
}

// The first whole second at which the token is no longer valid.
int64_t expiry_second(double exp) {
  constexpr double kFar = 1e15;
  return static_cast<int64_t>(std::ceil(std::clamp(exp, -kFar, kFar)));
}

// --- OIDC ---

Error oidc_unparsable() {
  return invalid_token("Could not parse as OIDC ID token. Token might not be an OIDC-compliant JWT.");
}

Error oidc_unverified() {
  return Error::unauthenticated("Unauthenticated",
                                "Could not verify OIDC token claim. Check that the token signature is valid "
                                "and the token hasn't expired.");
}

bool plain_jwt_header(const Jwt& token) {
  if (token.header_has("typ")) {
    auto type = token.header_text("typ");
    constexpr std::string_view kJwt = "jwt";
    if (!type || !std::equal(type->begin(), type->end(), kJwt.begin(), kJwt.end(),
                             [](char a, char b) { return (a | 0x20) == b; }))
      return false;
  }
  return !token.header_has("cty") && !token.header_has("crit") && !token.header_has("enc");
}

std::optional<JwtAlgorithm> oidc_algorithm(const Jwt& token) {
  auto algorithm = jwt_algorithm(token.header_text("alg").value_or(""));
  return algorithm == JwtAlgorithm::kEs256 ? std::nullopt : algorithm;
}

std::optional<Error> oidc_refused(const Jwt& token) {
  const bool is_id_token = token.header && token.header_text("alg") && has_subject(token) &&
                           time_claim(token, "exp") && time_claim(token, "iat");
  if (!is_id_token) return oidc_unparsable();
  if (!plain_jwt_header(token) || !oidc_algorithm(token) || token.audiences().size() != 1)
    return oidc_unverified();
  return std::nullopt;
}

// Exactly one key may be meant; nullptr: none or several.
const Jwk* oidc_key(const Jwt& token, const JwkSet& keys) {
  const Jwk* found = nullptr;
  const bool names_key = token.header_has("kid");
  const auto id = token.header_text("kid");
  for (const Jwk& key : keys) {
    if (!key.fits(*oidc_algorithm(token)) || !key.is_for_signatures()) continue;
    if (names_key && key.id() != id) continue;
    if (found != nullptr) return nullptr;
    found = &key;
  }
  return found;
}

Verification verify_oidc(const Jwt& token, const JwkSet& keys, int64_t now_unix_s) {
  const double exp = *time_claim(token, "exp");
  if (static_cast<double>(now_unix_s) >= exp) return {oidc_unverified()};
  const Jwk* key = oidc_key(token, keys);
  if (key == nullptr || !key->verifies(token.signed_text, token.signature)) return {oidc_unverified(), true};
  return {VerifiedToken{oidc_user_identity(token.claims), expiry_second(exp)}};
}

// --- customJwt ---

std::optional<Error> custom_refused(const Jwt& token) {
  if (token.header_text("kid")) return std::nullopt;
  return invalid_token("Could not decode token. JWT may be missing a 'kid' (key ID) header.");
}

std::optional<std::string> custom_claims_problem(const Jwt& token, int64_t now_unix_s) {
  const auto now = static_cast<double>(now_unix_s);
  auto exp = time_claim(token, "exp");
  if (!exp) return "the 'exp' (expiration time) claim is missing or is not a number";
  if (now >= *exp + kCustomLeewayS) return "the token has expired";
  auto nbf = time_claim(token, "nbf");
  if (!nbf && has_claim(token, "nbf")) return "the 'nbf' (not before) claim is not a number";
  if (nbf && now < *nbf - kCustomLeewayS) return "the token is not valid yet";
  auto iat = time_claim(token, "iat");
  if (!iat && has_claim(token, "iat")) return "the 'iat' (issued at) claim is not a number";
  if (iat && *iat > now + kCustomLeewayS) return "the token was issued in the future";
  if (!has_subject(token)) return "the 'sub' (subject) claim is missing";
  return std::nullopt;
}

Verification verify_custom(const Jwt& token, const AuthProvider& provider, const JwkSet& keys,
                           int64_t now_unix_s) {
  const std::string id = *token.header_text("kid");
  const auto algorithm = jwt_algorithm(provider.algorithm);
  const bool named = algorithm && token.header_text("alg") == provider.algorithm;
  const bool verified =
      named && std::any_of(keys.begin(), keys.end(), [&](const Jwk& key) {
        return key.id() == id && key.fits(*algorithm) && key.verifies(token.signed_text, token.signature);
      });
  if (!verified) {
    return {invalid_token("Could not decode token. The JWT's 'kid' (key ID) header is '" + id +
                          "', does this key match any key in the provider's JWKS?"),
            named};
  }
  if (auto problem = custom_claims_problem(token, now_unix_s))
    return {invalid_token("Could not validate token: " + *problem)};
  return {VerifiedToken{custom_jwt_user_identity(token.claims), expiry_second(*time_claim(token, "exp"))}};
}

}  // namespace

Error invalid_token(std::string message) {
  return Error::unauthenticated("InvalidAuthHeader", std::move(message));
}

Result<AuthProvider> provider_for(const Jwt& token, const std::vector<AuthProvider>& providers, bool redact) {
  const std::string issuer = token.issuer();
  if (issuer.empty())
    return invalid_token(
        "Missing issuer claim ('iss') in JWT payload. The JWT must include an 'iss' claim that names the "
        "auth provider.");
  const auto audiences = token.audiences();
  std::string list;
  for (const auto& provider : providers) {
    if (provider.matches(issuer, audiences)) return provider;
    if (!list.empty()) list += ", ";
    list += provider.text();
  }
  std::string text = "No auth provider found matching the given token";
  if (!redact && providers.empty()) text += " (no providers configured). Check convex/auth.config.ts.";
  if (!redact && !providers.empty())
    text +=
        ". Check that your JWT's issuer and audience match one of your configured providers: [" + list + "]";
  return Error::unauthenticated("NoAuthProvider", std::move(text));
}

std::optional<Error> refused_without_keys(const Jwt& token, const AuthProvider& provider) {
  return provider.custom_jwt ? custom_refused(token) : oidc_refused(token);
}

Verification verify_token(const Jwt& token, const AuthProvider& provider, const JwkSet& keys,
                          int64_t now_unix_s) {
  return provider.custom_jwt ? verify_custom(token, provider, keys, now_unix_s)
                             : verify_oidc(token, keys, now_unix_s);
}

}  // namespace hull
