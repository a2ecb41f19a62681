#include "services/token_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "services/test_origin.h"
#include "services/test_tokens.h"
#include "value/json.h"

namespace hull {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kDiscovery = "https://issuer.dev/.well-known/openid-configuration";
constexpr const char* kKeys = "https://issuer.dev/jwks";

class TokenVerifierTest : public ::testing::Test {
 protected:
  TokenVerifierTest() {
    verifier_.answer_locally(origin_.local());
    origin_.set_json(kDiscovery, R"({"issuer":"https://issuer.dev","jwks_uri":"https://issuer.dev/jwks"})",
                     "max-age=3600");
    origin_.set_json(kKeys, key_.jwks(), "max-age=3600");
  }
  TokenVerifier::Options options() {
    TokenVerifier::Options options;
    options.providers = [this] { return providers_; };
    options.now_unix_ns = [this] { return unix_s_.load() * 1'000'000'000; };
    options.now_monotonic_ns = options.now_unix_ns;
    return options;
  }
  static std::string claims(std::string_view subject, int64_t exp = 1'800'000'060) {
    return R"({"iss":"https://issuer.dev","aud":"app","iat":1,"sub":")" + std::string(subject) +
           R"(","exp":)" + std::to_string(exp) + "}";
  }
  // The subject, or the code of the refusal.
  std::string verify(const std::string& token) {
    auto identity = identity_of(token);
    if (!identity.ok()) return identity.error().code;
    return std::string((*identity)->attributes->view().find("subject")->as_string());
  }
  Result<IdentityPtr> identity_of(const std::string& token) {
    auto promise = std::make_shared<std::promise<Result<IdentityPtr>>>();
    verifier_.verify(token,
                     [promise](Result<IdentityPtr> identity) { promise->set_value(std::move(identity)); });
    return promise->get_future().get();
  }

  TestKey key_ = TestKey::ed25519();
  TestOrigin origin_;
  std::atomic<int64_t> unix_s_ = 1'800'000'000;
  std::vector<AuthProvider> providers_ =
      *parse_auth_config(R"({"providers":[{"domain":"issuer.dev","applicationID":"app"}]})");
  TokenVerifier verifier_{options()};
};

TEST_F(TokenVerifierTest, MakesTheIdentity) {
  const std::string token = key_.token(claims("u"));
  auto identity = identity_of(token);
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ((*identity)->kind, Identity::Kind::kUser);
  EXPECT_EQ(
      *(*identity)->user_json(),
      to_plain_json(*parse_plain_json(
          R"({"issuer":"https://issuer.dev","subject":"u","tokenIdentifier":"https://issuer.dev|u"})")));
  EXPECT_EQ((*identity)->expires_unix_s, 1'800'000'060);
  EXPECT_EQ((*identity)->user_token(), token);
  EXPECT_EQ((*identity)->log_type(), "user");
  // Tokens of the same claims make callers whom functions cannot tell apart; other users are others.
  EXPECT_EQ((*identity)->cache_key(), (*identity_of(key_.token(claims("u", 1'800'000'099))))->cache_key());
  EXPECT_NE((*identity)->cache_key(), (*identity_of(key_.token(claims("v"))))->cache_key());
}

TEST_F(TokenVerifierTest, TextsThatAreNoTokens) {
  for (const char* text : {"", "abc", "a.b", "a.b.c", "a.b.c.d", "e30.W10.x"})
    EXPECT_EQ(
        identity_of(text).error().message,
        "Could not parse JWT payload. Check that the token is a valid JWT format with three base64-encoded "
        "parts separated by dots.")
        << text;
  EXPECT_THAT(origin_.requested(), IsEmpty());
}

TEST_F(TokenVerifierTest, RemembersATokenUntilItExpires) {
  const std::string token = key_.token(claims("u"));
  auto first = identity_of(token);
  origin_.set_json(kKeys, R"({"keys":[]})");
  EXPECT_EQ(identity_of(token).value().get(), first.value().get());
  unix_s_ += 60;
  EXPECT_EQ(verify(token), "Unauthenticated");
}

TEST_F(TokenVerifierTest, MemoryOfATokenEndsWithItsProvider) {
  const std::string token = key_.token(claims("u"));
  EXPECT_EQ(verify(token), "u");
  providers_[0].application_id = "other";
  EXPECT_EQ(verify(token), "NoAuthProvider");
  providers_ = {};
  EXPECT_EQ(verify(token), "NoAuthProvider");
}

TEST_F(TokenVerifierTest, AWithdrawnKeyStopsCountingAfterAWhile) {
  const std::string token = key_.token(claims("u", 1'900'000'000));
  EXPECT_EQ(verify(token), "u");
  origin_.set_json(kKeys, R"({"keys":[]})");
  unix_s_ += 299;
  EXPECT_EQ(verify(token), "u");
  unix_s_ += 3600;
  EXPECT_EQ(verify(token), "Unauthenticated");
}

TEST_F(TokenVerifierTest, NewKeysAreFoundAtOnce) {
  EXPECT_EQ(verify(key_.token(claims("u"))), "u");
  EXPECT_THAT(origin_.requested(), ElementsAre(kDiscovery, kKeys));
  const TestKey next = TestKey::ed25519();
  origin_.set_json(kKeys, next.jwks());
  EXPECT_EQ(verify(next.token(claims("v"))), "v");
  EXPECT_THAT(origin_.requested(), ElementsAre(kKeys));
  // Tokens of nobody's key cannot make it ask again and again.
  for (int i = 0; i < 5; ++i) EXPECT_EQ(verify(TestKey::ed25519().token(claims("w"))), "Unauthenticated");
  EXPECT_THAT(origin_.requested(), IsEmpty());
}

TEST_F(TokenVerifierTest, MemoryIsBounded) {
  for (size_t i = 0; i < TokenVerifier::kMaxRemembered; ++i)
    verify(key_.token(claims("u" + std::to_string(i), 1'900'000'000)));
  const std::string newest = key_.token(claims("newest", 1'900'000'000));
  EXPECT_EQ(verify(newest), "newest");
  origin_.set_json(kKeys, R"({"keys":[]})");
  unix_s_ += 11;
  EXPECT_EQ(verify(TestKey::ed25519().token(claims("renews", 1'900'000'000))), "Unauthenticated");
  EXPECT_EQ(verify(newest), "newest");
  EXPECT_EQ(verify(key_.token(claims("u0", 1'900'000'000))), "Unauthenticated");
  EXPECT_EQ(verify(key_.token(claims("u1", 1'900'000'000))), "u1");
}

TEST_F(TokenVerifierTest, ManyWaitForOneDiscovery) {
  origin_.set(kKeys, {200, {{"content-type", "application/json"}}, key_.jwks(), true});
  std::atomic<int> accepted = 0;
  for (int i = 0; i < 1000; ++i) {
    verifier_.verify(key_.token(claims("u" + std::to_string(i))),
                     [&](const Result<IdentityPtr>& identity) { accepted += identity.ok(); });
  }
  EXPECT_EQ(accepted, 0);
  origin_.release();
  EXPECT_EQ(accepted, 1000);
  EXPECT_THAT(origin_.requested(), ElementsAre(kDiscovery, kKeys));
}

}  // namespace
}  // namespace hull
