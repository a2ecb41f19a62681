#include "services/log_sink.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/random.h"
#include "services/log_stream_config.h"

namespace hull {
namespace {

constexpr size_t kMaxQueue = 8;
constexpr int kAttempts = 6, kVerifyAttempts = 3;
constexpr double kRequestTimeoutS = 30, kVerifyTimeoutS = 15, kMaxBackoffS = 60;

bool is_transient(int status) {
  return status >= 500 || status == 408 || status == 421 || status == 425 || status == 429;
}

std::string_view status_text(int status) {
  switch (status) {
    case 400:
      return " Bad Request";
    case 401:
      return " Unauthorized";
    case 403:
      return " Forbidden";
    case 404:
      return " Not Found";
    case 405:
      return " Method Not Allowed";
    case 429:
      return " Too Many Requests";
    case 500:
      return " Internal Server Error";
    case 502:
      return " Bad Gateway";
    case 503:
      return " Service Unavailable";
    default:
      return "";
  }
}

}  // namespace

LogSink::LogSink(Options options) : options_(std::move(options)) {
  thread_ = std::thread([this] { run(); });
}

LogSink::~LogSink() {
  std::shared_ptr<OneShot> running;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    running = running_;
  }
  changed_.notify_all();
  if (running) running->fire();
  thread_.join();
}

void LogSink::offer(const LogBatch& events) {
  LogBatch wanted;
  for (const LogEvent& event : events) {
    if (wants_event(options_.config, event)) wanted.push_back(event);
  }
  if (wanted.empty()) return;
  {
    std::lock_guard lock(mutex_);
    if (refused_) return;
    if (queue_.size() >= kMaxQueue) {
      dropped_ += wanted.size();
      return;
    }
    queue_.push_back(std::move(wanted));
  }
  changed_.notify_all();
}

void LogSink::run() {
  if (options_.verify && !verify()) return;
  while (true) {
    LogBatch batch;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      batch = std::move(queue_.front());
      queue_.pop_front();
    }
    deliver(batch);
  }
}

bool LogSink::verify() {
  const auto began = std::chrono::steady_clock::now();
  auto requests = log_requests(options_.config, options_.deployment, {verification_event()});
  std::string reason = "the configuration cannot be used";
  for (int attempt = 0; attempt < kVerifyAttempts && !requests.empty(); ++attempt) {
    if (attempt > 0 && !sleep(0.5 * attempt)) return false;
    Outcome outcome = post(requests.front().request);
    if (outcome.ok) {
      options_.verified(std::nullopt);
      return true;
    }
    reason = outcome.reason;
    if (!outcome.retry) break;
    if (std::chrono::steady_clock::now() - began > std::chrono::duration<double>(kVerifyTimeoutS)) break;
  }
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    refused_ = true;
    queue_.clear();
  }
  options_.verified(reason);
  return false;
}

void LogSink::deliver(const LogBatch& batch) {
  for (LogRequest& each : log_requests(options_.config, options_.deployment, batch)) {
    double backoff_s = 0;
    for (int attempt = 1;; ++attempt) {
      Outcome outcome = post(each.request);
      if (outcome.ok) {
        delivered_ += each.events;
        break;
      }
      if (!outcome.retry || attempt == kAttempts) {
        dropped_ += each.events;
        spdlog::warn("log stream {}: {} events were dropped: {}", log_stream_type(options_.config),
                     each.events, outcome.reason);
        break;
      }
      backoff_s = backoff_s == 0 ? (outcome.overloaded ? 1 : 0.5) : std::min(backoff_s * 2, kMaxBackoffS);
      double jitter = 0.75 + static_cast<double>(random_u64() % 512) / 1024;
      if (!sleep(backoff_s * jitter)) return;
    }
  }
}

LogSink::Outcome LogSink::post(const FetchService::Request& request) {
  struct Answer {
    std::mutex mutex;
    std::condition_variable arrived;
    std::optional<Result<FetchService::Response>> response;
  };
  auto answer = std::make_shared<Answer>();
  FetchService::Request attempt = request;
  attempt.aborted = std::make_shared<OneShot>();
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return {false, true, false, "the stream has ended"};
    running_ = attempt.aborted;
  }
  auto aborted = attempt.aborted;
  options_.fetch->start(std::move(attempt), [answer](Result<FetchService::Response> response) {
    if (response.ok()) response->body->cancel();  // the status says all
    {
      std::lock_guard lock(answer->mutex);
      answer->response = std::move(response);
    }
    answer->arrived.notify_all();
  });
  Outcome outcome;
  {
    std::unique_lock lock(answer->mutex);
    bool in_time = answer->arrived.wait_for(lock, std::chrono::duration<double>(kRequestTimeoutS),
                                            [&] { return answer->response.has_value(); });
    if (!in_time) {
      outcome = {false, true, false, "no answer in time"};
    } else if (!answer->response->ok()) {
      outcome = {false, true, false, answer->response->error().message};
    } else {
      const int status = (*answer->response)->status;
      outcome.ok = status >= 200 && status < 400;
      outcome.retry = outcome.overloaded = is_transient(status);
      outcome.reason =
          "endpoint rejected the request with " + std::to_string(status) + std::string(status_text(status));
    }
  }
  aborted->fire();  // ends what has not answered; nothing otherwise
  std::lock_guard lock(mutex_);
  running_.reset();
  return outcome;
}

bool LogSink::sleep(double seconds) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return stopping_; });
  return !stopping_;
}

}  // namespace hull
