#include "services/auth.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "services/admin_keys.h"
#include "services/json_fields.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr std::string_view kBearer = "bearer ", kConvex = "convex ";
constexpr size_t kSchemeSize = 7;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool has_scheme(std::string_view header, std::string_view scheme) {
  return header.size() >= scheme.size() && std::equal(scheme.begin(), scheme.end(), header.begin(),
                                                      [](char s, char c) { return s == lower(c); });
}

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

Error malformed_header() {
  return Error::bad_request("HeaderParseFailure", "Malformed Authorization header.");
}

// The UserIdentity object behind the attributes an admin wants to act with (auth-and-node.md §2.1).
Result<Value> acting_identity(ValueView attributes) {
  if (!attributes.is_object()) return malformed_header();
  constexpr std::array kTexts{
      "tokenIdentifier",   "issuer",     "subject",     "name",       "givenName", "familyName", "nickname",
      "preferredUsername", "profileUrl", "pictureUrl",  "websiteUrl", "email",     "gender",     "birthday",
      "timezone",          "language",   "phoneNumber", "address",    "updatedAt"};
  constexpr std::array kFlags{"emailVerified", "phoneNumberVerified"};
  for (const char* name : kTexts)
    if (auto field = json::optional_field(attributes, name); field && !field->is_string())
      return malformed_header();
  for (const char* name : kFlags)
    if (auto field = json::optional_field(attributes, name); field && !field->is_bool())
      return malformed_header();
  auto token = json::text_or_empty(attributes, "tokenIdentifier");
  auto issuer = json::text_or_empty(attributes, "issuer");
  auto subject = json::text_or_empty(attributes, "subject");
  if (token.empty()) {
    if (issuer.empty() || subject.empty()) return malformed_header();
    token = issuer + "|" + subject;
  }
  ValueBuilder b;
  b.begin_object();
  for (size_t i = 0; i < attributes.count(); ++i) {
    auto [name, value] = attributes.field(i);
    if (!value.is_null()) b.key(name).value(value);
  }
  b.key("tokenIdentifier").string(token);
  b.end();
  return b.finish();
}

// What is wrong with a header before its content is looked at.
Result<void> check_header(std::string_view header) {
  auto visible = [](char c) { return (c >= ' ' && c < 127) || c == '\t'; };
  if (!std::all_of(header.begin(), header.end(), visible))
    return Error::bad_request("HeaderParseFailure", "Failed to parse header Authorization");
  if (header.size() < kSchemeSize)
    return Error::bad_request("InvalidHeaderFailure", "Invalid authentication header");
  return {};
}

Error not_an_admin() {
  return Error::forbidden("BadDeployKey",
                          "The provided deploy key was invalid for this deployment. Double check that the "
                          "environment this key was generated for matches the desired deployment.");
}

}  // namespace

void Authenticator::answer_locally(FetchService::Local local) {
  if (tokens_) tokens_->answer_locally(std::move(local));
}

void Authenticator::stop() {
  if (tokens_) tokens_->stop();
}

void Authenticator::from_http(std::optional<std::string_view> header,
                              std::optional<std::string_view> query_key, OnIdentity done) const {
  if (!header) return done(query_key ? from_admin_key(*query_key) : Identity::anonymous());
  if (auto checked = check_header(*header); !checked.ok()) return done(std::move(checked).error());
  if (has_scheme(*header, kBearer)) return from_jwt(trimmed(header->substr(kSchemeSize)), std::move(done));
  done(from_admin_header(*header));
}

Result<IdentityPtr> Authenticator::from_admin_header(std::string_view header) const {
  HULL_CHECK_OK(check_header(header));
  if (has_scheme(header, kBearer)) return not_an_admin();
  if (!has_scheme(header, kConvex)) return Error::bad_request("InvalidAdminKey", "Invalid admin key");
  return from_admin_text(trimmed(header.substr(kSchemeSize)));
}

