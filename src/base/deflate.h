// Raw deflate (RFC 1951) as independent runs of blocks. A run refers to nothing before it and ends on a byte
// boundary, so that runs made at different times, for different receivers, can be put one after another into
// one stream: the permessage-deflate messages of a server that keeps no compression state per socket (RFC
// 7692 §7.2).
//
// Thread-safe: each thread keeps one zlib stream per direction and uses it for whatever comes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hull {

// The empty stored block's length fields, which end every run of deflate_run(). A permessage-deflate message
// is sent without its last four bytes; the receiver puts them back.
inline constexpr std::string_view kDeflateTail{"\x00\x00\xff\xff", 4};

// Compresses `text` into a run that ends with kDeflateTail.
std::string deflate_run(std::string_view text);
// The same without compression: a run of stored blocks, five bytes longer than each 65535 bytes of text. It
// does not end with an empty block.
void append_stored_run(std::string& out, std::string_view text);

enum class InflateStatus { kOk, kDamaged, kTooLarge };
// Appends what a permessage-deflate message without its tail decompresses to. Never lets `out` grow above
// `max_size`.
InflateStatus inflate_message(std::string_view message, size_t max_size, std::string& out);

}  // namespace hull
