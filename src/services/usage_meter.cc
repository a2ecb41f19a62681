#include "services/usage_meter.h"

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/log.h"
#include "base/time.h"
#include "services/stop_state.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr double kBytesPerGb = 1e9;
// The function log holds few entries, so it is read soon after the first new one.
constexpr std::chrono::milliseconds kReadDelay{25};
constexpr std::chrono::seconds kSaveInterval{60};
constexpr double kEnforceIntervalMs = 1000;

int64_t month_of(int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return static_cast<int64_t>(utc.tm_year) * 12 + utc.tm_mon;
}

}  // namespace

UsageMeter::UsageMeter(UsageOptions options) : options_(std::move(options)) {
  load();
  thread_ = std::thread([this] { run(); });
}

UsageMeter::~UsageMeter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

double UsageMeter::current(std::string_view metric, std::string_view window) const {
  const auto now_ms = static_cast<int64_t>(unix_millis());
  std::lock_guard lock(mutex_);
  const Counts& counts = window == "day" ? day_ : month_;
  const int64_t period = window == "day" ? now_ms / kDayMs : month_of(now_ms);
  if (counts.period != period) return 0;
  if (metric == "functionCalls") return static_cast<double>(counts.calls);
  if (metric == "databaseIoGb") return static_cast<double>(counts.io_bytes) / kBytesPerGb;
  return 0;
}

void UsageMeter::limits_changed() {
  {
    std::lock_guard lock(mutex_);
    check_limits_ = true;
  }
  changed_.notify_all();
}

void UsageMeter::run() {
  double cursor = unix_millis(), enforced_ms = 0;
  auto saved = std::chrono::steady_clock::now();
  std::shared_ptr<void> waiter;
  while (true) {
    if (!waiter) {
      waiter = options_.runner->log().wait(cursor, [this] {
        {
          std::lock_guard lock(mutex_);
          logged_ = true;
        }
        changed_.notify_all();
      });
    }
    bool stop = false, logged = false, check = false;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kSaveInterval, [this] { return stopping_ || logged_ || check_limits_; });
      if (logged_ && !stopping_) changed_.wait_for(lock, kReadDelay, [this] { return stopping_; });
      stop = stopping_;
      logged = std::exchange(logged_, false);
      check = std::exchange(check_limits_, false);
    }
    if (logged || stop) {
      waiter.reset();
      read_log(cursor);
    }
    const double now_ms = unix_millis();
    // Without calls too: a new day or month lifts a stop.
    if (!stop && (check || now_ms - enforced_ms > kEnforceIntervalMs)) {
      enforced_ms = now_ms;
      enforce();
    }
    if (stop || std::chrono::steady_clock::now() - saved > kSaveInterval) {
      saved = std::chrono::steady_clock::now();
      save();
    }
    if (stop) return;
  }
}

void UsageMeter::start_periods_locked(int64_t now_ms) {
  if (day_.period != now_ms / kDayMs) day_ = Counts{now_ms / kDayMs};
  if (month_.period != month_of(now_ms)) month_ = Counts{month_of(now_ms)};
}

void UsageMeter::read_log(double& cursor) {
  FunctionLog::Batch batch = options_.runner->log().read(cursor);
  cursor = batch.new_cursor;
  std::lock_guard lock(mutex_);
  start_periods_locked(static_cast<int64_t>(unix_millis()));
  for (const auto& entry : batch.entries) {
    if (entry->kind != FunctionLogEntry::Kind::kCompletion) continue;
    unsaved_ = true;
    for (Counts* counts : {&day_, &month_}) {
      ++counts->calls;
      counts->io_bytes += entry->read_bytes + entry->write_bytes;
    }
  }
}

void UsageMeter::enforce() {
  auto catalog = options_.runner->engine().snapshot()->catalog();
  bool reached = false;
  for (const UsageLimit& limit : usage_limits(*catalog)) {
    bool stops = limit.enabled && limit.type == "disable";
    if (stops && current(limit.metric, limit.window) >= limit.limit) reached = true;
  }
  if ((StopState::of(*catalog).usage_limit != "none") == reached) return;
  spdlog::warn(reached ? "a usage limit is reached: functions are stopped"
                       : "no usage limit is reached any more");
  auto done = stop_for_usage(*options_.runner, *options_.knobs, reached);
  if (!done.ok()) spdlog::warn("the stop by a usage limit was not stored: {}", done.error().message);
}

void UsageMeter::load() {
  std::ifstream file(options_.file, std::ios::binary);
  if (!file) return;  // the first start
  std::ostringstream text;
  text << file.rdbuf();
  auto json = parse_plain_json(text.str());
  auto read = [&](std::string_view window, Counts& counts) {
    auto object = json.ok() ? json->view().find(window) : std::nullopt;
    auto number = [&object](std::string_view name) {
      auto field = object ? object->find(name) : std::nullopt;
      return field && field->is_float64() && field->as_float64() >= 0 ? field->as_float64() : 0;
    };
    counts = {static_cast<int64_t>(number("period")), static_cast<uint64_t>(number("calls")),
              static_cast<uint64_t>(number("ioBytes"))};
  };
  std::lock_guard lock(mutex_);
  read("day", day_);
  read("month", month_);
}

void UsageMeter::save() {
  std::string text;
  {
    std::lock_guard lock(mutex_);
    if (!std::exchange(unsaved_, false)) return;
    auto append = [&text](std::string_view name, const Counts& counts) {
      text += "\"" + std::string(name) + "\":{\"period\":" + std::to_string(counts.period) +
              ",\"calls\":" + std::to_string(counts.calls) +
              ",\"ioBytes\":" + std::to_string(counts.io_bytes) + "}";
    };
    text = "{";
    append("day", day_);
    text += ",";
    append("month", month_);
    text += "}\n";
  }
  const std::string next = options_.file + ".new";
  std::error_code error;
  {
    std::ofstream file(next, std::ios::binary | std::ios::trunc);
    file << text;
    file.flush();
    if (!file) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) std::filesystem::rename(next, options_.file, error);
  if (error) spdlog::warn("cannot write {}: {}", options_.file, error.message());
}

}  // namespace hull
