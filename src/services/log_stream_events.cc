#include "services/log_stream_events.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>

#include "base/time.h"
#include "value/json.h"

namespace hull {
namespace {

std::string_view type_name(UdfType type) {
  switch (type) {
    case UdfType::kQuery:
      return "query";
    case UdfType::kMutation:
      return "mutation";
    case UdfType::kAction:
      return "action";
    case UdfType::kHttpAction:
      break;
  }
  return "http_action";
}

std::string_view run_reason(std::string_view caller) {
  if (caller == "SyncWorker") return "webSocket";
  if (caller == "HttpEndpoint") return "httpEndpoint";
  if (caller == "Cron") return "cron";
  if (caller == "Scheduler") return "scheduler";
  if (caller == "Action") return "action";
  if (caller == "Tester") return "tester";
  return "httpApi";
}

std::string text_or_null(const std::string& text) { return text.empty() ? "null" : json_string(text); }

std::string function_json(const FunctionLogEntry& entry) {
  const bool query = entry.udf_type == UdfType::kQuery, mutation = entry.udf_type == UdfType::kMutation;
  return fmt::format(R"({{"path":{},"type":"{}","cached":{},"request_id":{},"mutation_queue_length":null,)"
                     R"("mutation_retry_count":{}}})",
                     json_string(entry.identifier), type_name(entry.udf_type),
                     query ? (entry.cached_result ? "true" : "false") : "null", json_string(entry.request_id),
                     mutation ? std::to_string(entry.occ_retry_count) : "null");
}

// Storage and search do not exist yet, so nothing of theirs is used.
std::string usage_json(const FunctionLogEntry& entry) {
  const bool action = entry.udf_type == UdfType::kAction || entry.udf_type == UdfType::kHttpAction;
  return fmt::format(
      R"({{"database_read_bytes":{0},"database_write_bytes":{1},"database_io_read_bytes":{0},)"
      R"("database_io_write_bytes":{1},"database_read_documents":{2},"database_write_documents":{3},)"
      R"("file_storage_read_bytes":0,"file_storage_write_bytes":0,"vector_storage_read_bytes":0,)"
      R"("vector_storage_write_bytes":0,"text_search_query_bytes":0,"text_search_write_query_bytes":0,)"
      R"("vector_search_query_bytes":0,"vector_search_write_query_bytes":0,"network_egress_bytes":0,)"
      R"("memory_used_mb":64,"action_memory_used_mb":{4},"audit_log_egress_bytes":0,)"
      R"("function_args_bytes":null,"function_returns_bytes":{5}}})",
      entry.read_bytes, entry.write_bytes, entry.read_documents, entry.write_documents,
      action ? "64" : "null", entry.return_bytes ? std::to_string(*entry.return_bytes) : "null");
}

std::string occ_json(const FunctionLogEntry& entry) {
  if (!entry.occ) return "null";
  return fmt::format(R"({{"table_name":{},"document_id":{},"write_source":{},"retry_count":{}}})",
                     text_or_null(entry.occ->table), text_or_null(entry.occ->document_id),
                     text_or_null(entry.occ->source), entry.occ_retry_count);
}

LogEvent about_function(const FunctionLogEntry& entry, std::string_view topic, double timestamp_ms) {
  LogEvent event;
  event.topic = topic;
  event.timestamp_ms = static_cast<int64_t>(std::floor(timestamp_ms));
  event.function_path = entry.identifier;
  event.function_type = type_name(entry.udf_type);
  event.request_id = entry.request_id;
  event.environment = entry.environment;
  event.cached = entry.cached_result;
  event.members = fmt::format(R"("topic":"{}","timestamp":{},"function":{})", topic, event.timestamp_ms,
                              function_json(entry));
  return event;
}

LogEvent console_event(const FunctionLogEntry& entry, const LogLine& line) {
  LogEvent event = about_function(entry, "console", line.timestamp_ms);
  std::string message;
  for (const std::string& each : line.messages) {
    if (!message.empty()) message += ' ';
    message += each;
  }
  event.level = line.level == "LOG" ? "INFO" : line.level;
  event.members += fmt::format(R"(,"log_level":{},"message":{},"is_truncated":{},"system_code":{})",
                               json_string(line.level), json_string(message),
                               line.truncated ? "true" : "false", text_or_null(line.system_code));
  return event;
}

LogEvent execution_event(const FunctionLogEntry& entry) {
  LogEvent event = about_function(entry, "function_execution", entry.timestamp_s * 1000);
  event.level = entry.error ? "ERROR" : "INFO";
  event.error = entry.error.value_or("");
  const double user_ms = entry.user_execution_time_s * 1000;
  event.members += fmt::format(
      R"(,"execution_time_ms":{},"user_execution_time_ms":{},"status":"{}","error_message":{},"occ_info":{},)"
      R"("will_retry":{},"scheduler_info":null,"run_reason":"{}","usage":{})",
      std::round(entry.execution_time_s * 1000),
      entry.cached_result ? "null" : fmt::format("{:.3f}", user_ms), entry.error ? "failure" : "success",
      entry.error ? json_string(*entry.error) : "null", occ_json(entry), entry.will_retry ? "true" : "false",
      run_reason(entry.caller), usage_json(entry));
  return event;
}

}  // namespace

std::vector<LogEvent> events_of(const FunctionLogEntry& entry) {
  std::vector<LogEvent> events;
  for (const LogLine& line : entry.log_lines) events.push_back(console_event(entry, line));
  if (entry.kind == FunctionLogEntry::Kind::kCompletion) events.push_back(execution_event(entry));
  return events;
}

LogEvent verification_event() {
  LogEvent event;
  event.topic = "verification";
  event.timestamp_ms = static_cast<int64_t>(unix_millis());
  event.level = "INFO";
  event.members = fmt::format(R"("topic":"verification","timestamp":{},"message":"Convex connection test")",
                              event.timestamp_ms);
  return event;
}

}  // namespace hull
