#include "functions/fetch.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <optional>

namespace hull {

namespace {

constexpr long kConnectTimeoutS = 30;
constexpr long kReceiveBuffer = 64 << 10;
constexpr std::array<std::string_view, 5> kDecoded = {"gzip", "x-gzip", "deflate", "br", "zstd"};

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
  while (!text.empty() && std::strchr("\r\n\t ", text.back())) text.remove_suffix(1);
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
  Response response;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  bool decodes = true;
  bool responded = false;
  // The body is written to the pipe piece by piece; `full` from a write until the pipe wants more.
  struct Flow {
    std::atomic<bool> full{false}, paused{false};
  };
  std::shared_ptr<Flow> flow = std::make_shared<Flow>();
  std::string upload;
  size_t upload_from = 0;
  bool upload_done = false, upload_paused = false;
  std::optional<Error> upload_error;
  char error_text[CURL_ERROR_SIZE] = {};

  ~Transfer() {
    if (easy) curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
  void set_headers();
  void set_body();
  // Both directions must be named: what is not named goes on.
  void apply_pauses() {
    curl_easy_pause(easy, (flow->paused ? CURLPAUSE_RECV : 0) | (upload_paused ? CURLPAUSE_SEND : 0));
  }
  void ask_for_upload();
  void close_upload() {
    if (request.upload) request.upload->cancel();
  }
  std::string failure_text(CURLcode code) const {
    std::string text = curl_easy_strerror(code);
    if (error_text[0] != '\0') text += std::string(": ") + error_text;
    return text;
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

void FetchService::post_to(Id id, std::function<void(Transfer&)> command) {
  post([this, id, command = std::move(command)] {
    auto it = transfers_.find(id);
    if (it != transfers_.end()) command(*it->second);
  });
}

void FetchService::start(Request request, OnResponse on_response) {
  if (local_ && local_(request, on_response)) return;
  auto transfer = std::make_shared<Transfer>();
  transfer->service = this;
  transfer->request = std::move(request);
  transfer->on_response = std::move(on_response);
  {
    std::lock_guard lock(mutex_);
    transfer->id = next_id_++;
  }
  post([this, transfer] { begin(transfer); });
  transfer->request.aborted->when_fired(
      [this, id = transfer->id] { post([this, id] { drop(id, aborted()); }); });
}

void FetchService::drop(Id id, const Error& error) {
  auto it = transfers_.find(id);
  if (it == transfers_.end()) return;
  auto transfer = it->second;
  transfers_.erase(it);
  curl_multi_remove_handle(static_cast<CURLM*>(multi_), transfer->easy);
  transfer->close_upload();
  if (auto callback = std::exchange(transfer->on_response, nullptr)) callback(error);
  if (transfer->response.body) transfer->response.body->fail(error);
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

void FetchService::Transfer::set_headers() {
  bool has_type = false, has_agent = false;
  for (const auto& [name, value] : request.headers) {
    std::string key = lower(name);
    if (key == "accept-encoding") decodes = false;
    if (key == "content-type") has_type = true;
    if (key == "user-agent") has_agent = true;
    if (key == "content-length" || key == "transfer-encoding") continue;  // follow from the body
    headers =
        curl_slist_append(headers, value.empty() ? (name + ";").c_str() : (name + ": " + value).c_str());
  }
  headers = curl_slist_append(headers, "Expect:");
  if (!has_type) headers = curl_slist_append(headers, "Content-Type:");
  if (!has_agent) headers = curl_slist_append(headers, "User-Agent: Hull");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
}

void FetchService::Transfer::set_body() {
  if (request.upload) {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);  // chunked, as the size is not known
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, &FetchService::on_upload);
    curl_easy_setopt(easy, CURLOPT_READDATA, this);
    // The upload cannot be sent again, should an idle connection turn out to be closed.
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  } else if (request.has_body) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  }
}

void FetchService::begin(const std::shared_ptr<Transfer>& transfer) {
  Transfer& t = *transfer;
  const Request& request = t.request;
  bool clean = is_clean(request.url) && is_clean(request.method);
  for (const auto& [name, value] : request.headers) clean = clean && is_clean(name) && is_clean(value);
  if (!clean || request.aborted->fired()) {
    t.close_upload();
    t.on_response(clean ? aborted() : fetch_failed("invalid characters in a request"));
    return;
  }
  CURL* easy = t.easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &t);
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, kConnectTimeoutS);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReceiveBuffer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t.error_text);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &FetchService::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &t);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &FetchService::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &t);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  t.set_headers();
  if (t.decodes) curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  t.set_body();
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
  if (t.responded) return size * count;  // trailers
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
  if (colon != text.npos) {
    t.response.headers.emplace_back(lower(text.substr(0, colon)), std::string(trim(text.substr(colon + 1))));
  }
  return size * count;
}

