#include "services/jwt.h"

#include "base/encoding.h"
#include "services/json_fields.h"
#include "value/json.h"

namespace hull {
namespace {

std::optional<Value> json_object(std::string_view part) {
  auto text = base64url_decode(part);
  if (!text) return std::nullopt;
  auto parsed = parse_plain_json(*text);
  if (!parsed.ok() || !parsed->view().is_object()) return std::nullopt;
  return *std::move(parsed);
}

}  // namespace

std::optional<Jwt> Jwt::parse(std::string_view token) {
  const size_t first = token.find('.');
  const size_t second = first == token.npos ? first : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) return std::nullopt;
  auto claims = json_object(token.substr(first + 1, second - first - 1));
  if (!claims) return std::nullopt;
  Jwt jwt;
  jwt.header = json_object(token.substr(0, first));
  jwt.claims = *std::move(claims);
  jwt.signed_text = std::string(token.substr(0, second));
  jwt.signature = base64url_decode(token.substr(second + 1)).value_or("");
  return jwt;
}

std::string Jwt::issuer() const { return json::text_or_empty(claims, "iss"); }

std::vector<std::string> Jwt::audiences() const {
  std::vector<std::string> out;
  auto audience = claims->find("aud");
  if (!audience) return out;
  if (audience->is_string()) out.emplace_back(audience->as_string());
  for (size_t i = 0; audience->is_array() && i < audience->count(); ++i)
    if (audience->element(i).is_string()) out.emplace_back(audience->element(i).as_string());
  return out;
}

std::optional<std::string> Jwt::header_text(std::string_view name) const {
  auto member = header ? header->view().find(name) : std::nullopt;
  if (!member || !member->is_string()) return std::nullopt;
  return std::string(member->as_string());
}

}  // namespace hull
