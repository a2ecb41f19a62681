#include "functions/fetch.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <optional>

namespace hull {

namespace {

constexpr size_t kMaxUnread = 1 << 20;
constexpr size_t kMaxChunk = 256 << 10;
constexpr long kConnectTimeoutS = 30;

void init_curl() {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialized != CURLE_OK) std::abort();
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() &&
         (text.back() == '\r' || text.back() == '\n' || text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

bool is_clean(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos;
}

Error fetch_failed(std::string text) { return Error::bad_request("FetchFailed", std::move(text)); }
Error aborted() { return fetch_failed("The operation was aborted"); }

}  // namespace

struct FetchService::Transfer {
  FetchService* service = nullptr;
  Id id = 0;
  Request request;
  OnResponse on_response;
  OnChunk on_chunk;
  Response response;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  std::string unread;
  bool responded = false, paused = false, complete = false;
  std::optional<Error> failure;
  char error_text[CURL_ERROR_SIZE] = {};

  ~Transfer() {
    if (easy) curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
};

FetchService::FetchService() {
  init_curl();
  multi_ = curl_multi_init();
  thread_ = std::thread([this] { run(); });
}

FetchService::~FetchService() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  curl_multi_wakeup(static_cast<CURLM*>(multi_));
  thread_.join();
  curl_multi_cleanup(static_cast<CURLM*>(multi_));
}

void FetchService::post(std::function<void()> command) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_) commands_.push_back(std::move(command));
  }
  curl_multi_wakeup(static_cast<CURLM*>(multi_));
}

FetchService::Id FetchService::start(Request request, OnResponse on_response) {
  auto transfer = std::make_shared<Transfer>();
  transfer->service = this;
  transfer->request = std::move(request);
  transfer->on_response = std::move(on_response);
  {
    std::lock_guard lock(mutex_);
    transfer->id = next_id_++;
  }
  post([this, transfer] { begin(transfer); });
  return transfer->id;
}

void FetchService::read(Id id, OnChunk on_chunk) {
  post([this, id, on_chunk = std::move(on_chunk)]() mutable {
    auto it = transfers_.find(id);
    if (it == transfers_.end()) {
      on_chunk(Chunk{"", true});
      return;
    }
    it->second->on_chunk = std::move(on_chunk);
    feed(*it->second);
  });
}

void FetchService::cancel(Id id) {
  post([this, id] { drop(id, aborted()); });
}

void FetchService::drop(Id id, const Error& error) {
  auto it = transfers_.find(id);
  if (it == transfers_.end()) return;
  auto transfer = it->second;
  transfers_.erase(it);
  if (transfer->easy) curl_multi_remove_handle(static_cast<CURLM*>(multi_), transfer->easy);
  if (auto callback = std::exchange(transfer->on_response, nullptr)) callback(error);
  if (auto callback = std::exchange(transfer->on_chunk, nullptr)) callback(error);
}

void FetchService::run() {
  CURLM* multi = static_cast<CURLM*>(multi_);
  while (true) {
    std::vector<std::function<void()>> commands;
    bool stopping = false;
    {
      std::lock_guard lock(mutex_);
      commands.swap(commands_);
      stopping = stopping_;
    }
    for (auto& command : commands) command();
    if (stopping) break;
    int running = 0;
    curl_multi_perform(multi, &running);
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      char* owner = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
      finished(*reinterpret_cast<Transfer*>(owner), message->data.result);
    }
    curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  while (!transfers_.empty()) drop(transfers_.begin()->first, aborted());
}

