// Small documents over HTTP: the discovery documents and key sets of issuers (auth-and-node.md §2). Follows
// redirects, limits time and size. Requests to the deployment's own origins can be answered in this process;
// they carry no credentials, so answering one never leads to another.
//
// Thread-safe. Callbacks run once, on a thread of the fetcher or of whoever answers in process, and must not
// block or destroy the fetcher. stop() and the destructor end what is under way with an error.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "functions/fetch.h"
#include "functions/timers.h"

namespace hull {

struct FetchedDocument {
  int status = 0;
  std::optional<std::string> content_type;
  std::string body;
  std::optional<double> fresh_for_s;  // by Cache-Control or Expires; absent: nothing is said
};

class DocumentFetcher {
 public:
  using OnDocument = std::function<void(Result<FetchedDocument>)>;
  static constexpr double kTimeoutMs = 10'000;
  static constexpr size_t kMaxBytes = 1 << 20;
  static constexpr int kMaxRedirects = 10;

  explicit DocumentFetcher(double timeout_ms = kTimeoutMs) : timeout_ms_(timeout_ms) {}
  ~DocumentFetcher() { stop(); }

  // Call before the first get().
  void answer_locally(FetchService::Local local) { service_.answer_locally(std::move(local)); }
  // Errors (no answer, not in time, too large, too many redirects) say why and carry no code of the spec.
  void get(std::string url, OnDocument done);
  void stop();

 private:
  class Fetch;
  void forget(const std::shared_ptr<Fetch>& fetch);

  const double timeout_ms_;
  std::mutex mutex_;
  std::condition_variable forgotten_;
  std::set<std::shared_ptr<Fetch>> running_;
  bool stopping_ = false;
  FetchService service_;
  Timers timers_;
};

// How long the answer with these headers (names in lower case) may be reused.
std::optional<double> freshness_s(const HeaderPairs& headers);

}  // namespace hull
