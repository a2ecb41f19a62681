// LogStreams: takes events from the function log and hands them to the configured streams every few seconds
// (import-export-streams.md §15). Best effort: nothing outlives a restart, and what a receiver does not take
// in time is dropped. Functions never wait for it: it reads the log from a thread of its own, and only while
// there are streams. Thread-safe.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "functions/runner.h"
#include "services/log_sink.h"

namespace hull {

struct LogStreamOptions {
  FunctionRunner* runner = nullptr;
  const Knobs* knobs = nullptr;
  std::string deployment;  // its name
  std::string local_path;  // also write every event to this file, one JSON object a line; "" = no
};

class LogStreams {
 public:
  explicit LogStreams(LogStreamOptions options);  // starts the streams of the stored rows
  ~LogStreams();

  // Brings what runs in line with the rows of `_log_sinks`. May block while a stream ends.
  void refresh();
  struct Counters {
    uint64_t delivered = 0, dropped = 0;
  };
  Counters counters(const std::string& id) const;

 private:
  void collect();
  void flush(LogBatch& events);
  std::unique_ptr<LogSink> start_sink(const DocumentId& id, ValueView row);
  void store_status(const DocumentId& id, const Value& config, const std::optional<std::string>& failure);

  const LogStreamOptions options_;
  FetchService fetch_;
  std::mutex refreshing_;  // one refresh at a time
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<DocumentId, std::shared_ptr<LogSink>> sinks_;
  bool stopping_ = false;
  std::thread collector_;
};

}  // namespace hull
