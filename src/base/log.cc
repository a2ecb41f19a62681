#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

namespace hull {
namespace {

constexpr std::string_view kTarget = "hull";

// The directive without a target decides ("warn,sqlite=debug" -> warn): targets are modules of other servers.
spdlog::level::level_enum parse_level(std::string_view directives) {
  while (!directives.empty()) {
    std::string_view one = directives.substr(0, directives.find(','));
    directives.remove_prefix(std::min(directives.size(), one.size() + 1));
    std::string lower;
    for (char c : one) {
      if (c != ' ') lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    }
    if (lower == "trace") return spdlog::level::trace;
    if (lower == "debug") return spdlog::level::debug;
    if (lower == "info") return spdlog::level::info;
    if (lower == "warn") return spdlog::level::warn;
    if (lower == "error") return spdlog::level::err;
    if (lower == "off") return spdlog::level::off;
  }
  return spdlog::level::info;
}

std::string_view level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
      return "TRACE";
    case spdlog::level::debug:
      return "DEBUG";
    case spdlog::level::info:
      return "INFO";
    case spdlog::level::warn:
      return "WARN";
    default:
      return "ERROR";
  }
}

std::string_view view_of(const spdlog::string_view_t& text) { return {text.data(), text.size()}; }

std::string utc_time(spdlog::log_clock::time_point at) {
  auto micros = std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
  std::time_t seconds = micros / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, micros % 1'000'000);
}

void append_json_text(std::string_view text, spdlog::memory_buf_t& out) {
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.push_back(c);
    }
  }
}

void append(std::string_view text, spdlog::memory_buf_t& out) {
  out.append(text.data(), text.data() + text.size());
}

class LineFormatter : public spdlog::formatter {
 public:
  explicit LineFormatter(bool json) : json_(json) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    std::string_view target = message.logger_name.size() > 0 ? view_of(message.logger_name) : kTarget;
    if (json_) {
      append("{\"timestamp\":\"" + utc_time(message.time) + "\",\"level\":\"", out);
      append(level_name(message.level), out);
      append("\",\"target\":\"", out);
      append_json_text(target, out);
      append("\",\"fields\":{\"message\":\"", out);
      append_json_text(view_of(message.payload), out);
      append("\"}}\n", out);
      return;
    }
    append(utc_time(message.time) + " ", out);
    message.color_range_start = out.size();
    append(level_name(message.level), out);
    message.color_range_end = out.size();
    append(" ", out);
    append(target, out);
    append(": ", out);
    append(view_of(message.payload), out);
    append("\n", out);
  }

  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<LineFormatter>(json_); }

 private:
  bool json_;
};

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

}  // namespace

void init_logging() {
  bool color = environment("NO_COLOR").empty();
  auto sink = std::make_shared<spdlog::sinks::stdout_color_sink_mt>(color ? spdlog::color_mode::automatic
                                                                          : spdlog::color_mode::never);
  auto logger = std::make_shared<spdlog::logger>(std::string(kTarget), std::move(sink));
  logger->set_level(parse_level(environment("RUST_LOG")));
  logger->set_formatter(std::make_unique<LineFormatter>(environment("LOG_FORMAT") == "json"));
  // A crash must not lose the lines that explain it.
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace hull
