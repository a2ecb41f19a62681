#include "services/document_fetcher.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "base/one_shot.h"

namespace hull {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<std::string> header(const HeaderPairs& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return std::nullopt;
}

Error no_document(std::string why) { return Error::bad_request("FetchFailed", std::move(why)); }

// `location` as seen from `base`; "" if that is no http(s) URL.
std::string resolve(const std::string& base, const std::string& location) {
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  char* text = nullptr;
  if (!url || curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0) != CURLUE_OK ||
      curl_url_get(url.get(), CURLUPART_URL, &text, 0) != CURLUE_OK)
    return "";
  std::string resolved = text;
  curl_free(text);
  return resolved.starts_with("http://") || resolved.starts_with("https://") ? resolved : "";
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

// One document, over all its redirects.
class DocumentFetcher::Fetch : public std::enable_shared_from_this<Fetch> {
 public:
  Fetch(DocumentFetcher& fetcher, OnDocument done) : fetcher_(&fetcher), done_(std::move(done)) {}

  void begin(std::string url) {
    timer_ = fetcher_->timers_.after(fetcher_->timeout_ms_, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->end(no_document("no complete answer in time"));
    });
    if (!enter()) return;
    request(std::move(url));
    leave();
  }

  // The first end counts.
  void end(Result<FetchedDocument> result) {
    std::shared_ptr<OneShot> aborted;
    {
      std::lock_guard lock(mutex_);
      if (std::exchange(over_, true)) return;
      ++inside_;
      aborted = aborted_;
    }
    if (!result.ok() && aborted) aborted->fire();
    done_(std::move(result));
    fetcher_->timers_.cancel(timer_);
    leave();
  }

 private:
  // The fetcher exists until the last one that is inside has left.
  bool enter() {
    std::lock_guard lock(mutex_);
    if (over_) return false;
    ++inside_;
    return true;
  }
  void leave() {
    {
      std::lock_guard lock(mutex_);
      if (--inside_ > 0 || !over_) return;
    }
    fetcher_->forget(shared_from_this());
  }

  void request(std::string url) {
    FetchService::Request request;
    request.url = url_ = std::move(url);
    request.method = "GET";
    request.headers = {{"Accept", "application/json"}, {"User-Agent", "Convex/1.0"}};
    {
      std::lock_guard lock(mutex_);
      if (over_) return;
      aborted_ = request.aborted;
    }
    fetcher_->service_.start(std::move(request),
                             [self = shared_from_this()](Result<FetchService::Response> response) {
                               if (!self->enter()) {
                                 if (response.ok()) response->body->cancel();
                                 return;
                               }
                               self->responded(std::move(response));
                               self->leave();
                             });
  }

  void responded(Result<FetchService::Response> response) {
    if (!response.ok()) return end(std::move(response).error());
    auto location = header(response->headers, "location");
    if (is_redirect(response->status) && location) {
      response->body->cancel();
      if (++redirects_ > kMaxRedirects) return end(no_document("too many redirects"));
      std::string target = resolve(url_, *location);
      if (target.empty()) return end(no_document("a redirect to no http or https URL"));
      return request(std::move(target));
    }
    document_.status = response->status;
    document_.content_type = header(response->headers, "content-type");
    document_.fresh_for_s = freshness_s(response->headers);
    body_ = response->body;
    read();
  }

  void read() {
    body_->read([self = shared_from_this()](Result<BytePipe::Chunk> chunk) {
      if (!chunk.ok()) return self->end(std::move(chunk).error());
      if (chunk->done) return self->end(std::move(self->document_));
      self->document_.body += chunk->bytes;
      if (self->document_.body.size() > kMaxBytes) {
        self->body_->cancel();
        return self->end(no_document("the answer is too large"));
      }
      self->read();
    });
  }

  DocumentFetcher* const fetcher_;
  const OnDocument done_;
  std::atomic<Timers::Id> timer_ = 0;
  std::mutex mutex_;
  bool over_ = false;
  int inside_ = 0;                    // threads at work here
  std::shared_ptr<OneShot> aborted_;  // of the current request
  // Only touched by the request under way.
  std::string url_;
  int redirects_ = 0;
  FetchedDocument document_;
  std::shared_ptr<BytePipe> body_;
};

void DocumentFetcher::stop() {
  std::set<std::shared_ptr<Fetch>> running;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    running = running_;
  }
  for (const auto& fetch : running) fetch->end(no_document("the server is shutting down"));
  std::unique_lock lock(mutex_);
  forgotten_.wait(lock, [this] { return running_.empty(); });
}

void DocumentFetcher::forget(const std::shared_ptr<Fetch>& fetch) {
  std::lock_guard lock(mutex_);
  running_.erase(fetch);
  forgotten_.notify_all();
}

void DocumentFetcher::get(std::string url, OnDocument done) {
  auto fetch = std::make_shared<Fetch>(*this, std::move(done));
  bool stopping = false;
  {
    std::lock_guard lock(mutex_);
    running_.insert(fetch);
    stopping = stopping_;
  }
  if (stopping) return fetch->end(no_document("the server is shutting down"));
  fetch->begin(std::move(url));
}

std::optional<double> freshness_s(const HeaderPairs& headers) {
  if (auto control = header(headers, "cache-control")) {
    std::string_view rest = *control;
    std::optional<double> age;
    while (!rest.empty()) {
      const size_t comma = rest.find(',');
      const std::string directive = lower(trimmed(rest.substr(0, comma)));
      rest.remove_prefix(comma == rest.npos ? rest.size() : comma + 1);
      if (directive == "no-store" || directive == "no-cache") return 0;
      if (directive.starts_with("max-age=")) {
        std::string_view number = std::string_view(directive).substr(8);
        if (number.starts_with('"')) number.remove_prefix(1);
        age = std::strtod(std::string(number).c_str(), nullptr);
      }
    }
    if (age) {
      const double spent = std::strtod(header(headers, "age").value_or("0").c_str(), nullptr);
      return std::max(0.0, *age - spent);
    }
  }
  auto expires = header(headers, "expires");
  if (!expires) return std::nullopt;
  const time_t until = curl_getdate(expires->c_str(), nullptr);
  if (until < 0) return 0;  // "0" and the like: already stale
  auto date = header(headers, "date");
  const time_t sent = date ? curl_getdate(date->c_str(), nullptr) : -1;
  return std::max(0.0, std::difftime(until, sent < 0 ? std::time(nullptr) : sent));
}

}  // namespace hull
