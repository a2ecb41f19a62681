#include "functions/http_headers.h"

#include <algorithm>

#include "value/json.h"

namespace hull {
namespace {

std::string utf8_from_latin1(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (unsigned char byte : bytes) {
    if (byte < 0x80) {
      out.push_back(static_cast<char>(byte));
    } else {
      out.push_back(static_cast<char>(0xc0 | byte >> 6));
      out.push_back(static_cast<char>(0x80 | (byte & 0x3f)));
    }
  }
  return out;
}

std::optional<std::string> latin1_from_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      out.push_back(text[i]);
    } else {
      if (byte > 0xc3 || i + 1 == text.size()) return std::nullopt;  // beyond U+00FF
      out.push_back(static_cast<char>((byte & 0x03) << 6 | (text[++i] & 0x3f)));
    }
  }
  return out;
}

bool is_token(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [kMarks](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_sendable(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

}  // namespace

Result<HeaderPairs> parse_header_pairs(std::string_view json) {
  HULL_TRY(Value list, parse_plain_json(json));
  if (!list->is_array()) return Error::bad_request("InvalidHeaders", "headers must be a list");
  HeaderPairs headers;
  for (size_t i = 0; i < list->count(); ++i) {
    ValueView pair = list->element(i);
    if (!pair.is_array() || pair.count() != 2 || !pair.element(0).is_string() ||
        !pair.element(1).is_string()) {
      return Error::bad_request("InvalidHeaders", "headers must be pairs of strings");
    }
    std::string name(pair.element(0).as_string());
    auto value = latin1_from_utf8(pair.element(1).as_string());
    if (!is_token(name)) return Error::bad_request("InvalidHeaders", "Invalid header name: '" + name + "'");
    if (!value || !is_sendable(*value)) {
      return Error::bad_request("InvalidHeaders", "Invalid value of header '" + name + "'");
    }
    headers.emplace_back(std::move(name), *std::move(value));
  }
  return headers;
}

void append_header_pairs(const HeaderPairs& headers, std::string& json) {
  json += '[';
  for (size_t i = 0; i < headers.size(); ++i) {
    if (i > 0) json += ',';
    std::string name = headers[i].first;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    json += '[';
    append_json_string(name, json);
    json += ',';
    append_json_string(utf8_from_latin1(headers[i].second), json);
    json += ']';
  }
  json += ']';
}

}  // namespace hull