Result<IdentityPtr> Authenticator::from_admin_text(std::string_view text) const {
  // The type prefix goes first: its colon must not be taken for the one before the acting identity.
  if (size_t bar = text.find('|'); bar != std::string_view::npos) {
    if (size_t colon = text.substr(0, bar).find(':'); colon != std::string_view::npos) {
      std::string_view type = text.substr(0, colon);
      text.remove_prefix(type == "preview" || type == "project" ? bar + 1 : colon + 1);
    }
  }
  size_t colon = text.find(':');
  std::string_view key = text.substr(0, colon);
  if (colon == std::string_view::npos) return from_admin_key(key);
  auto decoded = base64_decode(text.substr(colon + 1));
  if (!decoded) return malformed_header();
  auto attributes = parse_plain_json(*decoded);
  if (!attributes.ok()) return malformed_header();
  return from_admin_key(key, *attributes);
}

Result<IdentityPtr> Authenticator::from_admin_key(std::string_view key) const {
  return from_admin_key(key, ValueView());
}

Result<IdentityPtr> Authenticator::from_admin_key(std::string_view key, ValueView impersonating) const {
  HULL_TRY(auto claims, check_admin_key(*secret_, name_, key));
  if (claims.system && impersonating.is_null()) return Identity::system(std::string(key));
  if (impersonating.is_null()) return Identity::admin(claims.read_only, std::nullopt, std::string(key));
  if (claims.system)
    return Error::unauthenticated("BadAdminKey", "The provided admin key was invalid for this instance");
  HULL_TRY(auto identity, acting_identity(impersonating));
  return Identity::admin(claims.read_only, std::move(identity), std::string(key));
}

Result<void> Authenticator::check_again(const Identity& identity) const {
  if (!identity.is_admin() || identity.credential.empty()) return {};
  HULL_CHECK_OK(check_admin_key(*secret_, name_, identity.credential));
  return {};
}

void Authenticator::from_jwt(std::string_view token, OnIdentity done) const {
  if (tokens_) return tokens_->verify(token, std::move(done));
  done(Error::unauthenticated("NoAuthProvider",
                              "No auth provider found matching the given token (no providers configured). "
                              "Check convex/auth.config.ts."));
}

const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = {
      {"Deploy", "deploy", false},
      {"ViewEnvironmentVariables", "env:view", true},
      {"WriteEnvironmentVariables", "env:write", false},
      {"PauseDeployment", "pause", false},
      {"UnpauseDeployment", "unpause", false},
      {"ViewLogs", "logs:view", true},
      {"ViewMetrics", "metrics:view", true},
      {"ViewIntegrations", "integrations:view", true},
      {"WriteIntegrations", "integrations:write", false},
      {"ViewData", "data:view", true},
      {"WriteData", "data:write", false},
      {"ViewBackups", "backups:view", true},
      {"CreateBackups", "backups:create", false},
      {"DownloadBackups", "backups:download", true},
      {"DeleteBackups", "backups:delete", false},
      {"ImportBackups", "backups:import", false},
      {"ActAsUser", "functions:actAsUser", false},
      {"RunInternalQueries", "functions:runInternalQueries", true},
      {"RunInternalMutations", "functions:runInternalMutations", false},
      {"RunInternalActions", "functions:runInternalActions", false},
      {"RunTestQuery", "functions:runTestQuery", true},
      {"ViewAuditLog", "auditLog:view", true},
      {"ViewUsageLimits", "usageLimits:view", true},
      {"WriteUsageLimits", "usageLimits:write", false},
      {"ViewUsage", "usage:view", true},
  };
  return all;
}

Result<void> require_operation(const Identity& identity, std::string_view operation) {
  if (!identity.is_admin()) return not_an_admin();
  if (!identity.read_only || operation.empty()) return {};
  std::string text(operation);
  for (const auto& known : operations()) {
    if (known.name != operation) continue;
    if (known.read_only) return {};
    text = known.text;
  }
  return Error::forbidden("OperationNotPermitted",
                          "You do not have permission to perform this operation (deployment:" + text + ").");
}

}  // namespace hull
