// Content-Encoding of responses (http-api.md §1.4): gzip, br and zstd, as the client's Accept-Encoding
// prefers. Pure functions.
#pragma once

#include <string_view>

#include "server/http_types.h"

namespace hull {

enum class ContentCoding { kIdentity, kGzip, kBrotli, kZstd };

// The coding with the largest quality value; among equal ones the cheapest to make. kIdentity if none of
// ours is accepted, or if the client prefers the body as it is.
ContentCoding choose_coding(std::string_view accept_encoding);

// Text or JSON that is complete, not coded yet, and long enough to gain from it.
bool is_compressible(const HttpResponse& response);

// Replaces the body by its coded form and says so in Content-Encoding. Leaves the response as it is where
// coding fails or makes it longer.
void compress(HttpResponse& response, ContentCoding coding);

}  // namespace hull
