#include "services/user_identity.h"

#include <gtest/gtest.h>

#include "value/json.h"

namespace hull {
namespace {

std::string oidc(std::string_view claims) {
  return to_plain_json(oidc_user_identity(*parse_plain_json(claims)));
}
std::string custom(std::string_view claims) {
  return to_plain_json(custom_jwt_user_identity(*parse_plain_json(claims)));
}
std::string sorted(std::string_view json) { return to_plain_json(*parse_plain_json(json)); }

TEST(UserIdentityTest, StandardClaimsOfOidc) {
  EXPECT_EQ(
      oidc(R"({"iss":"https://i/","sub":"u|s","name":"N","given_name":"G","family_name":"F","nickname":"K",
                     "preferred_username":"P","profile":"p","picture":"q","website":"w","email":"e",
                     "email_verified":true,"gender":"g","birthdate":"b","zoneinfo":"z","locale":"l",
                     "phone_number":"5","phone_number_verified":"false","address":{"formatted":"a","country":"c"},
                     "updated_at":1700000000})"),
      sorted(R"({"tokenIdentifier":"https://i/|u|s","issuer":"https://i/","subject":"u|s","name":"N",
                       "givenName":"G","familyName":"F","nickname":"K","preferredUsername":"P","profileUrl":"p",
                       "pictureUrl":"q","websiteUrl":"w","email":"e","emailVerified":true,"gender":"g",
                       "birthday":"b","timezone":"z","language":"l","phoneNumber":"5",
                       "phoneNumberVerified":false,"address":"a","updatedAt":"2023-11-14T22:13:20+00:00"})"));
  EXPECT_EQ(
      oidc(R"({"iss":"i","sub":"s","updated_at":"2024-01-01T00:00:00Z"})"),
      sorted(R"({"tokenIdentifier":"i|s","issuer":"i","subject":"s","updatedAt":"2024-01-01T00:00:00Z"})"));
  EXPECT_EQ(oidc(R"({"iss":"i","sub":"s","updated_at":1700000000.25})"),
            sorted(R"({"tokenIdentifier":"i|s","issuer":"i","subject":"s",
                       "updatedAt":"2023-11-14T22:13:20.250+00:00"})"));
}

TEST(UserIdentityTest, CustomClaimsOfOidcStayAsTheyAre) {
  EXPECT_EQ(oidc(R"({"iss":"i","sub":"s","role":"admin","nested":{"a":{"b":[1,null]}},"https://x/y":0.5})"),
            sorted(R"({"tokenIdentifier":"i|s","issuer":"i","subject":"s","role":"admin",
                       "nested":{"a":{"b":[1,null]}},"https://x/y":0.5})"));
}

TEST(UserIdentityTest, HiddenClaimsOfOidc) {
  EXPECT_EQ(
      oidc(R"({"iss":"i","sub":"s","aud":"x","exp":1,"iat":1,"auth_time":1,"nonce":"n","acr":"a","amr":[],
                     "azp":"a","at_hash":"h","c_hash":"h","jti":"j","nbf":1,"fva":[1],"middle_name":"m",
                     "birthday":"b"})"),
      sorted(R"({"tokenIdentifier":"i|s","issuer":"i","subject":"s"})"));
}

TEST(UserIdentityTest, ClaimsNeverTakeThePlaceOfMappedFields) {
  EXPECT_EQ(
      oidc(R"({"iss":"i","sub":"s","tokenIdentifier":"x","issuer":"x","subject":"x","emailVerified":true,
                     "givenName":"x","updatedAt":"x","name":5,"email_verified":1,"address":"x"})"),
      sorted(R"({"tokenIdentifier":"i|s","issuer":"i","subject":"s"})"));
  EXPECT_EQ(custom(R"({"iss":"i","sub":"s","tokenIdentifier":"x","issuer":{"a":1},"subject":"x"})"),
            sorted(R"({"tokenIdentifier":"i|s","issuer":"i","subject":"s","issuer.a":1})"));
}

TEST(UserIdentityTest, CustomJwtKeepsRawNamesAndFlattensObjects) {
  EXPECT_EQ(
      custom(R"({"iss":"i","sub":"s","aud":["x"],"exp":1,"nbf":1,"iat":1,"jti":"j","fva":[1],"email":"e",
                       "given_name":"G","properties":{"id":"1","deep":{"er":[{"x":1}]}},"empty":{},"list":[],
                       "nonce":"n"})"),
      sorted(R"({"tokenIdentifier":"i|s","issuer":"i","subject":"s","email":"e","given_name":"G",
                       "properties.id":"1","properties.deep.er":[{"x":1}],"list":[],"nonce":"n"})"));
}

}  // namespace
}  // namespace hull
