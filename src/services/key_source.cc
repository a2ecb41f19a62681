#include "services/key_source.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/log.h"
#include "functions/http_status.h"
#include "services/json_fields.h"
#include "services/token_rules.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr size_t kMaxQuotedBody = 1000;

std::string lower_trimmed(std::string_view text) {
  std::string out;
  for (char c : text)
    if (c != ' ' && c != '\t') out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// "application/json; charset=utf-8" in its parts, in lower case.
struct MediaType {
  std::string essence;
  bool utf8 = true;  // a charset, if any, is UTF-8
};
MediaType media_type(std::string_view text) {
  std::string clean = lower_trimmed(text);
  std::erase(clean, '"');
  MediaType type;
  type.essence = clean.substr(0, clean.find(';'));
  if (size_t at = clean.find(";charset="); at != clean.npos) {
    std::string charset = clean.substr(at + 9);
    type.utf8 = charset.substr(0, charset.find(';')) == "utf-8";
  }
  return type;
}

bool is_json(const std::string& essence) { return essence == "application/json"; }
bool is_key_set(const std::string& essence) {
  return is_json(essence) || essence == "application/jwk-set+json";
}

std::string status_text(int status) {
  std::string text = std::to_string(status);
  if (auto reason = http_reason(status); !reason.empty()) text += " " + std::string(reason);
  return text;
}

// For texts to clients: what is no printable ASCII is left out.
std::string quoted(std::string_view body) {
  std::string out;
  for (char c : body.substr(0, kMaxQuotedBody))
    if (c >= ' ' && c < 127) out += c;
  return out;
}

ErrorKind kind_of_status(int status) {
  switch (status) {
    case 401:
      return ErrorKind::kUnauthenticated;
    case 403:
      return ErrorKind::kForbidden;
    case 404:
      return ErrorKind::kNotFound;
    case 409:
      return ErrorKind::kConflict;
    case 413:
      return ErrorKind::kTooLarge;
    case 415:
      return ErrorKind::kUnsupportedMedia;
    case 429:
      return ErrorKind::kRateLimited;
    case 503:
      return ErrorKind::kOverloaded;
    default:
      return ErrorKind::kBadRequest;
  }
}

// --- OIDC ---

Error discovery_failed(const std::string& issuer, std::string_view why) {
  spdlog::warn("Discovery of the auth provider {} failed: {}", issuer, quoted(why));
  return Error::bad_request("AuthProviderDiscoveryFailed",
                            "Auth provider discovery of " + issuer + " failed");
}

Error discovery_refused(const std::string& issuer, const FetchedDocument& document) {
  Error error = discovery_failed(issuer, "status " + status_text(document.status));
  error.kind = kind_of_status(document.status);
  error.message += ": " + status_text(document.status) + " " + quoted(document.body);
  return error;
}

std::string discovery_url(std::string_view issuer) {
  while (issuer.ends_with('/')) issuer.remove_suffix(1);
  return std::string(issuer) + "/.well-known/openid-configuration";
}

Result<AsyncCache<std::string>::Loaded> jwks_uri_of(const std::string& issuer,
                                                    const Result<FetchedDocument>& document) {
  if (!document.ok()) return discovery_failed(issuer, document.error().message);
  if (document->status != 200) return discovery_refused(issuer, *document);
  if (document->content_type && !is_json(media_type(*document->content_type).essence))
    return discovery_failed(issuer, "content type " + *document->content_type);
  auto parsed = parse_plain_json(document->body);
  if (!parsed.ok()) return discovery_failed(issuer, "the document is no JSON");
  if (std::string named = json::text_or_empty(*parsed, "issuer"); named != issuer)
    return discovery_failed(issuer, "the document is about the issuer " + named);
  std::string uri = json::text_or_empty(*parsed, "jwks_uri");
  if (uri.empty()) return discovery_failed(issuer, "the document has no jwks_uri");
  return AsyncCache<std::string>::Loaded{std::move(uri), document->fresh_for_s};
}

using LoadedKeys = AsyncCache<KeySource::Keys>::Loaded;

Result<LoadedKeys> oidc_keys_of(const std::string& issuer, const Result<FetchedDocument>& document) {
  if (!document.ok()) return discovery_failed(issuer, document.error().message);
  if (document->status != 200) return discovery_refused(issuer, *document);
  if (document->content_type && !is_key_set(media_type(*document->content_type).essence))
    return discovery_failed(issuer, "content type of the keys " + *document->content_type);
  auto keys = parse_jwk_set(document->body);
  if (!keys) return discovery_failed(issuer, "the keys are no JWK set");
  return LoadedKeys{std::make_shared<const JwkSet>(*std::move(keys)), document->fresh_for_s};
}

// --- customJwt ---

Result<LoadedKeys> data_keys(const std::string& url) {
  auto content = data_url_content(url);
  auto keys = content ? parse_jwk_set(*content) : std::nullopt;
  if (!keys)
    return invalid_token("Invalid JWKS data URL. Check that it holds a JSON object with a list of keys.");
  return LoadedKeys{std::make_shared<const JwkSet>(*std::move(keys)), std::nullopt};
}

Result<LoadedKeys> custom_keys_of(const std::string& url, const Result<FetchedDocument>& document) {
  auto refuse = [](std::string text) {
    spdlog::warn("{}", text);
    return invalid_token(std::move(text));
  };
  auto unreachable = [&](const std::string& why) {
    return refuse("Could not fetch JWKS from URL '" + url + "': " + why +
                  ". Check that the URL is correct and accessible.");
  };
  if (!document.ok()) return unreachable(document.error().message);
  if (document->status != 200) return unreachable("status " + status_text(document->status));
  const std::string content_type = document->content_type.value_or("");
  if (MediaType type = media_type(content_type); !is_key_set(type.essence) || !type.utf8)
    return refuse("Invalid Content-Type '" + quoted(content_type) + "' when fetching JWKS from '" + url +
                  "'. Expected 'application/json' or 'application/jwk-set+json'.");
  auto keys = parse_jwk_set(document->body);
  if (!keys)
    return refuse("Invalid JWKS response body from '" + url +
                  "'. Check that it is a JSON object with a list of keys.");
  return LoadedKeys{std::make_shared<const JwkSet>(*std::move(keys)), document->fresh_for_s};
}

template <typename V>
typename AsyncCache<V>::Policy policy(const KeySource::Options& options) {
  typename AsyncCache<V>::Policy policy;
  policy.now_ns = options.now_ns;
  return policy;
}

}  // namespace

