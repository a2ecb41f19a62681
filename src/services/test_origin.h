// For the tests of this room: answers to requests that would go to other servers.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "functions/fetch.h"

namespace hull {

class TestOrigin {
 public:
  struct Answer {
    int status = 200;
    HeaderPairs headers;
    std::string body;
    bool hangs = false;  // until release()
  };

  void set(const std::string& url, Answer answer) {
    std::lock_guard lock(mutex_);
    answers_[url] = std::move(answer);
  }
  void set_json(const std::string& url, std::string body, std::string cache_control = "max-age=60") {
    set(url, {200,
              {{"content-type", "application/json"}, {"cache-control", std::move(cache_control)}},
              std::move(body)});
  }
  void remove(const std::string& url) {
    std::lock_guard lock(mutex_);
    answers_.erase(url);
  }
  // Answers the requests that hang.
  void release() {
    std::vector<std::pair<Answer, FetchService::OnResponse>> held;
    {
      std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (auto& [answer, respond] : held) send(answer, respond);
  }
  std::vector<std::string> requested() {
    std::lock_guard lock(mutex_);
    return std::exchange(requested_, {});
  }
  FetchService::Request last_request() {
    std::lock_guard lock(mutex_);
    return last_;
  }

  // URLs without an answer fail as an unreachable server does.
  FetchService::Local local() {
    return [this](FetchService::Request& request, FetchService::OnResponse& respond) {
      std::optional<Answer> answer;
      {
        std::lock_guard lock(mutex_);
        requested_.push_back(request.url);
        last_ = request;
        if (auto it = answers_.find(request.url); it != answers_.end()) answer = it->second;
        if (answer && answer->hangs) {
          held_.emplace_back(*answer, std::move(respond));
          return true;
        }
      }
      if (answer) {
        send(*answer, respond);
      } else {
        respond(Error::bad_request("FetchFailed", "connection refused"));
      }
      return true;
    };
  }

 private:
  static void send(const Answer& answer, const FetchService::OnResponse& respond) {
    FetchService::Response response;
    response.status = answer.status;
    response.headers = answer.headers;
    response.body = std::make_shared<BytePipe>();
    response.body->write(answer.body, [](bool) {});
    response.body->finish();
    respond(std::move(response));
  }

  std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::vector<std::string> requested_;
  FetchService::Request last_;
  std::vector<std::pair<Answer, FetchService::OnResponse>> held_;
};

}  // namespace hull