void FetchService::respond(Transfer& t) {
  if (std::exchange(t.responded, true)) return;
  auto& headers = t.response.headers;
  bool decoded = t.decodes && std::any_of(headers.begin(), headers.end(), [](const auto& header) {
                   return header.first == "content-encoding" &&
                          std::find(kDecoded.begin(), kDecoded.end(), lower(header.second)) != kDecoded.end();
                 });
  // They describe bytes that nobody gets to see; a response that is passed on must not carry them.
  if (decoded) {
    std::erase_if(headers, [](const auto& header) {
      return header.first == "content-encoding" || header.first == "content-length";
    });
  }
  t.response.body = std::make_shared<BytePipe>();
  t.response.body->on_cancel([this, id = t.id] { post([this, id] { drop(id, aborted()); }); });
  if (auto callback = std::exchange(t.on_response, nullptr)) callback(t.response);
}

size_t FetchService::on_body(char* data, size_t size, size_t count, void* user) {
  Transfer& t = *static_cast<Transfer*>(user);
  t.flow->paused = true;
  if (t.flow->full) return CURL_WRITEFUNC_PAUSE;
  t.flow->paused = false;
  t.flow->full = true;
  t.response.body->write(std::string(data, size * count),
                         [service = t.service, id = t.id, flow = t.flow](bool open) {
                           if (!open) return;  // on_cancel ends the transfer
                           flow->full = false;
                           if (!flow->paused) return;
                           service->post_to(id, [](Transfer& paused) {
                             paused.flow->paused = false;
                             paused.apply_pauses();
                           });
                         });
  return size * count;
}

void FetchService::Transfer::ask_for_upload() {
  request.upload->read([service = service, id = id](Result<BytePipe::Chunk> chunk) {
    service->post_to(id, [chunk = std::move(chunk)](Transfer& t) {
      if (!chunk.ok()) {
        t.upload_error = chunk.error();
      } else {
        t.upload = chunk->bytes;
        t.upload_from = 0;
        t.upload_done = chunk->done;
      }
      t.upload_paused = false;
      t.apply_pauses();
    });
  });
}

size_t FetchService::on_upload(char* into, size_t size, size_t count, void* user) {
  Transfer& t = *static_cast<Transfer*>(user);
  if (t.upload_error) return CURL_READFUNC_ABORT;
  size_t left = t.upload.size() - t.upload_from;
  if (left == 0) {
    if (t.upload_done) return 0;
    if (!std::exchange(t.upload_paused, true)) t.ask_for_upload();
    return CURL_READFUNC_PAUSE;
  }
  size_t taken = std::min(left, size * count);
  std::memcpy(into, t.upload.data() + t.upload_from, taken);
  t.upload_from += taken;
  return taken;
}

void FetchService::finished(Transfer& t, int curl_code) {
  auto code = static_cast<CURLcode>(curl_code);
  std::optional<Error> failure;
  if (t.upload_error) {
    failure = t.upload_error;
  } else if (code != CURLE_OK && !t.responded) {
    failure = fetch_failed("error sending request for url (" + t.request.url + "): " + t.failure_text(code));
  } else if (code != CURLE_OK) {
    failure =
        Error::bad_request("StreamFailed", "error reading a body from connection: " + t.failure_text(code));
  }
  if (failure) return drop(t.id, *failure);
  respond(t);
  auto transfer = transfers_.extract(t.id).mapped();
  curl_multi_remove_handle(static_cast<CURLM*>(multi_), t.easy);
  t.close_upload();
  t.response.body->finish();
}

}  // namespace hull
