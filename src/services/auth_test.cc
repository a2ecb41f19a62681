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

  std::string code(const std::string& header) {
    auto result = auth_.from_http(header, std::nullopt);
    return result.ok() ? "" : std::to_string(http_status(result.error().kind)) + " " + result.error().code;
  }
  IdentityPtr identity(const std::string& header) {
    auto result = auth_.from_http(header, std::nullopt);
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
    return result.ok() ? *result : Identity::anonymous();
  }
  static std::string token(std::string_view payload) { return "e30." + base64url_encode(payload) + ".c2ln"; }
};

TEST_F(AuthTest, HeaderForms) {
  EXPECT_EQ((*auth_.from_http(std::nullopt, std::nullopt))->kind, Identity::Kind::kAnonymous);
  EXPECT_EQ((*auth_.from_http(std::nullopt, key_))->kind, Identity::Kind::kAdmin);
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
  EXPECT_FALSE(auth_.from_http(std::nullopt, "nonsense").ok());
  // A header that fails is not replaced by the query parameter.
  EXPECT_FALSE(auth_.from_http("Basic dXNlcjpwYXNz", key_).ok());
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

TEST_F(AuthTest, TokensWithoutProviders) {
  EXPECT_EQ(code("Bearer abc"), "401 InvalidAuthHeader");
  EXPECT_EQ(code("Bearer a.b.c.d"), "401 InvalidAuthHeader");
  EXPECT_EQ(code("bearer " + token("[]")), "401 InvalidAuthHeader");
  auto no_issuer = auth_.from_jwt(token("{\"sub\":\"x\"}"));
  EXPECT_TRUE(no_issuer.error().message.starts_with("Missing issuer claim ('iss') in JWT payload."));
  auto none = auth_.from_jwt(token("{\"iss\":\"https://a\",\"aud\":\"app\"}"));
  EXPECT_EQ(none.error().code, "NoAuthProvider");
  EXPECT_EQ(none.error().message,
            "No auth provider found matching the given token (no providers configured). Check "
            "convex/auth.config.ts.");
}

TEST_F(AuthTest, TokensWithProviders) {
  auto providers = *parse_auth_config(
      R"({"providers":[{"domain":"a.example.com/","applicationID":"app"},)"
      R"({"type":"customJwt","issuer":"https://b.example.com","jwks":"data:x","algorithm":"ES256"}]})");
  Authenticator auth(&secret_, "happy-animal", [providers] { return providers; });
  EXPECT_EQ(auth.from_jwt(token(R"({"iss":"https://a.example.com","aud":["x"]})")).error().message,
            "No auth provider found matching the given token. Check that your JWT's issuer and audience "
            "match one of "
            "your configured providers: [OIDC(domain=https://a.example.com/, app_id=app), "
            "CustomJWT(issuer=https://b.example.com, app_id=none)]");
  EXPECT_EQ(auth.from_jwt(token(R"({"iss":"https://a.example.com","aud":["x","app"]})")).error().code,
            "InvalidAuthHeader");
  EXPECT_EQ(auth.from_jwt(token(R"({"iss":"b.example.com/"})")).error().code, "InvalidAuthHeader");
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
