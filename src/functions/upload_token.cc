// Plain text of a token: the time of issue as 8 little-endian bytes, then the name of the instance.
#include "functions/upload_token.h"

#include <cstring>

namespace hull {

namespace {

constexpr std::string_view kPurpose = "store file authorization";
constexpr uint8_t kVersion = 1;
constexpr size_t kTimeBytes = sizeof(int64_t);

}  // namespace

std::string make_upload_token(const InstanceSecret& secret, std::string_view instance_name,
                              int64_t issued_s) {
  std::string plain(kTimeBytes, '\0');
  std::memcpy(plain.data(), &issued_s, kTimeBytes);
  plain += instance_name;
  return secret.seal_random(kPurpose, kVersion, plain);
}

Result<void> check_upload_token(const InstanceSecret& secret, std::string_view instance_name,
                                std::string_view token, int64_t now_s) {
  auto plain = secret.open_random(kPurpose, kVersion, token);
  if (!plain || plain->size() < kTimeBytes) {
    return Error::unauthenticated("StorageTokenInvalid", "Couldn't decode the StoreFileAuthorization token");
  }
  if (std::string_view(*plain).substr(kTimeBytes) != instance_name) {
    return Error::unauthenticated("InvalidStorageToken", "The token was made for another deployment");
  }
  int64_t issued_s = 0;
  std::memcpy(&issued_s, plain->data(), kTimeBytes);
  if (now_s >= issued_s + kUploadTokenLifeS) {
    return Error::unauthenticated("StorageTokenExpired", "Store File Authorization expired");
  }
  return {};
}

}  // namespace hull
