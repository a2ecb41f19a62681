// Headers between HTTP and JavaScript: lists of pairs in which repeated names stay repeated. On the wire
// values are bytes; JavaScript has them as text with one code unit per byte (Latin-1, syscalls.md §2.4). Pure
// functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hull {

using HeaderPairs = std::vector<std::pair<std::string, std::string>>;

// `json`: [[name, value], ...]. Names and values are checked, so that they can be sent as they are.
Result<HeaderPairs> parse_header_pairs(std::string_view json);
// The inverse; the names in lower case.
void append_header_pairs(const HeaderPairs& headers, std::string& json);

}  // namespace hull
