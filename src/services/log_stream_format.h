// How each type of log stream is spoken to: batches of events as HTTP requests (import-export-streams.md
// §15). Pure functions, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "functions/fetch.h"
#include "services/log_stream_events.h"
#include "value/value.h"

namespace hull {

using LogBatch = std::vector<LogEvent>;

// Whether a stream with this config gets the event.
bool wants_event(ValueView config, const LogEvent& event);

// The requests that deliver `batch`, each within what its receiver takes at once, with the number of events
// in it.
struct LogRequest {
  FetchService::Request request;
  size_t events = 0;
};
std::vector<LogRequest> log_requests(ValueView config, const std::string& deployment, const LogBatch& batch);

// One event as the JSON object webhooks get.
std::string event_json(const LogEvent& event, const std::string& deployment);

}  // namespace hull