void FetchService::begin(const std::shared_ptr<Transfer>& transfer) {
  Transfer& t = *transfer;
  const Request& request = t.request;
  bool clean = is_clean(request.url) && is_clean(request.method);
  for (const auto& [name, value] : request.headers) clean = clean && is_clean(name) && is_clean(value);
  if (!clean) {
    t.on_response(fetch_failed("invalid characters in a request"));
    return;
  }
  t.easy = curl_easy_init();
  bool decodes = true, has_type = false;
  for (const auto& [name, value] : request.headers) {
    std::string key = lower(name);
    if (key == "accept-encoding") decodes = false;
    if (key == "content-type") has_type = true;
    if (key == "content-length") continue;  // set from the body
    t.headers =
        curl_slist_append(t.headers, value.empty() ? (name + ";").c_str() : (name + ": " + value).c_str());
  }
  t.headers = curl_slist_append(t.headers, "Expect:");
  if (!has_type) t.headers = curl_slist_append(t.headers, "Content-Type:");

  CURL* easy = t.easy;
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &t);
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, kConnectTimeoutS);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t.headers);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t.error_text);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &FetchService::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &t);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &FetchService::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &t);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (decodes) curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  if (request.has_body) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  }
  if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  transfers_[t.id] = transfer;
  curl_multi_add_handle(static_cast<CURLM*>(multi_), easy);
}

size_t FetchService::on_header(char* data, size_t size, size_t count, void* user) {
  Transfer& t = *static_cast<Transfer*>(user);
  std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) {
    t.response = {};
    size_t space = line.find(' ');
    if (space != line.npos) t.response.status = std::atoi(std::string(line.substr(space + 1, 3)).c_str());
    return size * count;
  }
  std::string_view text = trim(line);
  if (text.empty()) {
    if (t.response.status >= 200) t.service->respond(t);
    return size * count;
  }
  size_t colon = text.find(':');
  if (colon != text.npos && !t.responded) {
    t.response.headers.emplace_back(lower(text.substr(0, colon)), std::string(trim(text.substr(colon + 1))));
  }
  return size * count;
}

size_t FetchService::on_body(char* data, size_t size, size_t count, void* user) {
  Transfer& t = *static_cast<Transfer*>(user);
  if (t.unread.size() > kMaxUnread) {
    t.paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  t.unread.append(data, size * count);
  // Handing out here would let a callback end the transfer inside libcurl's own call.
  if (t.on_chunk) {
    t.service->post([service = t.service, id = t.id] {
      auto it = service->transfers_.find(id);
      if (it != service->transfers_.end()) service->feed(*it->second);
    });
  }
  return size * count;
}

void FetchService::respond(Transfer& t) {
  if (std::exchange(t.responded, true)) return;
  if (auto callback = std::exchange(t.on_response, nullptr)) callback(t.response);
}

void FetchService::finished(Transfer& t, int curl_code) {
  curl_multi_remove_handle(static_cast<CURLM*>(multi_), t.easy);
  t.complete = true;
  if (curl_code != CURLE_OK) {
    std::string text = curl_easy_strerror(static_cast<CURLcode>(curl_code));
    if (t.error_text[0] != '\0') text += std::string(": ") + t.error_text;
    t.failure = fetch_failed("error sending request for url (" + t.request.url + "): " + text);
    if (!t.responded) {
      drop(t.id, *t.failure);
      return;
    }
  } else {
    respond(t);
  }
  feed(t);
}

void FetchService::feed(Transfer& t) {
  if (!t.on_chunk) return;
  if (!t.unread.empty()) {
    Chunk chunk;
    if (t.unread.size() <= kMaxChunk) {
      chunk.bytes.swap(t.unread);
    } else {
      chunk.bytes = t.unread.substr(0, kMaxChunk);
      t.unread.erase(0, kMaxChunk);
    }
    if (t.paused && t.unread.size() <= kMaxUnread / 2 && !t.complete) {
      t.paused = false;
      curl_easy_pause(t.easy, CURLPAUSE_CONT);
    }
    if (auto callback = std::exchange(t.on_chunk, nullptr)) callback(std::move(chunk));
    return;
  }
  if (!t.complete) return;
  auto callback = std::exchange(t.on_chunk, nullptr);
  std::optional<Error> failure = t.failure;
  transfers_.erase(t.id);  // ends `t`
  if (failure) {
    callback(*failure);
  } else {
    callback(Chunk{"", true});
  }
}

}  // namespace hull
