#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log_filter.h"

namespace hull {
namespace {

enum class Format { kCompact, kPretty, kJson };

constexpr const char* kTarget = "hull";
constexpr size_t kLogFileBytes = 4u << 20;
std::shared_ptr<spdlog::logger> http_logger, function_logger;  // set once

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

// One line per event: what a message quotes may have several.
void append_on_one_line(std::string_view text, spdlog::memory_buf_t& out) {
  for (char c : text) {
    if (c == '\n') {
      append("\\n", out);
    } else {
      out.push_back(c);
    }
  }
}

class LineFormatter : public spdlog::formatter {
 public:
  explicit LineFormatter(Format format) : format_(format) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const std::string_view target =
        message.logger_name.size() > 0 ? view_of(message.logger_name) : std::string_view(kTarget);
    const bool pretty = format_ == Format::kPretty;
    if (format_ == Format::kJson) {
      append("{\"timestamp\":\"" + utc_time(message.time) + "\",\"level\":\"", out);
      append(level_name(message.level), out);
      append("\",\"target\":\"", out);
      append_json_text(target, out);
      append("\",\"fields\":{\"message\":\"", out);
      append_json_text(view_of(message.payload), out);
      append("\"}}\n", out);
      return;
    }
    append((pretty ? "  " : "") + utc_time(message.time) + " ", out);
    message.color_range_start = out.size();
    append(level_name(message.level), out);
    message.color_range_end = out.size();
    append(" ", out);
    append(target, out);
    append(": ", out);
    if (pretty) {
      append(view_of(message.payload), out);
    } else {
      append_on_one_line(view_of(message.payload), out);
    }
    append(pretty ? "\n\n" : "\n", out);
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_);
  }

 private:
  const Format format_;
};

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

}  // namespace

void init_logging(const std::string& file) {
  const bool color = environment("NO_COLOR").empty();
  std::vector<spdlog::sink_ptr> sinks = {std::make_shared<spdlog::sinks::stdout_color_sink_mt>(
      color ? spdlog::color_mode::automatic : spdlog::color_mode::never)};
  const std::string_view wanted = environment("LOG_FORMAT");
  const Format format = wanted == "json"     ? Format::kJson
                        : wanted == "pretty" ? Format::kPretty
                                             : Format::kCompact;
  std::string file_problem;
  try {
    if (!environment("CONVEX_TRACE_FILE").empty())
      sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>("hull.log"));
    if (!file.empty())
      sinks.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file, kLogFileBytes, 1));
  } catch (const spdlog::spdlog_ex& e) {
    file_problem = e.what();
  }
  const std::string_view directives = environment("RUST_LOG");
  const std::optional<LogFilter> filter = LogFilter::parse(directives);
  auto make = [&](const char* target) {
    auto logger = std::make_shared<spdlog::logger>(target, sinks.begin(), sinks.end());
    logger->set_level(filter.value_or(LogFilter()).level_of(target));
    logger->set_formatter(std::make_unique<LineFormatter>(format));
    // A crash must not lose the lines that explain it.
    logger->flush_on(spdlog::level::info);
    return logger;
  };
  spdlog::set_default_logger(make(kTarget));
  http_logger = make("convex-cloud-http");
  function_logger = make("functions");
  if (!filter) spdlog::warn("RUST_LOG is malformed ('{}'), logging at level info", directives);
  if (!wanted.empty() && wanted != "json" && wanted != "pretty" && wanted != "compact")
    spdlog::warn("LOG_FORMAT must be json, compact or pretty, not '{}'; using compact", wanted);
  if (!file_problem.empty()) spdlog::warn("Cannot write the log file: {}", file_problem);
}

spdlog::logger& http_log() { return http_logger ? *http_logger : *spdlog::default_logger_raw(); }
spdlog::logger& function_log() { return function_logger ? *function_logger : *spdlog::default_logger_raw(); }

}  // namespace hull
