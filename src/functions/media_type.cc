#include "functions/media_type.h"

#include <algorithm>

namespace hull {

namespace {

bool is_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Reads the header from the left.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  void skip_space() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view token() {
    size_t end = 0;
    while (end < rest_.size() && is_token(rest_[end])) ++end;
    std::string_view out = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return out;
  }
  // The content of a quoted string whose first quote was taken.
  std::optional<std::string> quoted() {
    std::string out;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return out;
      if (c == '\\') {
        if (rest_.empty()) return std::nullopt;
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      const auto byte = static_cast<unsigned char>(c);
      if ((byte < 0x20 && c != '\t') || byte >= 0x7f) return std::nullopt;  // may not even be UTF-8
      out += c;
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
};

void append_lower(std::string_view text, std::string& out) {
  for (char c : text) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

void append_value(std::string_view value, std::string& out) {
  if (!value.empty() && std::all_of(value.begin(), value.end(), is_token)) {
    out += value;
    return;
  }
  out += '"';
  for (char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

}  // namespace

std::optional<std::string> normalized_media_type(std::string_view text) {
  Scanner scan(text);
  std::string out;
  scan.skip_space();
  std::string_view type = scan.token();
  if (type.empty() || !scan.take('/')) return std::nullopt;
  std::string_view subtype = scan.token();
  if (subtype.empty()) return std::nullopt;
  append_lower(type, out);
  out += '/';
  append_lower(subtype, out);
  while (true) {
    scan.skip_space();
    if (scan.done()) return out;
    if (!scan.take(';')) return std::nullopt;
    scan.skip_space();
    if (scan.done()) return out;
    std::string_view name = scan.token();
    if (name.empty()) continue;  // ";;"
    if (!scan.take('=')) return std::nullopt;
    std::string value;
    if (scan.take('"')) {
      auto quoted = scan.quoted();
      if (!quoted) return std::nullopt;
      value = *std::move(quoted);
    } else {
      value = scan.token();
      if (value.empty()) return std::nullopt;
    }
    out += ';';
    append_lower(name, out);
    out += '=';
    append_value(value, out);
  }
}

}  // namespace hull
