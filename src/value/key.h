// Order-preserving key bytes (values-and-schema.md §3.1): compare(a, b) == memcmp(key(a), key(b)),
// self-delimiting, so that concatenated components sort like the tuple. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "value/value.h"

namespace hull {

// `v` may be undefined (missing field); a commit_ts token sorts as Int64 2^63-1.
void append_key(ValueView v, std::string& out);
std::string key_of(ValueView v);
// The same for values that are not packed.
void append_string_key(std::string_view s, std::string& out);
void append_int64_key(int64_t i, std::string& out);
inline void append_undefined_key(std::string& out) { out.push_back('\x01'); }

// Where the index keys end whose first components are exactly those of `prefix`; `prefix` itself is where
// they begin. Behind a component stands the next one's tag, which is never FF, while a string that goes on
// with a zero byte (and an object that goes on with an empty name) goes on with FF: "x" is no prefix of
// "x\0". nullopt (+infinity) for no components.
std::optional<std::string> end_of_prefix(std::string prefix);

}  // namespace hull
