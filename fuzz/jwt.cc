// User tokens (services/jwt.h, jwk.h, token_rules.h, user_identity.h). The first byte of an input says what
// the rest is: 't' a token, 's' header and claims on two lines, to be signed first, 'k' a key set, 'c'
// claims.
#include "fuzz/fuzz_target.h"
#include "services/key_source.h"
#include "services/test_tokens.h"
#include "services/token_rules.h"
#include "services/user_identity.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr int64_t kNow = 1'800'000'000;

const TestKey& signer() {
  static const TestKey key = TestKey::ed25519();
  return key;
}
const JwkSet& keys() {
  static const JwkSet set = *parse_jwk_set(signer().jwks(R"(,"kid":"k")"));
  return set;
}
const std::vector<AuthProvider>& providers() {
  static const auto list = *parse_auth_config(
      R"({"providers":[{"domain":"https://i.example.com","applicationID":"app"},{"type":"customJwt","issuer":"https://c.example.com","jwks":"data:,x","algorithm":"ES256"}]})");
  return list;
}

void check_user(ValueView user, ValueView claims) {
  auto text = [](ValueView object, std::string_view name) {
    auto field = object.find(name);
    return field && field->is_string() ? std::string(field->as_string()) : std::string();
  };
  fuzz_check(text(user, "tokenIdentifier") == text(claims, "iss") + "|" + text(claims, "sub"),
             "no claim takes the place of the token's identifier");
  fuzz_check(text(user, "subject") == text(claims, "sub"), "no claim takes the place of the subject");
  fuzz_check(parse_plain_json(to_plain_json(user)).ok(), "an identity is JSON");
}

void token(std::string_view text) {
  auto jwt = Jwt::parse(text);
  if (!jwt) return;
  auto provider = provider_for(*jwt, providers(), false);
  if (!provider.ok() || refused_without_keys(*jwt, *provider)) return;
  auto verified = verify_token(*jwt, *provider, keys(), kNow);
  if (!verified.token.ok()) return;
  fuzz_check(verified.token->expires_unix_s > kNow - 6, "an accepted token has not expired");
  fuzz_check(!provider->custom_jwt, "the signer's keys are not those of the custom provider");
  check_user(verified.token->user, jwt->claims);
}

}  // namespace
}  // namespace hull

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hull;
  if (size == 0) return 0;
  std::string_view text = fuzz_text(data + 1, size - 1);
  switch (data[0]) {
    case 't':
      token(text);
      break;
    case 's': {
      size_t line = text.find('\n');
      if (line == std::string_view::npos) break;
      token(signer().token_with_header(text.substr(0, line), text.substr(line + 1)));
      break;
    }
    case 'k':
      if (auto set = parse_jwk_set(text))
        for (const Jwk& key : *set) fuzz_check(!key.verifies("text", "signature"), "nothing signs by chance");
      break;
    case 'd':
      (void)data_url_content(text);
      break;
    case 'c': {
      auto claims = parse_plain_json(text);
      if (!claims.ok() || !claims->view().is_object()) break;
      auto issuer = claims->view().find("iss"), subject = claims->view().find("sub");
      if (!issuer || !issuer->is_string() || !subject || !subject->is_string()) break;
      check_user(oidc_user_identity(*claims), *claims);
      check_user(custom_jwt_user_identity(*claims), *claims);
      break;
    }
  }
  return 0;
}
