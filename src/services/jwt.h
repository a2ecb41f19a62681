// A JSON Web Token in compact form, taken apart but not verified. Plain data, thread-safe to read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "value/value.h"

namespace hull {

struct Jwt {
  std::optional<Value> header;  // plain JSON, an object; absent if it is none
  Value claims;                 // plain JSON, an object
  std::string signed_text;
  std::string signature;  // decoded; "" if malformed

  // nullopt: not three parts, or the second one is no JSON object in base64url.
  static std::optional<Jwt> parse(std::string_view token);

  std::string issuer() const;                  // "" if absent or no text
  std::vector<std::string> audiences() const;  // `aud` is a text or a list of texts
  // A member of the header, if it is a text.
  std::optional<std::string> header_text(std::string_view name) const;
  bool header_has(std::string_view name) const { return header && header->view().find(name).has_value(); }
};

}  // namespace hull
