// FetchService: the network side of fetch() in actions. One thread runs all transfers (libcurl multi).
// Redirects are the caller's business; bodies stream both ways with back-pressure. Requests to the
// deployment's own origins can be answered in this process.
//
// Thread-safe. Callbacks run on the fetch thread or the thread that aborts, and must not block. A transfer
// ends when its body was received, when it failed, when the response's body is cancelled, or when it is
// aborted.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/byte_pipe.h"
#include "base/one_shot.h"
#include "functions/http_headers.h"

namespace hull {

class FetchService {
 public:
  struct Request {
    std::string url, method;
    HeaderPairs headers;
    bool has_body = false;
    std::string body;
    std::shared_ptr<BytePipe> upload;  // a body of unknown length, instead of `body`
    std::shared_ptr<OneShot> aborted = std::make_shared<OneShot>();
  };
  struct Response {
    int status = 0;
    HeaderPairs headers;  // lower-case names
    std::shared_ptr<BytePipe> body;
  };
  // Called once: errors are FetchFailed. Later failures of the body are StreamFailed.
  using OnResponse = std::function<void(Result<Response>)>;
  // Takes a request (moves from its arguments and returns true) or leaves it to the network.
  using Local = std::function<bool(Request&, OnResponse&)>;

  FetchService();
  ~FetchService();  // drops what is running; callbacks still due get an error

  // Call before the first request.
  void answer_locally(Local local) { local_ = std::move(local); }
  void start(Request request, OnResponse on_response);

 private:
  struct Transfer;
  using Id = uint64_t;
  void run();
  void post(std::function<void()> command);
  // Runs `command` on the fetch thread if the transfer still exists.
  void post_to(Id id, std::function<void(Transfer&)> command);
  void begin(const std::shared_ptr<Transfer>& transfer);
  void finished(Transfer& transfer, int curl_code);
  void respond(Transfer& transfer);
  void drop(Id id, const Error& error);
  static size_t on_header(char* data, size_t size, size_t count, void* transfer);
  static size_t on_body(char* data, size_t size, size_t count, void* transfer);
  static size_t on_upload(char* into, size_t size, size_t count, void* transfer);

  Local local_;
  void* multi_ = nullptr;  // CURLM
  std::mutex mutex_;
  std::vector<std::function<void()>> commands_;
  bool stopping_ = false;
  Id next_id_ = 1;
  std::map<Id, std::shared_ptr<Transfer>> transfers_;  // fetch thread only
  std::thread thread_;
};

}  // namespace hull
