// Upload tokens (file-storage.md §4.1): whoever holds one may store files for an hour after it was issued.
// Opaque to clients. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/envelope.h"
#include "base/result.h"

namespace hull {

inline constexpr int64_t kUploadTokenLifeS = 3600;

std::string make_upload_token(const InstanceSecret& secret, std::string_view instance_name, int64_t issued_s);
// 401 StorageTokenInvalid, InvalidStorageToken, StorageTokenExpired.
Result<void> check_upload_token(const InstanceSecret& secret, std::string_view instance_name,
                                std::string_view token, int64_t now_s);

}  // namespace hull