KeySource::KeySource(const Options& options)
    : jwks_uris_(policy<std::string>(options)),
      oidc_keys_(policy<Keys>(options)),
      custom_keys_(policy<Keys>(options)),
      fetcher_(options.timeout_ms) {}

void KeySource::find(const AuthProvider& provider, const std::string& issuer, bool renew, OnKeys done) {
  if (!provider.custom_jwt) {
    // A token may differ from the configuration in the slash at the end only, and an issuer cannot have two:
    // what a caller can make this server fetch is bounded.
    std::string_view bare = provider.issuer;
    while (bare.ends_with('/')) bare.remove_suffix(1);
    if (issuer != provider.issuer && issuer != bare && issuer != std::string(bare) + "/")
      return done(discovery_failed(issuer, "the issuer of the token is not the configured one"));
    return find_oidc(issuer, renew, std::move(done));
  }
  auto load = [this, url = provider.jwks](std::function<void(Result<LoadedKeys>)> loaded) {
    if (url.starts_with("data:")) return loaded(data_keys(url));
    fetcher_.get(url, [url, loaded = std::move(loaded)](const Result<FetchedDocument>& document) {
      loaded(custom_keys_of(url, document));
    });
  };
  custom_keys_.get(provider.jwks, renew, load, std::move(done));
}

void KeySource::find_oidc(const std::string& issuer, bool renew, OnKeys done) {
  auto load_uri = [this, issuer](std::function<void(Result<AsyncCache<std::string>::Loaded>)> loaded) {
    fetcher_.get(discovery_url(issuer),
                 [issuer, loaded = std::move(loaded)](const Result<FetchedDocument>& document) {
                   loaded(jwks_uri_of(issuer, document));
                 });
  };
  jwks_uris_.get(
      issuer, false, load_uri, [this, issuer, renew, done = std::move(done)](Result<std::string> uri) {
        if (!uri.ok()) return done(std::move(uri).error());
        auto load = [this, issuer, uri = *uri](std::function<void(Result<LoadedKeys>)> loaded) {
          fetcher_.get(uri, [issuer, loaded = std::move(loaded)](const Result<FetchedDocument>& document) {
            loaded(oidc_keys_of(issuer, document));
          });
        };
        oidc_keys_.get(issuer + " " + *uri, renew, load, done);
      });
}

std::optional<std::string> data_url_content(std::string_view url) {
  const size_t comma = url.find(',');
  if (!url.starts_with("data:") || comma == url.npos) return std::nullopt;
  std::string content;
  for (std::string_view rest = url.substr(comma + 1); !rest.empty();) {
    if (rest.front() != '%') {
      content += rest.front();
      rest.remove_prefix(1);
      continue;
    }
    auto byte = hex_decode(rest.substr(1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    content += *byte;
    rest.remove_prefix(3);
  }
  if (!lower_trimmed(url.substr(0, comma)).ends_with(";base64")) return content;
  std::erase_if(content, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
  while (content.size() % 4 != 0) content += '=';
  return base64_decode(content);
}

}  // namespace hull
