#include "services/token_rules.h"

#include <gtest/gtest.h>

#include "services/test_tokens.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr int64_t kNow = 1'800'000'000;
constexpr std::string_view kNotIdToken =
    "InvalidAuthHeader: Could not parse as OIDC ID token. Token might not be an OIDC-compliant JWT.";
constexpr std::string_view kUnverified =
    "Unauthenticated: Could not verify OIDC token claim. Check that the token signature is valid and the "
    "token "
    "hasn't expired.";
constexpr std::string_view kNoKid =
    "InvalidAuthHeader: Could not decode token. JWT may be missing a 'kid' (key ID) header.";
constexpr std::string_view kWrongKid =
    "InvalidAuthHeader: Could not decode token. The JWT's 'kid' (key ID) header is 'a', does this key match "
    "any "
    "key in the provider's JWKS?";

const TestKey& rsa() {
  static const TestKey key = TestKey::rsa();
  return key;
}
const TestKey& other_rsa() {
  static const TestKey key = TestKey::rsa();
  return key;
}
const TestKey& p256() {
  static const TestKey key = TestKey::p256();
  return key;
}
const TestKey& ed25519() {
  static const TestKey key = TestKey::ed25519();
  return key;
}

std::string set_of(std::initializer_list<std::string> keys) {
  std::string out;
  for (const auto& key : keys) out += (out.empty() ? "" : ",") + key;
  return "{\"keys\":[" + out + "]}";
}

// "" if the token is accepted.
std::string outcome(const AuthProvider& provider, const std::string& token, const std::string& jwks) {
  auto jwt = Jwt::parse(token);
  if (!jwt) return "no JWT";
  auto found = provider_for(*jwt, {provider}, false);
  if (!found.ok()) return found.error().code;
  auto text = [](const Error& error) {
    EXPECT_EQ(http_status(error.kind), 401);
    return error.code + ": " + error.message;
  };
  if (auto refusal = refused_without_keys(*jwt, provider)) return text(*refusal);
  auto keys = parse_jwk_set(jwks);
  if (!keys) return "no key set";
  auto verified = verify_token(*jwt, provider, *keys, kNow);
  return verified.token.ok() ? "" : text(verified.token.error());
}

// --- OIDC ---

AuthProvider oidc() {
  AuthProvider provider;
  provider.issuer = "https://issuer.dev/";
  provider.application_id = "app";
  return provider;
}

// Claims that are accepted, with `more` spliced in; the last of equal names counts.
std::string id_token_claims(std::string_view more = "") {
  return R"({"iss":"https://issuer.dev","aud":"app","sub":"u","iat":1799999990,"exp":1800000001)" +
         std::string(more) + "}";
}

std::string oidc_outcome(const std::string& token, const std::string& jwks) {
  return outcome(oidc(), token, jwks);
}

TEST(OidcRulesTest, AlgorithmsAndKeys) {
  EXPECT_EQ(oidc_outcome(rsa().token(id_token_claims()), rsa().jwks()), "");
  EXPECT_EQ(oidc_outcome(ed25519().token(id_token_claims()), ed25519().jwks()), "");
  EXPECT_EQ(oidc_outcome(p256().token(id_token_claims()), p256().jwks()), kUnverified);
  EXPECT_EQ(oidc_outcome(rsa().token(id_token_claims()), other_rsa().jwks()), kUnverified);
  EXPECT_EQ(oidc_outcome(rsa().token(id_token_claims()), R"({"keys":[]})"), kUnverified);
  // A key for another use, or of another algorithm, is not meant.
  EXPECT_EQ(oidc_outcome(rsa().token(id_token_claims()), rsa().jwks(R"(,"use":"sig","alg":"RS256")")), "");
  EXPECT_EQ(oidc_outcome(rsa().token(id_token_claims()), rsa().jwks(R"(,"use":"enc")")), kUnverified);
  EXPECT_EQ(oidc_outcome(rsa().token(id_token_claims()), rsa().jwks(R"(,"alg":"RS512")")), kUnverified);
  // "none" and shared secrets are no algorithms.
  for (std::string alg : {"none", "HS256", "RS512", "PS256"})
    EXPECT_EQ(
        oidc_outcome(rsa().token_with_header(R"({"alg":")" + alg + "\"}", id_token_claims()), rsa().jwks()),
        kUnverified)
        << alg;
}

