#include "services/user_identity.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "services/json_fields.h"

namespace hull {
namespace {

struct Mapping {
  std::string_view claim, field;
};
constexpr std::array<Mapping, 15> kTexts = {{{"name", "name"},
                                             {"given_name", "givenName"},
                                             {"family_name", "familyName"},
                                             {"nickname", "nickname"},
                                             {"preferred_username", "preferredUsername"},
                                             {"profile", "profileUrl"},
                                             {"picture", "pictureUrl"},
                                             {"website", "websiteUrl"},
                                             {"email", "email"},
                                             {"gender", "gender"},
                                             {"birthdate", "birthday"},
                                             {"zoneinfo", "timezone"},
                                             {"locale", "language"},
                                             {"phone_number", "phoneNumber"},
                                             {"updated_at", "updatedAt"}}};
constexpr std::array<Mapping, 2> kFlags = {
    {{"email_verified", "emailVerified"}, {"phone_number_verified", "phoneNumberVerified"}}};
// `address` is an object whose `formatted` is shown under the same name.
constexpr std::array<std::string_view, 4> kOwnFields = {"tokenIdentifier", "subject", "issuer", "address"};
// What changes with every token would make a cached query worthless.
constexpr std::array<std::string_view, 16> kHidden = {
    "iss", "sub", "aud",     "exp",    "iat", "auth_time", "nonce", "acr",
    "amr", "azp", "at_hash", "c_hash", "jti", "nbf",       "fva",   "middle_name"};
constexpr std::array<std::string_view, 8> kCustomHidden = {"iss", "sub", "aud", "exp",
                                                           "nbf", "iat", "jti", "fva"};

template <size_t kSize>
bool contains(const std::array<std::string_view, kSize>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <size_t kSize>
bool mentions(const std::array<Mapping, kSize>& mappings, std::string_view name) {
  return std::any_of(mappings.begin(), mappings.end(), [name](const Mapping& mapping) {
    return mapping.claim == name || mapping.field == name;
  });
}

// "2024-05-01T10:00:00+00:00", with a fraction if there is one.
std::optional<std::string> rfc3339(double unix_s) {
  constexpr double kLimit = 253402300799;  // the year 9999
  if (!(std::abs(unix_s) <= kLimit)) return std::nullopt;
  using std::chrono::milliseconds, std::chrono::days, std::chrono::floor;
  const std::chrono::sys_time<milliseconds> time{milliseconds(std::llround(unix_s * 1000))};
  const auto day = floor<days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::array<char, 48> text{};
  int size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", int(date.year()),
                           unsigned(date.month()), unsigned(date.day()), int(clock.hours().count()),
                           int(clock.minutes().count()), int(clock.seconds().count()));
  std::string out(text.data(), static_cast<size_t>(size));
  if (auto rest = clock.subseconds().count(); rest != 0) {
    std::snprintf(text.data(), text.size(), ".%03d", int(rest));
    out += text.data();
  }
  return out + "+00:00";
}

std::optional<bool> flag_of(ValueView claim) {
  if (claim.is_bool()) return claim.as_bool();
  // Some issuers send texts.
  if (claim.is_string() && claim.as_string() == "true") return true;
  if (claim.is_string() && claim.as_string() == "false") return false;
  return std::nullopt;
}

void add_identifiers(ValueBuilder& out, ValueView claims) {
  const std::string issuer = json::text_or_empty(claims, "iss"), subject = json::text_or_empty(claims, "sub");
  out.key("tokenIdentifier").string(issuer + "|" + subject);
  out.key("issuer").string(issuer);
  out.key("subject").string(subject);
}

// Members of objects under dotted names.
void add_flattened(ValueBuilder& out, const std::string& name, ValueView claim) {
  if (!claim.is_object()) {
    out.key(name).value(claim);
    return;
  }
  for (size_t i = 0; i < claim.count(); ++i) {
    auto [member, value] = claim.field(i);
    add_flattened(out, name + "." + std::string(member), value);
  }
}

}  // namespace

Value oidc_user_identity(ValueView claims) {
  ValueBuilder out;
  out.begin_object();
  for (size_t i = 0; i < claims.count(); ++i) {
    auto [name, value] = claims.field(i);
    if (contains(kHidden, name) || contains(kOwnFields, name) || mentions(kTexts, name) ||
        mentions(kFlags, name))
      continue;
    out.key(name).value(value);
  }
  for (const Mapping& mapping : kTexts) {
    auto claim = claims.find(mapping.claim);
    if (claim && claim->is_string()) out.key(mapping.field).string(claim->as_string());
  }
  for (const Mapping& mapping : kFlags) {
    auto claim = claims.find(mapping.claim);
    if (auto flag = claim ? flag_of(*claim) : std::nullopt) out.key(mapping.field).boolean(*flag);
  }
  if (auto updated = claims.find("updated_at"); updated && updated->is_float64()) {
    if (auto text = rfc3339(updated->as_float64())) out.key("updatedAt").string(*text);
  }
  if (auto address = claims.find("address")) {
    auto formatted = address->find("formatted");
    if (formatted && formatted->is_string()) out.key("address").string(formatted->as_string());
  }
  add_identifiers(out, claims);
  out.end();
  return out.finish();
}

Value custom_jwt_user_identity(ValueView claims) {
  ValueBuilder out;
  out.begin_object();
  for (size_t i = 0; i < claims.count(); ++i) {
    auto [name, value] = claims.field(i);
    if (!contains(kCustomHidden, name)) add_flattened(out, std::string(name), value);
  }
  add_identifiers(out, claims);  // the last of equal names counts
  out.end();
  return out.finish();
}

}  // namespace hull
