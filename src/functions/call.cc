#include "functions/call.h"

#include <cmath>

#include "value/json.h"

namespace hull {

std::string_view udf_type_name(UdfType type) {
  switch (type) {
    case UdfType::kQuery:
      return "Query";
    case UdfType::kMutation:
      return "Mutation";
    case UdfType::kAction:
      return "Action";
    case UdfType::kHttpAction:
      return "HttpAction";
  }
  return "Query";
}

std::string FunctionCall::caller_name() const {
  if (!context.client.empty()) return context.client;
  std::string name = context.client_ip;
  if (identity->attributes) {
    auto user = identity->attributes->view().find("tokenIdentifier");
    if (user && user->is_string()) name.append(" ").append(user->as_string());
  }
  return name;
}

std::string LogLine::pretty() const {
  std::string out = "[" + level + "] ";
  for (size_t i = 0; i < messages.size(); ++i) {
    if (i > 0) out += ' ';
    out += messages[i];
  }
  if (truncated) out += " (truncated due to length)";
  return out;
}

void LogLine::append_structured_json(std::string& out) const {
  out += R"({"messages":[)";
  for (size_t i = 0; i < messages.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(messages[i], out);
  }
  out += R"(],"level":)";
  append_json_string(level, out);
  out += R"(,"timestamp":)" + std::to_string(static_cast<int64_t>(std::floor(timestamp_ms)));
  out += truncated ? R"(,"isTruncated":true)" : R"(,"isTruncated":false)";
  if (system_code.empty()) {
    out += R"(,"systemMetadata":null)";
  } else {
    out += R"(,"systemMetadata":{"code":)" + json_string(system_code) + "}";
  }
  if (!udf_path.empty()) out += R"(,"componentPath":null,"udfPath":)" + json_string(udf_path);
  out += '}';
}

std::string FunctionError::client_text(std::string_view request_id, bool redact) const {
  std::string out = "[Request ID: ";
  out += request_id;
  out += "] Server Error";
  if (!redact) {
    out += '\n';
    out += message;
  }
  return out;
}

}  // namespace hull
