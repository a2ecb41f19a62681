// Parsing of a function call over HTTP and rendering of its outcome (http-api.md §4.1-§4.4). Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "functions/query_cache.h"
#include "server/client_version.h"
#include "server/http_types.h"
#include "value/json.h"

namespace hull {

struct HttpCall {
  FunctionPath path;
  Value args;             // array of positional arguments
  std::string args_json;  // canonical
  std::string component_path;
  JsonFormat format = JsonFormat::kClean;
  std::optional<std::string> bad_args;  // arguments are no Convex value: a function error, not an HTTP error
};

// `format` as sent, else the default of the client's version. Error 400 BadFormat.
Result<JsonFormat> parse_format(std::optional<std::string_view> format, const ClientVersion& client);
// Sets args, args_json or bad_args (which names the path) from raw JSON: an array is the argument list,
// anything else is wrapped.
void set_call_args(HttpCall& call, std::string_view args_json);
// {path, args, format?, componentPath?}.
Result<HttpCall> parse_http_call(std::string_view body, const ClientVersion& client);

// Bodies of §4.2.
std::string render_success(ValueView value, const std::vector<LogLine>& log_lines, JsonFormat format,
                           bool redact);
std::string render_failure(const FunctionError& error, std::string_view request_id,
                           const std::vector<LogLine>& log_lines, JsonFormat format, bool redact);
// The response to a finished call. `deterministic_is_200`: errors of class 400/401/403/409 raised while
// running become the normal body (query, mutation, function), else an HTTP error (action).
HttpResponse render_result(const FunctionResult& result, std::string_view request_id, JsonFormat format,
                           bool redact, bool deterministic_is_200);
// The body for a query, or the error that makes it an HTTP error.
Result<std::string> render_query(const QueryOutcome& outcome, std::string_view request_id, JsonFormat format,
                                 bool redact);

}  // namespace hull
