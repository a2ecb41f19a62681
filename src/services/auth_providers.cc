#include "services/auth_providers.h"

#include <algorithm>
#include <array>

#include "services/json_fields.h"
#include "value/json.h"

namespace hull {
namespace {

Error shape_error(std::string detail) {
  return Error::bad_request(
      "AuthConfigNotMatchingSchemaError",
      "auth config file must include a list of provider credentials: " + std::move(detail));
}

bool starts_with_scheme(std::string_view url) {
  return url.starts_with("https://") || url.starts_with("http://");
}

// Adds a missing scheme; refuses what cannot be the address of an issuer.
Result<std::string> normalize_issuer(const std::string& text) {
  auto refuse = [&](std::string_view why) {
    return Error::bad_request("InvalidProviderDomainUrl",
                              "Invalid provider domain URL \"" + text + "\": " + std::string(why));
  };
  std::string url = text;
  if (size_t scheme = text.find("://"); scheme != std::string::npos) {
    if (!starts_with_scheme(text)) return refuse("scheme should be http or https");
  } else {
    url = "https://" + text;
  }
  std::string_view host = url;
  host.remove_prefix(host.find("://") + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  if (size_t at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
  std::string_view name =
      host.starts_with('[') ? host.substr(0, host.find(']')) : host.substr(0, host.find(':'));
  auto odd = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '<' || c == '>'; };
  if (name.empty() || std::any_of(host.begin(), host.end(), odd)) return refuse("it has no host");
  if (!starts_with_scheme(text) && name != "localhost" && name.find('.') == std::string_view::npos)
    return refuse("does not look like a URL");
  return url;
}

std::string_view without_trailing_slashes(std::string_view s) {
  while (s.ends_with('/')) s.remove_suffix(1);
  return s;
}

Result<AuthProvider> parse_provider(ValueView json, size_t index) {
  std::string at = "Provider at index " + std::to_string(index);
  if (!json.is_object()) return shape_error(at + " must be an object.");
  auto text = [&](std::string_view name) -> Result<std::optional<std::string>> {
    auto field = json::optional_field(json, name);
    if (!field) return std::optional<std::string>();
    if (!field->is_string())
      return shape_error(at + " must have a string " + std::string(name) + " property.");
    return std::optional<std::string>(field->as_string());
  };
  AuthProvider provider;
  HULL_TRY(auto type, text("type"));
  if (type && *type != "oidc" && *type != "customJwt")
    return shape_error(at + " has unexpected 'type' value '" + *type + "'");
  provider.custom_jwt = type == "customJwt";
  HULL_TRY(provider.application_id, text("applicationID"));
  HULL_TRY(auto domain, text("domain"));
  HULL_TRY(auto issuer, text("issuer"));
  if (provider.custom_jwt) {
    if (domain) return shape_error(at + " is a customJwt so cannot have a 'domain' specified");
    if (!issuer) return shape_error(at + " must have issuer property.");
    HULL_TRY(auto jwks, text("jwks"));
    HULL_TRY(auto algorithm, text("algorithm"));
    if (!jwks) return shape_error(at + " must have jwks property.");
    if (!algorithm || (*algorithm != "RS256" && *algorithm != "ES256"))
      return shape_error(at + " must have algorithm property 'RS256' or 'ES256'.");
    provider.jwks = *jwks;
    provider.algorithm = *algorithm;
  } else {
    if (issuer) return shape_error(at + " is oidc so cannot have an 'issuer' specified.");
    if (!provider.application_id)
      return shape_error(
          at + " must have applicationID property spelled lowercase 'application', capital I, capital D.");
    if (!domain) return shape_error(at + " must have domain property.");
  }
  HULL_TRY(provider.issuer, normalize_issuer(provider.custom_jwt ? *issuer : *domain));
  if (!provider.application_id && without_trailing_slashes(provider.issuer) == "https://api.workos.com")
    return Error::bad_request("InsecureConfiguration",
                              "This auth configuration appears potentially insecure: " + at +
                                  " uses an issuer shared by all WorkOS applications and "
                                  "must have applicationID property.");
  return provider;
}

}  // namespace

std::string AuthProvider::json() const {
  std::string out = "{";
  auto member = [&out](std::string_view name, std::string_view value) {
    if (out.size() > 1) out += ',';
    append_json_string(name, out);
    out += ':';
    append_json_string(value, out);
  };
  if (!custom_jwt) {
    member("applicationID", application_id.value_or(""));
    member("domain", issuer);
  } else {
    member("type", "customJwt");
    if (application_id)
      member("applicationID", *application_id);
    else
      out += ",\"applicationID\":null";
    member("issuer", issuer);
    member("jwks", jwks);
    member("algorithm", algorithm);
  }
  return out + "}";
}

Value AuthProvider::row() const {
  ValueBuilder b;
  b.begin_object();
  if (custom_jwt) {
    b.key("type").string("customJwt");
    b.key("issuer").string(issuer);
    b.key("jwks").string(jwks);
    b.key("algorithm").string("\"" + algorithm + "\"");
    b.key("applicationID");
    if (application_id)
      b.string(*application_id);
    else
      b.null();
  } else {
    b.key("applicationID").string(application_id.value_or(""));
    b.key("domain").string(issuer);
  }
  b.end();
  return b.finish();
}

std::optional<AuthProvider> AuthProvider::from_row(ValueView row) {
  AuthProvider provider;
  provider.custom_jwt = json::text_or_empty(row, "type") == "customJwt";
  provider.issuer = json::text_or_empty(row, provider.custom_jwt ? "issuer" : "domain");
  if (provider.issuer.empty()) return std::nullopt;
  if (auto id = row.find("applicationID"); id && id->is_string())
    provider.application_id = std::string(id->as_string());
  if (provider.custom_jwt) {
    provider.jwks = json::text_or_empty(row, "jwks");
    provider.algorithm = json::text_or_empty(row, "algorithm");
    std::erase(provider.algorithm, '"');
  }
  return provider;
}

std::string AuthProvider::text() const {
  if (!custom_jwt) return "OIDC(domain=" + issuer + ", app_id=" + application_id.value_or("") + ")";
  return "CustomJWT(issuer=" + issuer + ", app_id=" + application_id.value_or("none") + ")";
}

bool AuthProvider::matches(std::string_view token_issuer, const std::vector<std::string>& audiences) const {
  std::string with_scheme =
      starts_with_scheme(token_issuer) ? std::string(token_issuer) : "https://" + std::string(token_issuer);
  if (without_trailing_slashes(with_scheme) != without_trailing_slashes(issuer)) return false;
  return !application_id || std::find(audiences.begin(), audiences.end(), *application_id) != audiences.end();
}

Result<std::vector<AuthProvider>> parse_auth_config(std::string_view text) {
  auto parsed = parse_plain_json(text);
  if (!parsed.ok())
    return Error::bad_request("AuthConfigUnserializableError", "auth config file can only contain strings");
  auto list = parsed->view().find("providers");
  if (!list || !list->is_array()) return shape_error("missing field `providers`");
  std::vector<AuthProvider> providers;
  for (size_t i = 0; i < list->count(); ++i) {
    HULL_TRY(auto provider, parse_provider(list->element(i), i));
    providers.push_back(std::move(provider));
  }
  return providers;
}

namespace {
std::vector<AuthProvider> providers_of(const std::vector<DocumentPtr>& documents) {
  // Rows are kept by random id; their creation times are the order they were declared in.
  auto rows = documents;
  std::sort(rows.begin(), rows.end(), [](const DocumentPtr& a, const DocumentPtr& b) {
    auto x = a->value.view().find("_creationTime"), y = b->value.view().find("_creationTime");
    return x && y && compare(*x, *y) < 0;
  });
  std::vector<AuthProvider> providers;
  for (const auto& row : rows)
    if (auto provider = AuthProvider::from_row(row->value)) providers.push_back(std::move(*provider));
  return providers;
}
}  // namespace

std::vector<AuthProvider> stored_auth_providers(const Catalog& catalog) {
  return providers_of(catalog.system_rows("_auth"));
}

Result<AuthDiff> replace_auth_providers(Transaction& transaction,
                                        const std::vector<AuthProvider>& providers) {
  auto rows = transaction.system_rows("_auth");
  auto before = providers_of(rows);
  AuthDiff diff;
  if (before == providers) return diff;
  for (const auto& provider : providers)
    if (std::find(before.begin(), before.end(), provider) == before.end())
      diff.added.push_back(provider.json());
  for (const auto& provider : before)
    if (std::find(providers.begin(), providers.end(), provider) == providers.end())
      diff.removed.push_back(provider.json());
  for (const auto& row : rows) HULL_CHECK_OK(transaction.system_remove(row->id));
  for (const auto& provider : providers) {
    HULL_TRY(auto id, transaction.system_insert("_auth", provider.row()));
    (void)id;
  }
  return diff;
}

}  // namespace hull
