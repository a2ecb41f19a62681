#include "services/auth.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "services/admin_keys.h"
#include "value/json.h"

namespace hull {
namespace {

class AuthTest : public ::testing::Test {
 protected:
  InstanceSecret secret_ = InstanceSecret::generate();
  Authenticator auth_{&secret_, "happy-animal"};
  std::string key_ = mint_admin_key(secret_, "happy-animal", {false, false, 0, 1767225600});
  std::string read_key_ = mint_admin_key(secret_, "happy-animal", {true, false, 0, 1767225600});
  std::string system_key_ = mint_admin_key(secret_, "happy-animal", {false, true, 0, 1767225600});

  static Result<IdentityPtr> present(const Authenticator& auth, std::optional<std::string_view> header,
                                     std::optional<std::string_view> query_key) {
    Result<IdentityPtr> result = Error::internal("no answer");
    auth.from_http(header, query_key, [&](Result<IdentityPtr> identity) { result = std::move(identity); });
    return result;
  }
  std::string code(const std::string& header) { return code(header, auth_); }
  static std::string code(const std::string& header, const Authenticator& auth) {
    auto result = present(auth, header, std::nullopt);
    return result.ok() ? "" : std::to_string(http_status(result.error().kind)) + " " + result.error().code;
  }
  IdentityPtr identity(const std::string& header) {
    auto result = present(auth_, header, std::nullopt);
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
    return result.ok() ? *result : Identity::anonymous();
  }
};

TEST_F(AuthTest, HeaderForms) {
  EXPECT_EQ((*present(auth_, std::nullopt, std::nullopt))->kind, Identity::Kind::kAnonymous);
  EXPECT_EQ((*present(auth_, std::nullopt, key_))->kind, Identity::Kind::kAdmin);
  EXPECT_EQ(identity("Convex " + key_)->kind, Identity::Kind::kAdmin);
  EXPECT_EQ(identity("convex   " + key_ + " ")->kind, Identity::Kind::kAdmin);
  EXPECT_EQ(identity("CONVEX prod:" + key_)->kind, Identity::Kind::kAdmin);
  EXPECT_EQ(identity("Convex " + system_key_)->kind, Identity::Kind::kSystem);
  EXPECT_TRUE(identity("Convex " + read_key_)->read_only);
}

TEST_F(AuthTest, RefusedHeaders) {
  EXPECT_EQ(code("Convex"), "400 InvalidHeaderFailure");
  EXPECT_EQ(code(""), "400 InvalidHeaderFailure");
  EXPECT_EQ(code("Basic dXNlcjpwYXNz"), "400 InvalidAdminKey");
  EXPECT_EQ(code("Convex \xc3\xa9\xc3\xa9"), "400 HeaderParseFailure");
  EXPECT_EQ(code("Convex nonsense"), "401 BadAdminKey");
  EXPECT_EQ(code("Convex other-animal|" + key_.substr(key_.find('|') + 1)), "401 BadAdminKey");
  EXPECT_EQ(code("Convex " + key_ + ":not base64"), "400 HeaderParseFailure");
  EXPECT_EQ(code("Convex " + key_ + ":" + base64_encode("no json")), "400 HeaderParseFailure");
  EXPECT_EQ(code("Convex " + key_ + ":" + base64_encode("{\"name\":\"x\"}")), "400 HeaderParseFailure");
  EXPECT_EQ(code("Convex " + key_ + ":" + base64_encode("{\"tokenIdentifier\":\"x\",\"email\":5}")),
            "400 HeaderParseFailure");
  EXPECT_FALSE(present(auth_, std::nullopt, "nonsense").ok());
  // A header that fails is not replaced by the query parameter.
  EXPECT_FALSE(present(auth_, "Basic dXNlcjpwYXNz", key_).ok());
}

TEST_F(AuthTest, ActingAsAUser) {
  std::string attributes = R"({"issuer":"https://a","subject":"s","name":"Zoë","custom":{"a":[1]}})";
  for (std::string prefix : {"", "prod:", "dev:"}) {
    auto acting = identity("Convex " + prefix + key_ + ":" + base64_encode(attributes));
    EXPECT_TRUE(acting->is_admin());
    ASSERT_TRUE(acting->attributes.has_value());
    ValueView user = *acting->attributes;
    EXPECT_EQ(user.find("tokenIdentifier")->as_string(), "https://a|s");
    EXPECT_EQ(user.find("name")->as_string(), "Zoë");
    EXPECT_TRUE(user.find("custom")->is_object());
  }
  EXPECT_EQ(code("Convex " + system_key_ + ":" + base64_encode(attributes)), "401 BadAdminKey");
  auto socket = auth_.from_admin_key(key_, *parse_plain_json(R"({"tokenIdentifier":"t"})"));
  ASSERT_TRUE(socket.ok());
  EXPECT_EQ((*socket)->attributes->view().find("tokenIdentifier")->as_string(), "t");
}

TEST_F(AuthTest, UserTokens) {
  EXPECT_EQ(code("Bearer e30.e30.x"), "401 NoAuthProvider");
  EXPECT_EQ(code("bearer  e30.e30.x"), "401 NoAuthProvider");
  TokenVerifier::Options options;
  options.providers = [] { return std::vector<AuthProvider>(); };
  options.now_unix_ns = options.now_monotonic_ns = [] { return int64_t{0}; };
  Authenticator auth(&secret_, "happy-animal", std::make_unique<TokenVerifier>(std::move(options)));
  EXPECT_EQ(code("Bearer abc", auth), "401 InvalidAuthHeader");
  EXPECT_EQ(auth.from_admin_header("Bearer e30.e30.x").error().code, "BadDeployKey");
}

TEST_F(AuthTest, KeysAreCheckedAgain) {
  auto admin = identity("Convex prod:" + key_), system = identity("Convex " + system_key_);
  auto acting = auth_.from_admin_key(key_, *parse_plain_json(R"({"tokenIdentifier":"t"})"));
  for (const auto& each : {admin, system, *acting, Identity::anonymous()})
    EXPECT_TRUE(auth_.check_again(*each).ok());
  secret_ = InstanceSecret::generate();
  for (const auto& each : {admin, system, *acting})
    EXPECT_EQ(auth_.check_again(*each).error().code, "BadAdminKey");
  EXPECT_TRUE(auth_.check_again(*Identity::anonymous()).ok());
}

TEST_F(AuthTest, Operations) {
  auto refused = [](const Identity& who, std::string_view operation) {
    auto result = require_operation(who, operation);
    return result.ok() ? std::string() : result.error().code + ": " + result.error().message;
  };
  auto admin = Identity::admin(false, std::nullopt), reader = Identity::admin(true, std::nullopt);
  for (const auto& operation : operations()) EXPECT_EQ(refused(*admin, operation.name), "");
  EXPECT_EQ(refused(*reader, "ViewData"), "");
  EXPECT_EQ(refused(*reader, ""), "");
  EXPECT_EQ(
      refused(*reader, "WriteData"),
      "OperationNotPermitted: You do not have permission to perform this operation (deployment:data:write).");
  EXPECT_EQ(
      refused(*reader, "Deploy"),
      "OperationNotPermitted: You do not have permission to perform this operation (deployment:deploy).");
  EXPECT_TRUE(refused(*Identity::anonymous(), "ViewData").starts_with("BadDeployKey: "));
}

}  // namespace
}  // namespace hull
