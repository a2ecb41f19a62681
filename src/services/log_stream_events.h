// What log streams deliver: events made from the function log (import-export-streams.md §15). Plain data and
// pure functions, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "functions/function_log.h"

namespace hull {

struct LogEvent {
  std::string topic;
  int64_t timestamp_ms = 0;
  // The event as members of a JSON object, without braces: "topic":...,"timestamp":...,...
  std::string members;
  // For sinks that have fields of their own for these; "" where the event is not about a function.
  std::string level;  // DEBUG INFO WARN ERROR
  std::string function_path, function_type, request_id, error, environment;
  bool cached = false;
};

// `console` events of the entry's log lines and, for a completion, one `function_execution`.
std::vector<LogEvent> events_of(const FunctionLogEntry& entry);
LogEvent verification_event();

}  // namespace hull