TEST(OidcRulesTest, KeyIds) {
  const std::string named = rsa().token(id_token_claims(), R"(,"kid":"a")");
  EXPECT_EQ(oidc_outcome(named, rsa().jwks(R"(,"kid":"a")")), "");
  EXPECT_EQ(oidc_outcome(named, rsa().jwks(R"(,"kid":"b")")), kUnverified);
  EXPECT_EQ(oidc_outcome(named, rsa().jwks()), kUnverified);
  EXPECT_EQ(oidc_outcome(named, set_of({other_rsa().jwk(R"(,"kid":"b")"), rsa().jwk(R"(,"kid":"a")")})), "");
  // Without an id exactly one key may fit; those of other types do not count.
  const std::string unnamed = rsa().token(id_token_claims());
  EXPECT_EQ(oidc_outcome(unnamed, rsa().jwks(R"(,"kid":"a")")), "");
  EXPECT_EQ(oidc_outcome(unnamed, set_of({ed25519().jwk(), p256().jwk(), rsa().jwk(), "{}", "5"})), "");
  EXPECT_EQ(oidc_outcome(unnamed, set_of({rsa().jwk(), other_rsa().jwk()})), kUnverified);
}

TEST(OidcRulesTest, Header) {
  auto with = [](std::string_view header) {
    return oidc_outcome(rsa().token(id_token_claims(), header), rsa().jwks());
  };
  EXPECT_EQ(with(R"(,"typ":"JWT")"), "");
  EXPECT_EQ(with(R"(,"typ":"jwt")"), "");
  EXPECT_EQ(with(R"(,"typ":"at+jwt")"), kUnverified);
  EXPECT_EQ(with(R"(,"cty":"JWT")"), kUnverified);
  EXPECT_EQ(with(R"(,"crit":["exp"])"), kUnverified);
  EXPECT_EQ(with(R"(,"enc":"A256GCM")"), kUnverified);
  EXPECT_EQ(oidc_outcome(rsa().token_with_header("[]", id_token_claims()), rsa().jwks()), kNotIdToken);
  EXPECT_EQ(oidc_outcome(rsa().token_with_header("{}", id_token_claims()), rsa().jwks()), kNotIdToken);
}

