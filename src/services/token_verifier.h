// TokenVerifier: the identity behind a user's token (auth-and-node.md §2), asynchronously, because the keys
// of its issuer may have to be fetched first. Accepted tokens are remembered, so that clients which come back
// all at once cost nothing.
//
// Thread-safe. Callbacks run before verify() returns if nothing has to be fetched, else on another thread;
// they must not block. stop() and the destructor answer those who still wait with an error.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "functions/identity.h"
#include "services/auth_providers.h"
#include "services/jwt.h"
#include "services/key_source.h"

namespace hull {

class TokenVerifier {
 public:
  using OnIdentity = std::function<void(Result<IdentityPtr>)>;

  struct Options {
    std::function<std::vector<AuthProvider>()> providers;  // configured now
    bool redact = false;                                   // refusals do not list the providers
    std::function<int64_t()> now_unix_ns, now_monotonic_ns;
    double key_timeout_ms = DocumentFetcher::kTimeoutMs;
  };
  explicit TokenVerifier(Options options);

  // Call before the first verify().
  void answer_locally(FetchService::Local local) { keys_.answer_locally(std::move(local)); }
  void stop() { keys_.stop(); }
  void verify(std::string_view token, OnIdentity done);

  static constexpr size_t kMaxRemembered = 10'000;
  // A key that was withdrawn stops counting after this time, whatever the tokens' expiry.
  static constexpr int64_t kRememberedNs = 300'000'000'000;

 private:
  struct Request;
  using RequestPtr = std::shared_ptr<Request>;
  void with_keys(const RequestPtr& request, bool renewed, const Result<KeySource::Keys>& keys);
  IdentityPtr remembered(const std::string& key);
  void remember(const std::string& key, const IdentityPtr& identity);
  int64_t now_unix_s() const { return options_.now_unix_ns() / 1'000'000'000; }

  struct Remembered {
    IdentityPtr identity;
    int64_t until_ns = 0;  // monotonic
    std::list<std::string>::iterator place;
  };
  const Options options_;
  std::mutex mutex_;
  std::map<std::string, Remembered> remembered_;  // by a hash of token and provider
  std::list<std::string> by_age_;                 // oldest first
  KeySource keys_;                                // destroyed first: answers who waits
};

}  // namespace hull
