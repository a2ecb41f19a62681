// Authorization headers, admin keys and user tokens (services/auth.h, admin_keys.h, token_rules.h). The first
// byte says what the rest is taken for: 's' the plain content of an admin key, which is sealed first so that
// what lies behind the cipher is reached too, 'k' a key, 'j' a JWT, 'c' its claims, 'w' a set of keys, 'd' a
// data URL, else a header.
#include "base/encoding.h"
#include "fuzz/fuzz_target.h"
#include "services/admin_keys.h"
#include "services/auth.h"
#include "services/key_source.h"
#include "services/token_rules.h"
#include "services/user_identity.h"
#include "value/json.h"

namespace hull {
namespace {

// One key of each kind; their private halves are nobody's.
constexpr std::string_view kKeys =
    R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},)"
    R"({"kty":"EC","crv":"P-256","kid":"a","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",)"
    R"("y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]})";

void try_token(std::string_view text) {
  static const JwkSet keys = *parse_jwk_set(kKeys);
  auto jwt = Jwt::parse(text);
  if (!jwt) return;
  AuthProvider oidc, custom;
  oidc.issuer = custom.issuer = "https://issuer.dev";
  oidc.application_id = "app";
  custom.custom_jwt = true;
  custom.algorithm = "ES256";
  auto provider = provider_for(*jwt, {oidc, custom}, false);
  if (!provider.ok() || refused_without_keys(*jwt, *provider)) return;
  fuzz_check(!verify_token(*jwt, *provider, keys, 0).token.ok(), "nobody can sign");
}

void try_claims(std::string_view text) {
  auto claims = parse_plain_json(text);
  if (!claims.ok() || !claims->view().is_object()) return;
  for (const Value& user : {oidc_user_identity(*claims), custom_jwt_user_identity(*claims)}) {
    fuzz_check(parse_plain_json(to_plain_json(user)).ok(), "an identity is JSON");
    auto identifier = user->find("tokenIdentifier");
    fuzz_check(identifier && identifier->as_string() == std::string(user->find("issuer")->as_string()) + "|" +
                                                            std::string(user->find("subject")->as_string()),
               "no claim takes the place of an identifier");
  }
}

}  // namespace
}  // namespace hull

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hull;
  static const InstanceSecret secret =
      *InstanceSecret::from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  static const Authenticator authenticator(&secret, "my-instance");
  if (size == 0) return 0;
  std::string_view text = fuzz_text(data + 1, size - 1);
  if (data[0] == 's') {
    std::string key = "my-instance|" + secret.seal_random("admin key", 1, text, std::string(12, 'n'));
    if (auto claims = check_admin_key(secret, "my-instance", key); claims.ok())
      fuzz_check(claims->issued_s != 0, "a key says when it was issued");
    return 0;
  }
  if (data[0] == 'k') {
    // Nobody guesses a key: what is accepted was derived from a seed of the corpus.
    (void)check_admin_key(secret, "my-instance", text);
    return 0;
  }
  if (data[0] == 'j') try_token(text);
  if (data[0] == 'c') try_claims(text);
  if (data[0] == 'w') (void)parse_jwk_set(text);
  if (data[0] == 'd') (void)data_url_content(text);
  authenticator.from_http(text, std::nullopt, [](const Result<IdentityPtr>& identity) {
    if (!identity.ok()) return;
    auto user = (*identity)->user_json();
    fuzz_check(!user.ok() || parse_plain_json(*user).ok(), "an identity is JSON");
    (void)(*identity)->cache_key();
  });
  return 0;
}
