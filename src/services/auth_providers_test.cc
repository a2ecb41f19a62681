#include "services/auth_providers.h"

#include <gtest/gtest.h>

namespace hull {
namespace {

std::string failure(std::string_view json) {
  auto result = parse_auth_config(json);
  return result.ok() ? "" : result.error().code + ": " + result.error().message;
}
std::string provider_failure(std::string provider) { return failure("{\"providers\":[" + provider + "]}"); }

constexpr std::string_view kShape =
    "AuthConfigNotMatchingSchemaError: auth config file must include a list of provider credentials: ";

TEST(AuthProvidersTest, ParsesBothKindsAndRoundTripsThroughRows) {
  auto providers = parse_auth_config(
      R"({"providers":[{"domain":"site.example.com","applicationID":"convex","extra":1},)"
      R"({"type":"customJwt","issuer":"http://localhost:3000/","jwks":"https://x/jwks","algorithm":"RS256"}]})");
  ASSERT_TRUE(providers.ok());
  EXPECT_EQ((*providers)[0].json(), R"({"applicationID":"convex","domain":"https://site.example.com"})");
  EXPECT_EQ((*providers)[1].json(),
            R"({"type":"customJwt","applicationID":null,"issuer":"http://localhost:3000/",)"
            R"("jwks":"https://x/jwks","algorithm":"RS256"})");
  for (const auto& provider : *providers) EXPECT_EQ(AuthProvider::from_row(provider.row()), provider);
  EXPECT_EQ((*providers)[1].row()->find("algorithm")->as_string(), "\"RS256\"");
}

TEST(AuthProvidersTest, RefusesWrongShapes) {
  EXPECT_TRUE(failure("{}").starts_with(kShape));
  EXPECT_EQ(
      provider_failure(R"({"domain":"https://a.b"})"),
      std::string(kShape) +
          "Provider at index 0 must have applicationID property spelled lowercase 'application', capital I, "
          "capital D.");
  EXPECT_EQ(provider_failure(R"({"type":"x"})"),
            std::string(kShape) + "Provider at index 0 has unexpected 'type' value 'x'");
  EXPECT_EQ(provider_failure(R"({"type":"customJwt","domain":"https://a.b"})"),
            std::string(kShape) + "Provider at index 0 is a customJwt so cannot have a 'domain' specified");
  EXPECT_EQ(provider_failure(R"({"issuer":"https://a.b","applicationID":"x"})"),
            std::string(kShape) + "Provider at index 0 is oidc so cannot have an 'issuer' specified.");
  EXPECT_TRUE(provider_failure(R"({"type":"customJwt","issuer":"https://api.workos.com/","jwks":"x",)"
                               R"("algorithm":"RS256"})")
                  .starts_with("InsecureConfiguration: This auth configuration appears potentially insecure: "
                               "Provider at index 0 "));
}

TEST(AuthProvidersTest, RefusesAddressesThatAreNone) {
  for (std::string domain : {"ftp://a.b", "nodots", "https://", "", "has space.com"})
    EXPECT_TRUE(
        provider_failure(R"({"applicationID":"a","domain":")" + domain + "\"}")
            .starts_with("InvalidProviderDomainUrl: Invalid provider domain URL \"" + domain + "\": "))
        << domain;
  for (std::string domain : {"localhost:3211", "http://127.0.0.1:3211", "https://internal", "a.dev/path"})
    EXPECT_EQ(provider_failure(R"({"applicationID":"a","domain":")" + domain + "\"}"), "") << domain;
}

}  // namespace
}  // namespace hull