TEST(OidcRulesTest, Claims) {
  auto with = [](std::string_view more) {
    return oidc_outcome(rsa().token(id_token_claims(more)), rsa().jwks());
  };
  EXPECT_EQ(with(R"(,"exp":1800000000)"), kUnverified);  // no leeway
  EXPECT_EQ(with(R"(,"exp":1800000000.5)"), "");
  EXPECT_EQ(with(R"(,"nbf":1900000000)"), "");
  EXPECT_EQ(with(R"(,"iat":1900000000)"), "");
  EXPECT_EQ(with(R"(,"aud":["app"])"), "");
  EXPECT_EQ(with(R"(,"aud":["app","other"])"), kUnverified);
  EXPECT_EQ(with(R"(,"aud":"other")"), "NoAuthProvider");
  EXPECT_EQ(with(R"(,"iss":"https://issuer.dev//")"), "");
  EXPECT_EQ(with(R"(,"iss":"issuer.dev")"), "");  // its discovery fails: it is no URL
  for (std::string_view gone :
       {R"(,"exp":null)", R"(,"exp":"1800000001")", R"(,"iat":null)", R"(,"sub":null)", R"(,"sub":5)"})
    EXPECT_EQ(with(gone), kNotIdToken) << gone;
}

TEST(OidcRulesTest, TamperedTokens) {
  const std::string token = rsa().token(id_token_claims());
  const size_t payload = token.find('.') + 1, signature = token.rfind('.') + 1;
  const std::string forged = token.substr(0, payload) +
                             base64url_encode(id_token_claims(R"(,"sub":"admin")")) +
                             token.substr(signature - 1);
  EXPECT_EQ(oidc_outcome(forged, rsa().jwks()), kUnverified);
  EXPECT_EQ(oidc_outcome(token.substr(0, signature), rsa().jwks()), kUnverified);
  std::string flipped = token;
  flipped[signature + 10] = flipped[signature + 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(oidc_outcome(flipped, rsa().jwks()), kUnverified);
  EXPECT_EQ(outcome(oidc(), token + ".x", rsa().jwks()), "no JWT");
}

TEST(OidcRulesTest, OnlyAMissingKeyAsksForNewOnes) {
  auto asks = [](const std::string& token) {
    return verify_token(*Jwt::parse(token), oidc(), *parse_jwk_set(rsa().jwks()), kNow).unknown_key;
  };
  EXPECT_TRUE(asks(other_rsa().token(id_token_claims())));
  EXPECT_TRUE(asks(rsa().token(id_token_claims(), R"(,"kid":"new")")));
  EXPECT_FALSE(asks(rsa().token(id_token_claims())));
  EXPECT_FALSE(asks(other_rsa().token(id_token_claims(R"(,"exp":5)"))));
}

// --- customJwt ---

AuthProvider custom(std::string algorithm = "RS256", std::optional<std::string> application = std::nullopt) {
  AuthProvider provider;
  provider.custom_jwt = true;
  provider.issuer = "https://issuer.dev";
  provider.jwks = "data:";
  provider.algorithm = std::move(algorithm);
  provider.application_id = std::move(application);
  return provider;
}

std::string custom_claims(std::string_view more = "") {
  return R"({"iss":"issuer.dev","sub":"u","exp":1800000001)" + std::string(more) + "}";
}

std::string custom_outcome(const std::string& token, const std::string& jwks) {
  return outcome(custom(), token, jwks);
}

TEST(CustomRulesTest, AlgorithmsAndKeys) {
  const std::string kid = R"(,"kid":"a")";
  const std::string token = rsa().token(custom_claims(), kid);
  EXPECT_EQ(custom_outcome(token, rsa().jwks(kid)), "");
  EXPECT_EQ(custom_outcome(token, rsa().jwks(kid + R"(,"alg":"RS256")")), "");
  EXPECT_EQ(custom_outcome(token, rsa().jwks(kid + R"(,"alg":"RS512")")), kWrongKid);
  EXPECT_EQ(custom_outcome(token, rsa().jwks(R"(,"kid":"b")")), kWrongKid);
  EXPECT_EQ(custom_outcome(token, rsa().jwks()), kWrongKid);
  EXPECT_EQ(custom_outcome(token, other_rsa().jwks(kid)), kWrongKid);
  EXPECT_EQ(custom_outcome(rsa().token(custom_claims()), rsa().jwks()), kNoKid);
  EXPECT_EQ(custom_outcome(rsa().token_with_header("[]", custom_claims()), rsa().jwks()), kNoKid);

  const std::string elliptic = p256().token(custom_claims(), kid);
  EXPECT_EQ(outcome(custom("ES256"), elliptic, p256().jwks(kid)), "");
  EXPECT_EQ(outcome(custom("ES256"), token, rsa().jwks(kid)), kWrongKid);
  EXPECT_EQ(custom_outcome(elliptic, p256().jwks(kid)), kWrongKid);
  EXPECT_EQ(outcome(custom("ES256"), elliptic.substr(0, elliptic.size() - 3), p256().jwks(kid)), kWrongKid);
  EXPECT_EQ(custom_outcome(ed25519().token(custom_claims(), kid), ed25519().jwks(kid)), kWrongKid);
  // Other members of the header do not matter.
  EXPECT_EQ(
      custom_outcome(rsa().token(custom_claims(), kid + R"(,"typ":"at+jwt","cty":"x")"), rsa().jwks(kid)),
      "");
}

TEST(CustomRulesTest, Claims) {
  const std::string kid = R"(,"kid":"a")";
  auto with = [&](std::string_view more) {
    return custom_outcome(rsa().token(custom_claims(more), kid), rsa().jwks(kid));
  };
  auto refused = [](std::string_view why) {
    return "InvalidAuthHeader: Could not validate token: " + std::string(why);
  };
  EXPECT_EQ(with(R"(,"exp":1799999996)"), "");  // 5 s of leeway
  EXPECT_EQ(with(R"(,"exp":1799999995)"), refused("the token has expired"));
  EXPECT_EQ(with(R"(,"exp":null)"),
            refused("the 'exp' (expiration time) claim is missing or is not a number"));
  EXPECT_EQ(with(R"(,"nbf":1800000005)"), "");
  EXPECT_EQ(with(R"(,"nbf":1800000006)"), refused("the token is not valid yet"));
  EXPECT_EQ(with(R"(,"nbf":"soon")"), refused("the 'nbf' (not before) claim is not a number"));
  EXPECT_EQ(with(R"(,"iat":1800000005)"), "");
  EXPECT_EQ(with(R"(,"iat":1800000006)"), refused("the token was issued in the future"));
  EXPECT_EQ(with(R"(,"iat":[])"), refused("the 'iat' (issued at) claim is not a number"));
  EXPECT_EQ(with(R"(,"sub":null)"), refused("the 'sub' (subject) claim is missing"));
  EXPECT_EQ(with(R"(,"aud":["x","y"])"), "");
  EXPECT_EQ(with(R"(,"iss":"https://issuer.dev/")"), "");
  EXPECT_EQ(with(R"(,"iss":"http://issuer.dev")"), "NoAuthProvider");
  auto for_app = [&](std::string_view more) {
    return outcome(custom("RS256", "app"), rsa().token(custom_claims(more), kid), rsa().jwks(kid));
  };
  EXPECT_EQ(for_app(R"(,"aud":["x","app"])"), "");
  EXPECT_EQ(for_app(""), "NoAuthProvider");
}

// --- Both ---

TEST(TokenRulesTest, TheFirstProviderThatMatchesCounts) {
  auto token = Jwt::parse(rsa().token(id_token_claims()));
  EXPECT_TRUE(provider_for(*token, {custom("RS256", "other"), custom(), oidc()}, false)->custom_jwt);
  EXPECT_FALSE(provider_for(*token, {custom("RS256", "other"), oidc(), custom()}, false)->custom_jwt);
}

TEST(TokenRulesTest, TextsWithoutProvider) {
  auto token = Jwt::parse(rsa().token(id_token_claims(R"(,"aud":["x"])")));
  auto text = [&](const std::vector<AuthProvider>& providers, bool redact) {
    return provider_for(*token, providers, redact).error().message;
  };
  EXPECT_EQ(text({}, false),
            "No auth provider found matching the given token (no providers configured). Check "
            "convex/auth.config.ts.");
  EXPECT_EQ(
      text({oidc(), custom("RS256", "y")}, false),
      "No auth provider found matching the given token. Check that your JWT's issuer and audience match "
      "one of your configured providers: [OIDC(domain=https://issuer.dev/, app_id=app), "
      "CustomJWT(issuer=https://issuer.dev, app_id=y)]");
  EXPECT_EQ(text({}, true), "No auth provider found matching the given token");
  EXPECT_EQ(text({oidc()}, true), "No auth provider found matching the given token");
  auto nobody = Jwt::parse(rsa().token("{\"sub\":\"u\"}"));
  EXPECT_TRUE(provider_for(*nobody, {}, false)
                  .error()
                  .message.starts_with("Missing issuer claim ('iss') in JWT payload."));
}

TEST(TokenRulesTest, KeysOfNoUse) {
  EXPECT_EQ(parse_jwk_set("nonsense"), std::nullopt);
  EXPECT_EQ(parse_jwk_set("{}"), std::nullopt);
  EXPECT_EQ(parse_jwk_set(R"({"keys":{}})"), std::nullopt);
  EXPECT_TRUE(parse_jwk_set(TestKey::rsa(1024).jwks())->empty());
  EXPECT_TRUE(
      parse_jwk_set(R"({"keys":[{"kty":"RSA"},{"kty":"oct","k":"AAAA"},{"kty":"RSA","n":"AQAB","e":"AQAB"},)"
                    R"({"kty":"OKP","crv":"Ed25519","x":"AA"}]})")
          ->empty());
  // A point that is not on the curve.
  const std::string x = base64url_encode(std::string(32, '\1'));
  EXPECT_TRUE(
      parse_jwk_set(R"({"keys":[{"kty":"EC","crv":"P-256","x":")" + x + R"(","y":")" + x + "\"}]}")->empty());
}

}  // namespace
}  // namespace hull
