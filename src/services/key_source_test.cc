#include "services/key_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "services/test_origin.h"
#include "services/test_tokens.h"

namespace hull {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kIssuer = "https://issuer.dev/tenant";
constexpr const char* kDiscovery = "https://issuer.dev/tenant/.well-known/openid-configuration";
constexpr const char* kKeys = "https://keys.dev/jwks";

const TestKey& key() {
  static const TestKey made = TestKey::ed25519();
  return made;
}

class KeySourceTest : public ::testing::Test {
 protected:
  KeySourceTest() {
    keys_.answer_locally(origin_.local());
    oidc_.issuer = kIssuer;
    oidc_.application_id = "app";
    custom_.custom_jwt = true;
    custom_.issuer = kIssuer;
    custom_.algorithm = "ES256";
    custom_.jwks = kKeys;
    origin_.set_json(kDiscovery, discovery());
    origin_.set_json(kKeys, key().jwks());
  }
  static std::string discovery(const std::string& issuer = kIssuer) {
    return R"({"issuer":")" + issuer + R"(","jwks_uri":")" + kKeys + "\"}";
  }

  std::future<Result<KeySource::Keys>> begin(const AuthProvider& provider, const std::string& issuer,
                                             bool renew) {
    auto promise = std::make_shared<std::promise<Result<KeySource::Keys>>>();
    keys_.find(provider, issuer, renew,
               [promise](Result<KeySource::Keys> keys) { promise->set_value(std::move(keys)); });
    return promise->get_future();
  }
  // "1" for one key, or "<status> <code>: <message>".
  std::string find(const AuthProvider& provider, const std::string& issuer = kIssuer, bool renew = false) {
    auto keys = begin(provider, issuer, renew).get();
    if (keys.ok()) return std::to_string((*keys)->size());
    return std::to_string(http_status(keys.error().kind)) + " " + keys.error().code + ": " +
           keys.error().message;
  }
  void pass(double seconds) { now_ns_ += static_cast<int64_t>(seconds * 1e9); }

  TestOrigin origin_;
  std::atomic<int64_t> now_ns_ = 1'000'000'000'000;
  KeySource keys_{{200, [this] { return now_ns_.load(); }}};
  AuthProvider oidc_, custom_;
};

TEST_F(KeySourceTest, Discovery) {
  EXPECT_EQ(find(oidc_), "1");
  EXPECT_THAT(origin_.requested(), ElementsAre(kDiscovery, kKeys));
  // The slash belongs to the issuer's name, not to the address.
  origin_.set_json(kDiscovery, discovery("https://issuer.dev/tenant/"));
  EXPECT_EQ(find(oidc_, "https://issuer.dev/tenant/"), "1");
  // Content types: none is fine, and that of key sets.
  pass(1000);
  origin_.set(kDiscovery, {200, {}, discovery()});
  origin_.set(kKeys, {200, {{"content-type", "application/jwk-set+json; charset=latin1"}}, key().jwks()});
  EXPECT_EQ(find(oidc_), "1");
}

