#include "server/sync_query.h"

#include "value/json.h"

namespace hull {

std::string failure_text(std::string_view request_id, std::string_view text, bool redact) {
  return FunctionError{std::string(text), std::nullopt}.client_text(request_id, redact);
}

void append_query_result(OutgoingMessage& message, uint32_t query_id, const CachedQuery& entry, bool redact) {
  std::string& out = message.own();
  out += entry.ok() ? "{\"type\":\"QueryUpdated\",\"queryId\":" : "{\"type\":\"QueryFailed\",\"queryId\":";
  out += std::to_string(query_id);
  if (entry.ok()) {
    out += ",\"value\":";
    message.append_shared(entry.value_text());
  } else {
    out += ",\"errorMessage\":";
    append_json_string(entry.error().client_text(entry.request_id(), redact), out);
    if (entry.error().data_json) {
      out += ",\"errorData\":";
      out += *entry.error().data_json;
    }
  }
  out += ",\"logLines\":";
  out += redact || entry.log_lines_json().empty() ? "[]" : entry.log_lines_json();
  out += ",\"journal\":";
  if (entry.journal()) {
    append_json_string(*entry.journal(), out);
  } else {
    out += "null";
  }
  out += '}';
}

void append_query_failure(OutgoingMessage& message, uint32_t query_id, std::string_view text,
                          std::string_view request_id, bool redact) {
  std::string& out = message.own();
  out += "{\"type\":\"QueryFailed\",\"queryId\":" + std::to_string(query_id) + ",\"errorMessage\":";
  append_json_string(failure_text(request_id, text, redact), out);
  out += ",\"logLines\":[],\"journal\":null}";
}

void append_query_removed(OutgoingMessage& message, uint32_t query_id) {
  message.own() += "{\"type\":\"QueryRemoved\",\"queryId\":" + std::to_string(query_id) + '}';
}

}  // namespace hull
