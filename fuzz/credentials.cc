// Authorization headers and admin keys (services/auth.h, admin_keys.h). An input that starts with 's' is
// taken for the plain content of a key and sealed first, so that what lies behind the cipher is reached too.
#include "fuzz/fuzz_target.h"
#include "services/admin_keys.h"
#include "services/auth.h"
#include "value/json.h"

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
  authenticator.from_http(text, std::nullopt, [](const Result<IdentityPtr>& identity) {
    if (!identity.ok()) return;
    auto user = (*identity)->user_json();
    fuzz_check(!user.ok() || parse_plain_json(*user).ok(), "an identity is JSON");
    (void)(*identity)->cache_key();
  });
  return 0;
}
