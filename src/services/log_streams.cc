#include "services/log_streams.h"

#include <chrono>
#include <fstream>

#include "base/log.h"
#include "base/time.h"
#include "database/transact.h"
#include "services/json_fields.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr std::string_view kTable = "_log_sinks";
constexpr size_t kFlushEvents = 4096;
constexpr double kFlushMs = 5000;
// The function log holds few entries, so it is read often.
constexpr std::chrono::milliseconds kReadInterval{50};

Value with_status(ValueView row, const std::optional<std::string>& failure) {
  ValueBuilder b;
  b.begin_object();
  for (size_t i = 0; i < row.count(); ++i) {
    auto [name, value] = row.field(i);
    if (name != "status" && !name.starts_with('_')) b.key(name).value(value);
  }
  b.key("status").begin_object().key("type").string(failure ? "failed" : "active");
  if (failure) b.key("reason").string(*failure);
  b.end().end();
  return b.finish();
}

}  // namespace

LogStreams::LogStreams(LogStreamOptions options) : options_(std::move(options)) {
  refresh();
  collector_ = std::thread([this] { collect(); });
}

LogStreams::~LogStreams() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  collector_.join();
}

void LogStreams::refresh() {
  std::lock_guard one_at_a_time(refreshing_);
  std::vector<std::shared_ptr<LogSink>> ended;  // destroyed outside the lock: that waits for their threads
  std::map<DocumentId, std::shared_ptr<LogSink>> next;
  auto catalog = options_.runner->engine().snapshot()->catalog();
  for (const DocumentPtr& row : catalog->system_rows(kTable)) {
    auto config = row->value->find("config"), status = row->value->find("status");
    if (!config || !status || json::text_or_empty(*status, "type") == "failed") continue;
    std::shared_ptr<LogSink> running;
    {
      std::lock_guard lock(mutex_);
      if (auto it = sinks_.find(row->id); it != sinks_.end()) running = it->second;
    }
    const bool same = running && running->config().packed() == config->packed();
    next[row->id] = same ? running : start_sink(row->id, row->value);
  }
  {
    std::lock_guard lock(mutex_);
    for (auto& [id, sink] : sinks_) ended.push_back(std::move(sink));
    sinks_ = std::move(next);
  }
  changed_.notify_all();
}

std::unique_ptr<LogSink> LogStreams::start_sink(const DocumentId& id, ValueView row) {
  LogSink::Options sink;
  sink.config = Value::copy_of(*row.find("config"));
  sink.deployment = options_.deployment;
  sink.fetch = &fetch_;
  sink.verify = json::text_or_empty(*row.find("status"), "type") == "pending";
  sink.verified = [this, id, config = sink.config](std::optional<std::string> failure) {
    store_status(id, config, failure);
  };
  return std::make_unique<LogSink>(std::move(sink));
}

void LogStreams::store_status(const DocumentId& id, const Value& config,
                              const std::optional<std::string>& failure) {
  auto stored = transact(options_.runner->engine(), *options_.knobs, "_system/log_stream_status",
                         [&](Transaction& transaction) -> Result<void> {
                           for (const DocumentPtr& row : transaction.system_rows(kTable)) {
                             auto now = row->value->find("config");
                             if (row->id != id || !now || now->packed() != config.packed()) continue;
                             return transaction.system_replace(id, with_status(row->value, failure));
                           }
                           return {};  // deleted or changed meanwhile
                         });
  if (!stored.ok()) spdlog::warn("the state of a log stream was not stored: {}", stored.error().message);
}

LogStreams::Counters LogStreams::counters(const std::string& id) const {
  std::lock_guard lock(mutex_);
  for (const auto& [each, sink] : sinks_) {
    if (each.text() == id) return {sink->delivered(), sink->dropped()};
  }
  return {};
}

void LogStreams::collect() {
  FunctionLog& log = options_.runner->log();
  LogBatch events;
  double cursor = unix_millis(), flushed_ms = cursor;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      auto wanted = [this] { return !sinks_.empty() || !options_.local_path.empty(); };
      if (!wanted()) {
        changed_.wait(lock, [&] { return stopping_ || wanted(); });
        cursor = flushed_ms = unix_millis();
      } else {
        changed_.wait_for(lock, kReadInterval, [this] { return stopping_; });
      }
      if (stopping_) break;
    }
    FunctionLog::Batch batch = log.read(cursor);
    cursor = batch.new_cursor;
    for (const auto& entry : batch.entries) {
      for (LogEvent& event : events_of(*entry)) events.push_back(std::move(event));
    }
    const double now_ms = unix_millis();
    if (events.size() < kFlushEvents && now_ms - flushed_ms < kFlushMs) continue;
    flushed_ms = now_ms;
    flush(events);
  }
  flush(events);
}

void LogStreams::flush(LogBatch& events) {
  std::vector<std::shared_ptr<LogSink>> sinks;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, sink] : sinks_) sinks.push_back(sink);
  }
  for (const auto& sink : sinks) sink->offer(events);
  if (!options_.local_path.empty() && !events.empty()) {
    std::ofstream file(options_.local_path, std::ios::app | std::ios::binary);
    for (const LogEvent& event : events) file << event_json(event, options_.deployment) << '\n';
    file.flush();
    if (!file) spdlog::warn("cannot write log events to {}", options_.local_path);
  }
  events.clear();
}

}  // namespace hull