TEST_F(KeySourceTest, FailedDiscovery) {
  const std::string failed =
      std::string(" AuthProviderDiscoveryFailed: Auth provider discovery of ") + kIssuer + " failed";
  origin_.set_json(kDiscovery, discovery("https://issuer.dev/tenant/"));
  EXPECT_EQ(find(oidc_), "400" + failed);
  origin_.set_json(kDiscovery, R"({"issuer":"https://issuer.dev/tenant"})");
  EXPECT_EQ(find(oidc_), "400" + failed);
  origin_.set_json(kDiscovery, "<html>");
  EXPECT_EQ(find(oidc_), "400" + failed);
  origin_.set(kDiscovery, {200, {{"content-type", "text/html"}}, discovery()});
  EXPECT_EQ(find(oidc_), "400" + failed);
  origin_.remove(kDiscovery);
  EXPECT_EQ(find(oidc_), "400" + failed);
  origin_.set(kDiscovery, {200, {}, "", true});
  EXPECT_EQ(find(oidc_), "400" + failed);  // in time
  for (auto [status, seen] :
       std::vector<std::pair<std::string, std::string>>{{"401 Unauthorized", "401"},
                                                        {"403 Forbidden", "403"},
                                                        {"404 Not Found", "404"},
                                                        {"429 Too Many Requests", "429"},
                                                        {"503 Service Unavailable", "503"},
                                                        {"500 Internal Server Error", "400"},
                                                        {"201 Created", "400"}}) {
    origin_.set(kDiscovery, {std::stoi(status), {}, "what\n\x80happened"});
    EXPECT_EQ(find(oidc_), seen + failed + ": " + status + " whathappened");
  }
  origin_.set_json(kDiscovery, discovery());
  origin_.set(kKeys, {404, {}, "no keys"});
  EXPECT_EQ(find(oidc_), "404" + failed + ": 404 Not Found no keys");
  origin_.set_json(kKeys, "[]");
  EXPECT_EQ(find(oidc_), "400" + failed);
}

TEST_F(KeySourceTest, NobodyMakesItFetchWhatIsNotConfigured) {
  for (const char* issuer : {"https://issuer.dev/tenant//", "issuer.dev/tenant", "https://other.dev"}) {
    EXPECT_EQ(
        find(oidc_, issuer),
        std::string("400 AuthProviderDiscoveryFailed: Auth provider discovery of ") + issuer + " failed");
  }
  EXPECT_THAT(origin_.requested(), IsEmpty());
}

TEST_F(KeySourceTest, CustomKeys) {
  EXPECT_EQ(find(custom_), "1");
  auto with = [this](HeaderPairs headers, std::string body) {
    pass(1000);
    origin_.set(kKeys, {200, std::move(headers), std::move(body)});
    return find(custom_);
  };
  EXPECT_EQ(with({{"content-type", "Application/JWK-Set+JSON;charset=\"UTF-8\""}}, key().jwks()), "1");
  const std::string expected =
      "' when fetching JWKS from 'https://keys.dev/jwks'. Expected 'application/json' or "
      "'application/jwk-set+json'.";
  EXPECT_EQ(with({{"content-type", "text/plain"}}, key().jwks()),
            "401 InvalidAuthHeader: Invalid Content-Type 'text/plain" + expected);
  EXPECT_EQ(with({{"content-type", "application/json; charset=latin1"}}, key().jwks()),
            "401 InvalidAuthHeader: Invalid Content-Type 'application/json; charset=latin1" + expected);
  EXPECT_EQ(with({}, key().jwks()), "401 InvalidAuthHeader: Invalid Content-Type '" + expected);
  EXPECT_THAT(with({{"content-type", "application/json"}}, "{}"),
              ::testing::StartsWith("401 InvalidAuthHeader: Invalid JWKS response body from '"));
  origin_.set(kKeys, {500, {}, ""});
  EXPECT_EQ(
      find(custom_),
      "401 InvalidAuthHeader: Could not fetch JWKS from URL 'https://keys.dev/jwks': status 500 Internal "
      "Server Error. Check that the URL is correct and accessible.");
  origin_.remove(kKeys);
  EXPECT_EQ(
      find(custom_),
      "401 InvalidAuthHeader: Could not fetch JWKS from URL 'https://keys.dev/jwks': connection refused. "
      "Check that the URL is correct and accessible.");
}

TEST_F(KeySourceTest, DataUrls) {
  custom_.jwks = "data:text/plain;charset=utf-8;base64," + base64_encode(key().jwks());
  EXPECT_EQ(find(custom_), "1");
  custom_.jwks = "data:," + key().jwks();
  EXPECT_EQ(find(custom_), "1");
  custom_.jwks = "data:application/json,%7B%22keys%22:[]}";
  EXPECT_EQ(find(custom_), "0");
  for (const char* bad : {"data:", "data:,%7", "data:;base64,!", "data:,{}"}) {
    custom_.jwks = bad;
    EXPECT_THAT(find(custom_), ::testing::StartsWith("401 InvalidAuthHeader: Invalid JWKS data URL. "))
        << bad;
  }
  EXPECT_THAT(origin_.requested(), IsEmpty());
}

TEST_F(KeySourceTest, CachesAsLongAsTheHeadersSay) {
  origin_.set_json(kKeys, key().jwks(), "max-age=30");
  EXPECT_EQ(find(custom_), "1");
  pass(29);
  EXPECT_EQ(find(custom_), "1");
  EXPECT_THAT(origin_.requested(), ElementsAre(kKeys));
  pass(2);
  origin_.set_json(kKeys, key().jwks(), "no-store");
  EXPECT_EQ(find(custom_), "1");
  EXPECT_THAT(origin_.requested(), ElementsAre(kKeys));
  pass(4);  // a few seconds in any case
  EXPECT_EQ(find(custom_), "1");
  EXPECT_THAT(origin_.requested(), IsEmpty());
  pass(2);
  EXPECT_EQ(find(custom_), "1");
  EXPECT_THAT(origin_.requested(), ElementsAre(kKeys));
}

TEST_F(KeySourceTest, ThoseWhoComeAtOnceShareARequest) {
  origin_.set(kKeys, {200, {{"content-type", "application/json"}}, key().jwks(), true});
  std::vector<std::future<Result<KeySource::Keys>>> waiting;
  waiting.reserve(100);
  for (int i = 0; i < 100; ++i) waiting.push_back(begin(custom_, kIssuer, false));
  origin_.release();
  for (auto& each : waiting) EXPECT_TRUE(each.get().ok());
  EXPECT_THAT(origin_.requested(), ElementsAre(kKeys));
}

TEST_F(KeySourceTest, RenewsOnceInAWhile) {
  EXPECT_EQ(find(custom_), "1");
  origin_.requested();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(find(custom_, kIssuer, true), "1");
  EXPECT_THAT(origin_.requested(), ElementsAre(kKeys));
  pass(11);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(find(custom_, kIssuer, true), "1");
  EXPECT_THAT(origin_.requested(), ElementsAre(kKeys));
}

TEST_F(KeySourceTest, OldKeysServeWhileTheIssuerIsDown) {
  EXPECT_EQ(find(custom_), "1");
  origin_.remove(kKeys);
  pass(61);
  EXPECT_EQ(find(custom_), "1");
  origin_.requested();
  EXPECT_EQ(find(custom_), "1");  // does not ask again at once
  EXPECT_THAT(origin_.requested(), IsEmpty());
  pass(301);
  EXPECT_THAT(find(custom_), ::testing::HasSubstr("connection refused"));
}

TEST_F(KeySourceTest, StopAnswersWhoWaits) {
  origin_.set(kDiscovery, {200, {}, "", true});
  auto waiting = begin(oidc_, kIssuer, false);
  keys_.stop();
  EXPECT_FALSE(waiting.get().ok());
}

}  // namespace
}  // namespace hull
