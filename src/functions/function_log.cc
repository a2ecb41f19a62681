#include "functions/function_log.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <list>
#include <mutex>

#include "value/json.h"

namespace hull {

namespace {

void append_optional(std::string& out, std::string_view name, const std::optional<std::string>& value) {
  out += ",\"";
  out += name;
  out += "\":";
  if (value) {
    append_json_string(*value, out);
  } else {
    out += "null";
  }
}

void append_text(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(value, out);
}

void append_number(std::string& out, std::string_view name, double value) {
  out += fmt::format(",\"{}\":{}", name, value);
}

void append_usage(std::string& out, const FunctionLogEntry& entry) {
  out += fmt::format(
      R"(,"usageStats":{{"databaseReadBytes":{0},"databaseWriteBytes":{1},"databaseIoReadBytes":{0},)"
      R"("databaseIoWriteBytes":{1},"databaseReadDocuments":{2},"databaseWriteDocuments":{3},)"
      R"("databaseWriteIndexRows":0,"storageReadBytes":0,"storageWriteBytes":0,"vectorIndexReadBytes":0,)"
      R"("vectorIndexWriteBytes":0,"textIndexQueryBytes":0,"textIndexWriteQueryBytes":0,)"
      R"("vectorIndexReadQueryBytes":0,"vectorIndexWriteQueryBytes":0,"networkEgressBytes":0,"memoryUsedMb":64}})",
      entry.read_bytes, entry.write_bytes, entry.read_documents, entry.write_documents);
}

void append_occ(std::string& out, const FunctionLogEntry& entry) {
  if (!entry.occ) {
    out += R"(,"occInfo":null)";
    return;
  }
  auto or_null = [](const std::string& text) {
    return text.empty() ? std::string("null") : json_string(text);
  };
  out += fmt::format(
      R"(,"occInfo":{{"tableName":{},"documentId":{},"writeSource":{},"componentPath":null,"retryCount":{}}})",
      or_null(entry.occ->table), or_null(entry.occ->document_id), or_null(entry.occ->source),
      entry.occ_retry_count);
}

}  // namespace

void FunctionLogEntry::append_json(std::string& out, bool structured_lines) const {
  bool completion = kind == Kind::kCompletion;
  out += completion ? R"({"kind":"Completion")" : R"({"kind":"Progress")";
  append_text(out, "udfType", udf_type_name(udf_type));
  out += R"(,"componentPath":null)";
  append_text(out, "identifier", identifier);
  append_number(out, "timestamp", timestamp_s);
  out += R"(,"logLines":[)";
  for (size_t i = 0; i < log_lines.size(); ++i) {
    if (i > 0) out += ',';
    if (structured_lines) {
      log_lines[i].append_structured_json(out);
    } else {
      append_json_string(log_lines[i].pretty(), out);
    }
  }
  out += ']';
  append_text(out, "requestId", request_id);
  append_text(out, "executionId", execution_id);
  if (completion) {
    out += cached_result ? R"(,"cachedResult":true)" : R"(,"cachedResult":false)";
    append_text(out, "caller", caller);
    append_optional(out, "parentExecutionId", parent_execution_id);
    append_number(out, "executionTime", execution_time_s);
    append_number(out, "userExecutionTime", user_execution_time_s);
    if (http_status) {
      out += fmt::format(R"(,"success":{{"status":"{}"}})", *http_status);
    } else {
      out += R"(,"success":null)";
    }
    append_optional(out, "error", error);
    append_usage(out, *this);
    if (return_bytes) {
      append_number(out, "returnBytes", static_cast<double>(*return_bytes));
    } else {
      out += R"(,"returnBytes":null)";
    }
    append_occ(out, *this);
    out += will_retry ? R"(,"willRetry":true)" : R"(,"willRetry":false)";
    append_number(out, "executionTimestamp", execution_timestamp_s);
    append_text(out, "identityType", identity_type);
    append_text(out, "environment", environment);
  }
  out += '}';
}

namespace {

class RingLog : public FunctionLog {
 public:
  RingLog(size_t max_entries, Observer observe)
      : max_completions_(std::max<size_t>(1, max_entries)), observe_(std::move(observe)) {}

  void append(FunctionLogEntry entry) override {
    if (observe_) observe_(entry);
    std::vector<std::function<void()>> ready;
    std::vector<std::shared_ptr<const FunctionLogEntry>> trimmed;  // destroyed outside the lock
    const auto added = std::make_shared<FunctionLogEntry>(std::move(entry));
    {
      std::lock_guard lock(mutex_);
      double now = unix_millis();
      last_cursor_ =
          now > last_cursor_ ? now : std::nextafter(last_cursor_, std::numeric_limits<double>::infinity());
      added->cursor = last_cursor_;
      if (added->kind == FunctionLogEntry::Kind::kCompletion) ++completions_;
      entries_.push_back(added);
      trim(trimmed);
      // Every waiter waits for something newer than what was there: any append wakes all of them.
      for (auto& weak : waiters_) {
        if (auto waiter = weak.lock()) ready.push_back(std::move(waiter->ready));
      }
      waiters_.clear();
    }
    for (auto& callback : ready) callback();
  }

  Batch read(double cursor) const override {
    std::lock_guard lock(mutex_);
    Batch batch;
    auto from = std::upper_bound(entries_.begin(), entries_.end(), cursor,
                                 [](double position, const std::shared_ptr<const FunctionLogEntry>& e) {
                                   return position < e->cursor;
                                 });
    batch.entries.assign(from, entries_.end());
    batch.new_cursor = batch.entries.empty() ? cursor : batch.entries.back()->cursor;
    return batch;
  }

  std::shared_ptr<void> wait(double cursor, std::function<void()> ready) override {
    {
      std::lock_guard lock(mutex_);
      if (entries_.empty() || entries_.back()->cursor <= cursor) {
        std::erase_if(waiters_, [](const std::weak_ptr<Waiter>& waiter) { return waiter.expired(); });
        auto waiter = std::make_shared<Waiter>(Waiter{std::move(ready)});
        waiters_.push_back(waiter);
        return waiter;
      }
    }
    ready();
    return nullptr;
  }

 private:
  struct Waiter {
    std::function<void()> ready;
  };
  static constexpr size_t kProgressPerCompletion = 20;

  void trim(std::vector<std::shared_ptr<const FunctionLogEntry>>& trimmed) {
    while (completions_ > max_completions_ || entries_.size() > max_completions_ * kProgressPerCompletion) {
      if (entries_.front()->kind == FunctionLogEntry::Kind::kCompletion) --completions_;
      trimmed.push_back(std::move(entries_.front()));
      entries_.pop_front();
    }
  }

  const size_t max_completions_;
  const Observer observe_;
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const FunctionLogEntry>> entries_;
  size_t completions_ = 0;
  double last_cursor_ = 0;
  std::vector<std::weak_ptr<Waiter>> waiters_;
};

}  // namespace

std::unique_ptr<FunctionLog> FunctionLog::create(size_t max_entries, Observer observe) {
  return std::make_unique<RingLog>(max_entries, std::move(observe));
}

}  // namespace hull
