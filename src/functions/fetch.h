// FetchService: the network side of fetch() in actions. One thread runs all transfers (libcurl multi).
// Redirects are the caller's business; bodies stream with back-pressure: a transfer pauses while more than a
// bounded amount is unread.
//
// Thread-safe. Callbacks run on the fetch thread and must not block. A transfer lives until its body was read
// to the end, it failed and that was reported, or cancel().
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hull {

class FetchService {
 public:
  using Id = uint64_t;
  using Headers = std::vector<std::pair<std::string, std::string>>;
  struct Request {
    std::string url, method;
    Headers headers;
    std::string body;
    bool has_body = false;
  };
  struct Response {
    int status = 0;
    std::string status_text;
    Headers headers;
  };
  struct Chunk {
    std::string bytes;
    bool done = false;  // nothing follows
  };
  using OnResponse = std::function<void(Result<Response>)>;
  using OnChunk = std::function<void(Result<Chunk>)>;

  FetchService();
  ~FetchService();  // drops what is running; callbacks still due get an error

  Id start(Request request, OnResponse on_response);
  // The next piece of the body, as soon as there is one. One read at a time per transfer.
  void read(Id id, OnChunk on_chunk);
  void cancel(Id id);

 private:
  struct Transfer;
  void run();
  void post(std::function<void()> command);
  void begin(const std::shared_ptr<Transfer>& transfer);
  void finished(Transfer& transfer, int curl_code);
  void respond(Transfer& transfer);
  void feed(Transfer& transfer);
  void drop(Id id, const Error& error);
  static size_t on_header(char* data, size_t size, size_t count, void* transfer);
  static size_t on_body(char* data, size_t size, size_t count, void* transfer);

  void* multi_ = nullptr;  // CURLM
  std::mutex mutex_;
  std::vector<std::function<void()>> commands_;
  bool stopping_ = false;
  Id next_id_ = 1;
  std::map<Id, std::shared_ptr<Transfer>> transfers_;  // fetch thread only
  std::thread thread_;
};

}  // namespace hull
