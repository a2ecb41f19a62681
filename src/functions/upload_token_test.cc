#include "functions/upload_token.h"

#include <gtest/gtest.h>

namespace hull {
namespace {

std::string code(const Result<void>& result) { return result.ok() ? "" : result.error().code; }

TEST(UploadToken, HoldsForAnHour) {
  auto secret = InstanceSecret::generate();
  std::string token = make_upload_token(secret, "boat", 1'000'000);
  EXPECT_EQ(code(check_upload_token(secret, "boat", token, 1'000'000)), "");
  EXPECT_EQ(code(check_upload_token(secret, "boat", token, 1'003'599)), "");
  EXPECT_EQ(code(check_upload_token(secret, "boat", token, 1'003'600)), "StorageTokenExpired");
}

TEST(UploadToken, IsBoundToInstanceAndSecret) {
  auto secret = InstanceSecret::generate();
  std::string token = make_upload_token(secret, "boat", 1'000'000);
  EXPECT_EQ(code(check_upload_token(secret, "ship", token, 1'000'000)), "InvalidStorageToken");
  EXPECT_EQ(code(check_upload_token(InstanceSecret::generate(), "boat", token, 1'000'000)),
            "StorageTokenInvalid");
  EXPECT_NE(token, make_upload_token(secret, "boat", 1'000'000));
}

TEST(UploadToken, RefusesWhatItDidNotMake) {
  auto secret = InstanceSecret::generate();
  std::string token = make_upload_token(secret, "boat", 1'000'000);
  std::string forged = token;
  forged[20] = forged[20] == '0' ? '1' : '0';
  for (const std::string& bad : {forged, token.substr(0, 30), std::string("x"), std::string(),
                                 secret.seal_random("admin key", 1, "12345678boat"),
                                 secret.seal_random("store file authorization", 1, "short")}) {
    EXPECT_EQ(code(check_upload_token(secret, "boat", bad, 1'000'000)), "StorageTokenInvalid") << bad;
  }
}

}  // namespace
}  // namespace hull
