// KeySource: the keys that verify user tokens, from the documents of their issuers (auth-and-node.md §2):
// discovery and key sets over HTTP, cached as their headers allow, and `data:` URLs.
//
// Thread-safe. Callbacks run before find() returns if the keys are known, else on a thread of the fetcher;
// they must not block. stop() and the destructor answer those who still wait with an error.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "services/async_cache.h"
#include "services/auth_providers.h"
#include "services/document_fetcher.h"
#include "services/jwk.h"

namespace hull {

class KeySource {
 public:
  using Keys = std::shared_ptr<const JwkSet>;
  using OnKeys = std::function<void(Result<Keys>)>;

  struct Options {
    double timeout_ms = DocumentFetcher::kTimeoutMs;
    std::function<int64_t()> now_ns;  // monotonic
  };
  explicit KeySource(const Options& options);

  // Call before the first find().
  void answer_locally(FetchService::Local local) { fetcher_.answer_locally(std::move(local)); }

  void stop() { fetcher_.stop(); }

  // `issuer`: the token's, as the token has it. `renew`: none of the keys that are known has signed a token;
  // they are fetched again, but not too often. Errors are those of §2's second table.
  void find(const AuthProvider& provider, const std::string& issuer, bool renew, OnKeys done);

 private:
  void find_oidc(const std::string& issuer, bool renew, OnKeys done);

  AsyncCache<std::string> jwks_uris_;  // by issuer
  AsyncCache<Keys> oidc_keys_;         // by issuer and URL
  AsyncCache<Keys> custom_keys_;       // by URL
  DocumentFetcher fetcher_;            // destroyed first: ends all loads
};

// The content of a `data:` URL; nullopt if it is malformed.
std::optional<std::string> data_url_content(std::string_view url);

}  // namespace hull
