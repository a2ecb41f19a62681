// Content-Encoding of push bodies (http-api.md §1.4): br, gzip, deflate, zstd, with a cap on the decoded size
// so that a small request cannot fill the memory. Pure function.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace hull {

// `encoding` "" or "identity" returns the body itself. Errors: 415 for an unknown encoding, 400 BadJsonBody
// for a damaged body and for one that is larger than `max_size` after decoding.
Result<std::string> decode_body(std::string_view encoding, std::string body, size_t max_size);

}  // namespace hull
