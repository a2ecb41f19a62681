// LogSink: one log stream at work. Batches wait in a short queue and are posted one after the other by a
// thread of its own, with retries, so that a slow receiver holds up neither functions nor other streams
// (import-export-streams.md §15). What does not fit the queue is dropped and counted. Thread-safe; the
// destructor gives up what is under way.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "services/log_stream_format.h"

namespace hull {

class LogSink {
 public:
  struct Options {
    Value config;
    std::string deployment;
    FetchService* fetch = nullptr;  // must outlive the sink
    bool verify = false;            // prove with one event that the receiver is there, before any other
    // How the verification ended: nullopt, or the reason it failed. From the sink's thread.
    std::function<void(std::optional<std::string> failure)> verified;
  };
  explicit LogSink(Options options);
  ~LogSink();

  // Takes what the stream wants of `events`.
  void offer(const LogBatch& events);
  uint64_t delivered() const { return delivered_.load(std::memory_order_relaxed); }  // events
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  ValueView config() const { return options_.config; }

 private:
  struct Outcome {
    bool ok = false, retry = false, overloaded = false;
    std::string reason;
  };
  void run();
  bool verify();
  void deliver(const LogBatch& batch);
  // One attempt. Returns early, with `retry`, when the sink ends.
  Outcome post(const FetchService::Request& request);
  // False when the sink ends meanwhile.
  bool sleep(double seconds);

  const Options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<LogBatch> queue_;
  bool stopping_ = false;
  bool refused_ = false;              // the verification failed
  std::shared_ptr<OneShot> running_;  // aborts the request under way
  std::atomic<uint64_t> delivered_{0}, dropped_{0};
  std::thread thread_;
};

}  // namespace hull
