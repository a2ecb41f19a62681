#include "services/token_verifier.h"

#include "base/digest.h"
#include "services/token_rules.h"

namespace hull {

struct TokenVerifier::Request {
  std::string token;
  Jwt jwt;
  AuthProvider provider;
  std::string memory_key;
  OnIdentity done;
};

TokenVerifier::TokenVerifier(Options options)
    : options_(std::move(options)), keys_({options_.key_timeout_ms, options_.now_monotonic_ns}) {}

void TokenVerifier::verify(std::string_view token, OnIdentity done) {
  auto jwt = Jwt::parse(token);
  if (!jwt)
    return done(
        invalid_token("Could not parse JWT payload. Check that the token is a valid JWT format with three "
                      "base64-encoded parts separated by dots."));
  auto provider = provider_for(*jwt, options_.providers(), options_.redact);
  if (!provider.ok()) return done(std::move(provider).error());
  std::string memory_key = sha256(provider->json() + "\n" + std::string(token));
  if (auto identity = remembered(memory_key)) return done(std::move(identity));
  if (auto refusal = refused_without_keys(*jwt, *provider)) return done(*std::move(refusal));
  auto request = std::make_shared<Request>(Request{std::string(token), *std::move(jwt), *std::move(provider),
                                                   std::move(memory_key), std::move(done)});
  keys_.find(request->provider, request->jwt.issuer(), false,
             [this, request](const Result<KeySource::Keys>& keys) { with_keys(request, false, keys); });
}

void TokenVerifier::with_keys(const RequestPtr& request, bool renewed, const Result<KeySource::Keys>& keys) {
  if (!keys.ok()) return request->done(keys.error());
  Verification verification = verify_token(request->jwt, request->provider, **keys, now_unix_s());
  if (verification.unknown_key && !renewed) {
    return keys_.find(
        request->provider, request->jwt.issuer(), true,
        [this, request](const Result<KeySource::Keys>& newer) { with_keys(request, true, newer); });
  }
  if (!verification.token.ok()) return request->done(std::move(verification.token).error());
  auto identity = Identity::user(std::move(verification.token->user), verification.token->expires_unix_s,
                                 std::move(request->token));
  remember(request->memory_key, identity);
  request->done(std::move(identity));
}

IdentityPtr TokenVerifier::remembered(const std::string& key) {
  std::lock_guard lock(mutex_);
  auto it = remembered_.find(key);
  if (it == remembered_.end()) return nullptr;
  if (options_.now_monotonic_ns() >= it->second.until_ns ||
      now_unix_s() >= it->second.identity->expires_unix_s) {
    by_age_.erase(it->second.place);
    remembered_.erase(it);
    return nullptr;
  }
  return it->second.identity;
}

void TokenVerifier::remember(const std::string& key, const IdentityPtr& identity) {
  std::lock_guard lock(mutex_);
  auto [it, inserted] = remembered_.try_emplace(key);
  if (inserted) it->second.place = by_age_.insert(by_age_.end(), key);
  it->second.identity = identity;
  it->second.until_ns = options_.now_monotonic_ns() + kRememberedNs;
  if (remembered_.size() <= kMaxRemembered) return;
  remembered_.erase(by_age_.front());
  by_age_.pop_front();
}

}  // namespace hull
