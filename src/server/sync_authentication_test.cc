// Tokens and keys of a sync session: verification, expiry, admin keys that are checked again.
#include "server/sync_test_client.h"
#include "services/test_origin.h"
#include "services/test_tokens.h"

namespace hull {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SyncAuthenticationTest : public SyncSessionTest {
 protected:
  SyncAuthenticationTest() {
    TokenVerifier::Options options;
    options.providers = [] {
      return *parse_auth_config(R"({"providers":[{"domain":"https://issuer.dev","applicationID":"app"}]})");
    };
    options.now_unix_ns = options.now_monotonic_ns = services_.now_unix_ns;
    users_ = std::make_unique<Authenticator>(&secret_, "test",
                                             std::make_unique<TokenVerifier>(std::move(options)));
    users_->answer_locally(origin_.local());
    services_.auth = users_.get();
    origin_.set_json("https://issuer.dev/.well-known/openid-configuration",
                     R"({"issuer":"https://issuer.dev","jwks_uri":"https://issuer.dev/jwks"})");
    origin_.set_json("https://issuer.dev/jwks", key_.jwks());
  }

  // A token of `subject` that is valid for so many seconds.
  std::string token(std::string_view subject, int64_t seconds) const {
    return key_.token(R"({"iss":"https://issuer.dev","aud":"app","iat":1,"sub":")" + std::string(subject) +
                      R"(","exp":)" + std::to_string(wall_ns_ / 1'000'000'000 + seconds) + "}");
  }
  static std::string authenticate(int base, std::string_view kind, std::string_view value) {
    return "{\"type\":\"Authenticate\",\"baseVersion\":" + std::to_string(base) + ",\"tokenType\":\"" +
           std::string(kind) + "\",\"value\":\"" + std::string(value) + "\"}";
  }
  static std::string auth_error(std::string_view text, int base, bool attempted) {
    return "{\"type\":\"AuthError\",\"error\":\"" + std::string(text) +
           "\",\"baseVersion\":" + std::to_string(base) +
           ",\"authUpdateAttempted\":" + (attempted ? "true}" : "false}");
  }
  void pass(int64_t seconds) { wall_ns_ += seconds * 1'000'000'000; }

  TestKey key_ = TestKey::ed25519();
  TestOrigin origin_;
  std::unique_ptr<Authenticator> users_;
};

TEST_F(SyncAuthenticationTest, AVerifiedTokenIsConfirmedByATransition) {
  Client client(services_);
  client.add(0, 0, "tasks:get");
  EXPECT_THAT(client.tell(authenticate(0, "User", token("u", 60))),
              ElementsAre(HasSubstr("\"identity\":1,")));
  EXPECT_EQ(client.identity(), 1u);
  client.tell(mutation(0));
  ASSERT_EQ(runner_.mutations.size(), 1u);
  EXPECT_EQ(runner_.mutations[0].call.identity->attributes->view().find("subject")->as_string(), "u");
  EXPECT_FALSE(runner_.mutations[0].call.allow_internal);
}

TEST_F(SyncAuthenticationTest, MessagesBehindATokenWaitForIt) {
  origin_.set("https://issuer.dev/jwks", {200, {}, key_.jwks(), true});
  Client client(services_);
  EXPECT_THAT(client.tell(authenticate(0, "User", token("u", 60))), IsEmpty());
  EXPECT_THAT(client.add(0, 0, "tasks:get"), IsEmpty());
  client.tell(mutation(0));
  EXPECT_TRUE(runner_.mutations.empty());
  pass(15);
  client.session_->on_tick();
  EXPECT_THAT(client.sent, ElementsAre("{\"type\":\"Ping\"}"));
  origin_.release();
  EXPECT_THAT(client.settle(), ElementsAre(HasSubstr("QueryUpdated")));
  ASSERT_EQ(runner_.mutations.size(), 1u);
  EXPECT_EQ(runner_.mutations[0].call.identity->kind, Identity::Kind::kUser);
}

TEST_F(SyncAuthenticationTest, ARefusedTokenEndsTheSession) {
  Client client(services_);
  EXPECT_THAT(
      client.tell(authenticate(0, "User", token("u", 0))),
      ElementsAre(auth_error("Could not verify OIDC token claim. Check that the token signature is valid and "
                             "the token hasn't expired.",
                             0, true)));
  EXPECT_TRUE(client.closed);
  EXPECT_EQ(client.close_code, std::nullopt);
}

TEST_F(SyncAuthenticationTest, AnIssuerThatIsOverloadedIsNoReasonToRefuse) {
  origin_.set("https://issuer.dev/jwks", {503, {}, "later"});
  Client client(services_);
  EXPECT_THAT(client.tell(authenticate(0, "User", token("u", 60))), IsEmpty());
  EXPECT_EQ(client.close_code, 1013);
}

TEST_F(SyncAuthenticationTest, ExpiryEndsTheSessionAtItsNextActivity) {
  for (const char* activity : {"query", "mutation", "action"}) {
    Client client(services_);
    client.add(0, 0, "tasks:get");
    client.tell(authenticate(0, "User", token("u", 10)));
    pass(9);
    runner_.write("tasks:get", "\"" + std::string(activity) + "\"");
    EXPECT_THAT(client.settle(), ElementsAre(HasSubstr("QueryUpdated")));
    pass(1);
    client.session_->on_tick();
    EXPECT_FALSE(client.closed) << "an idle socket stays";
    client.sent.clear();
    if (std::string_view(activity) == "query") runner_.write("tasks:get", "\"late\"");
    if (std::string_view(activity) == "mutation") client.session_->on_message(mutation(0));
    if (std::string_view(activity) == "action") client.session_->on_message(action(0));
    client.executor_->run();
    EXPECT_THAT(client.sent, ElementsAre(auth_error("Convex token identity expired", 1, false))) << activity;
    EXPECT_TRUE(client.closed);
  }
  EXPECT_TRUE(runner_.mutations.empty());
  EXPECT_TRUE(runner_.actions.empty());
}

TEST_F(SyncAuthenticationTest, AFreshTokenInTimeKeepsTheSession) {
  Client client(services_);
  client.add(0, 0, "tasks:get");
  client.tell(authenticate(0, "User", token("u", 10)));
  pass(5);
  EXPECT_THAT(client.tell(authenticate(1, "User", token("u", 10))),
              ElementsAre(HasSubstr("\"modifications\":[]")));
  pass(9);
  runner_.write("tasks:get", "[1.0]");
  EXPECT_THAT(client.settle(), ElementsAre(HasSubstr("QueryUpdated")));
}

TEST_F(SyncAuthenticationTest, AdminKeysAreCheckedAgainAfterAMinute) {
  Client client(services_);
  client.add(0, 0, "tasks:get");
  client.tell(authenticate(0, "Admin", admin_key()));
  pass(61);
  runner_.write("tasks:get", "[0.0]");
  EXPECT_THAT(client.settle(), ElementsAre(HasSubstr("QueryUpdated"))) << "checked, and still good";
  secret_ = InstanceSecret::generate();
  pass(59);
  runner_.write("tasks:get", "[1.0]");
  EXPECT_THAT(client.settle(), ElementsAre(HasSubstr("QueryUpdated")));
  pass(1);
  runner_.write("tasks:get", "[2.0]");
  EXPECT_THAT(client.settle(),
              ElementsAre(auth_error("The provided admin key was invalid for this instance", 1, false)));
  EXPECT_TRUE(client.closed);
}

}  // namespace
}  // namespace hull
