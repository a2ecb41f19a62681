#include "server/function_call.h"

#include "server/context.h"

namespace hull {
namespace {

void append_log_lines(std::string& out, const std::vector<LogLine>& lines, bool redact) {
  if (lines.empty() || redact) return;
  out += ",\"logLines\":[";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(lines[i].pretty(), out);
  }
  out += ']';
}

}  // namespace

Result<JsonFormat> parse_format(std::optional<std::string_view> format, const ClientVersion& client) {
  if (!format) return client.default_format_is_encoded() ? JsonFormat::kConvex : JsonFormat::kClean;
  if (*format == "convex_encoded_json" || *format == "convex_json") return JsonFormat::kConvex;
  if (*format == "json" || *format == "convex_clean_json") return JsonFormat::kClean;
  if (*format == "export_json") return JsonFormat::kExport;
  return Error::bad_request("BadFormat", "format param must be one of [`json`]. Got " + std::string(*format));
}

void set_call_args(HttpCall& call, std::string_view args_json) {
  std::string_view text = args_json;
  while (!text.empty() &&
         (text.front() == ' ' || text.front() == '\n' || text.front() == '\r' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  std::string list = text.starts_with('[') ? std::string(text) : "[" + std::string(text) + "]";
  auto value = parse_convex_json(list);
  if (!value.ok()) {
    call.bad_args = "Invalid arguments for " + call.path.canonical() + ": " +
                    std::string(value.error().public_message()) + "\n";
    return;
  }
  call.args = std::move(*value);
  call.args_json = to_json(call.args);
}

Result<HttpCall> parse_http_call(std::string_view body, const ClientVersion& client) {
  auto bad = [](std::string detail) {
    return Error::bad_request("BadJsonBody", "Failed to deserialize the JSON body: " + std::move(detail));
  };
  auto members = split_json_object(body);
  if (!members.ok()) return bad(members.error().message);
  std::optional<std::string> path, args, format;
  HttpCall call;
  for (auto& [name, raw] : *members) {
    if (raw == "null" && name != "args") continue;
    if (name == "args") {
      args = std::move(raw);
      continue;
    }
    if (name != "path" && name != "format" && name != "componentPath") continue;
    auto value = parse_plain_json(raw);
    if (!value.ok()) return bad(value.error().message);
    if (!value->view().is_string()) return bad("field `" + name + "` must be a string");
    std::string text(value->view().as_string());
    if (name == "path") {
      path = std::move(text);
    } else if (name == "format") {
      format = std::move(text);
    } else {
      call.component_path = std::move(text);
    }
  }
  if (!path) return bad("missing field `path`");
  if (!args) return bad("missing field `args`");
  HULL_TRY(call.path, FunctionPath::parse(*path));
  HULL_TRY(call.format, parse_format(format, client));
  if (call.component_path.starts_with('/') || call.component_path.ends_with('/') ||
      call.component_path.find("//") != std::string::npos) {
    return Error::bad_request("InvalidComponentPath", "Invalid component path '" + call.component_path + "'");
  }
  set_call_args(call, *args);
  return call;
}

std::string render_success(ValueView value, const std::vector<LogLine>& log_lines, JsonFormat format,
                           bool redact) {
  std::string out = "{\"status\":\"success\",\"value\":";
  append_json(value, out, format);
  append_log_lines(out, log_lines, redact);
  out += '}';
  return out;
}

std::string render_failure(const FunctionError& error, std::string_view request_id,
                           const std::vector<LogLine>& log_lines, JsonFormat format, bool redact) {
  std::string out = "{\"status\":\"error\",\"errorMessage\":";
  append_json_string(error.client_text(request_id, redact), out);
  if (error.data_json) {
    out += ",\"errorData\":";
    auto data = parse_convex_json(*error.data_json);
    if (data.ok()) {
      append_json(*data, out, format);
    } else {
      out += *error.data_json;
    }
  }
  append_log_lines(out, log_lines, redact);
  out += '}';
  return out;
}

HttpResponse render_result(const FunctionResult& result, std::string_view request_id, JsonFormat format,
                           bool redact, bool deterministic_is_200) {
  if (result.value)
    return HttpResponse::json(render_success(*result.value, result.log_lines, format, redact));
  if (result.error)
    return HttpResponse::json(render_failure(*result.error, request_id, result.log_lines, format, redact));
  Error error = result.system_error.value_or(Error::internal("a call ended without an outcome"));
  if (deterministic_is_200 && error.is_deterministic()) {
    return HttpResponse::json(render_failure({error.message + "\n", error.data_json}, request_id,
                                             result.log_lines, format, redact));
  }
  return HttpResponse::error(error);
}

Result<std::string> render_query(const QueryOutcome& outcome, std::string_view request_id, JsonFormat format,
                                 bool redact) {
  if (!outcome.query) {
    Error error = outcome.system_error.value_or(Error::internal("a query ended without an outcome"));
    if (!error.is_deterministic()) return error;
    return render_failure({error.message + "\n", error.data_json}, request_id, {}, format, redact);
  }
  const CachedQuery& query = *outcome.query;
  if (!query.ok()) return render_failure(query.error(), request_id, query.log_lines(), format, redact);
  if (format == JsonFormat::kConvex) {  // the common case: no encoding again
    std::string out;
    out.reserve(query.value_json().size() + query.log_lines_json().size() + 64);
    out += "{\"status\":\"success\",\"value\":";
    out += query.value_json();
    if (!query.log_lines().empty() && !redact) {
      out += ",\"logLines\":";
      out += query.log_lines_json();
    }
    out += '}';
    return out;
  }
  return render_success(*query.value(), query.log_lines(), format, redact);
}

}  // namespace hull
