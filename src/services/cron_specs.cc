#include "services/cron_specs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "services/cron_expression.h"
#include "services/json_fields.h"
#include "value/json.h"
#include "value/names.h"

namespace hull {
namespace {

constexpr size_t kMaxArgsBytes = 1 << 20;
constexpr std::array<std::string_view, 7> kDays{"sunday",   "monday", "tuesday", "wednesday",
                                                "thursday", "friday", "saturday"};

Error invalid_cron(std::string why) { return Error::bad_request("InvalidCron", std::move(why)); }

std::optional<int64_t> integer(ValueView v) {
  if (v.is_int64()) return v.as_int64();
  if (!v.is_float64()) return std::nullopt;
  double d = v.as_float64();
  if (d != std::floor(d) || std::abs(d) > 9e15) return std::nullopt;
  return static_cast<int64_t>(d);
}

class ScheduleParser {
 public:
  ScheduleParser(ValueView json, const std::string& identifier) : json_(json), identifier_(identifier) {}

  Result<Value> parse() {
    std::string type = json::text_or_empty(json_, "type");
    b_.begin_object();
    b_.key("type").string(type);
    auto parsed = fields(type);
    HULL_CHECK_OK(parsed);
    b_.end();
    return b_.finish();
  }

 private:
  Result<void> fields(const std::string& type) {
    if (type == "interval") return interval();
    if (type == "cron") {
      std::string expression = json::text_or_empty(json_, "cron");
      HULL_TRY([[maybe_unused]] auto parsed, CronExpression::parse(expression));
      b_.key("cronExpr").string(expression);
      return {};
    }
    if (type == "weekly") {
      auto day = std::find(kDays.begin(), kDays.end(), json::text_or_empty(json_, "dayOfWeek"));
      if (day == kDays.end()) return invalid_cron("dayOfWeek must be a day of the week in " + identifier_);
      b_.key("dayOfWeek").int64(day - kDays.begin());
    } else if (type == "monthly") {
      HULL_CHECK_OK(number("day", "day of month must be 1-31 in ", 1, 31, true));
    } else if (type != "hourly" && type != "daily") {
      return invalid_cron("Unknown schedule type \"" + type + "\" in " + identifier_);
    }
    if (type != "hourly") HULL_CHECK_OK(number("hourUTC", "hourUTC must be 0-23 in ", 0, 23, true));
    return number("minuteUTC", "minuteUTC must be 0-59 in ", 0, 59, false);
  }

  Result<void> interval() {
    constexpr std::array<std::pair<std::string_view, int64_t>, 3> kUnits{
        {{"seconds", 1}, {"minutes", 60}, {"hours", 3600}}};
    int given = 0;
    int64_t seconds = 0;
    for (auto [unit, factor] : kUnits) {
      auto field = json::optional_field(json_, unit);
      if (!field) continue;
      ++given;
      auto count = integer(*field);
      if (!count || *count <= 0 || *count > INT64_MAX / (factor * 1'000'000'000))
        return invalid_cron("Interval must be an integer greater than 0");
      seconds = *count * factor;
    }
    if (given != 1) return invalid_cron("Exactly one of (seconds, minutes, hours) should be specified");
    b_.key("seconds").int64(seconds);
    return {};
  }

  Result<void> number(std::string_view name, std::string_view text, int64_t low, int64_t high,
                      bool required) {
    auto field = json::optional_field(json_, name);
    if (!field && !required) {
      b_.key(name).null();
      return {};
    }
    auto value = field ? integer(*field) : std::nullopt;
    if (!value || *value < low || *value > high) return invalid_cron(std::string(text) + identifier_);
    b_.key(name).int64(*value);
    return {};
  }

  ValueView json_;
  const std::string& identifier_;
  ValueBuilder b_;
};

Result<CronSpec> parse_cron(const std::string& identifier, const std::string& raw) {
  auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (!std::all_of(identifier.begin(), identifier.end(), printable))
    return invalid_cron("Cron identifiers must be printable ASCII: " + json_string(identifier));
  auto json = parse_plain_json(raw);
  if (!json.ok() || !json->view().is_object()) return invalid_cron("Invalid JSON");
  CronSpec spec;
  spec.identifier = identifier;
  auto path = FunctionPath::parse(json::text_or_empty(*json, "name"));
  if (!path.ok())
    return invalid_cron("Invalid function in cron job '" + identifier + "': " + path.error().message);
  spec.udf_path = path->canonical();
  HULL_TRY(auto members, split_json_object(raw));
  spec.args_json = "[{}]";
  for (auto& [name, text] : members)
    if (name == "args") spec.args_json = std::move(text);
  auto args = parse_convex_json(spec.args_json);
  if (!args.ok() || !args->view().is_array())
    return invalid_cron("Invalid arguments of cron job '" + identifier + "'");
  spec.args_json = to_json(*args);
  if (spec.args_json.size() >= kMaxArgsBytes)
    return invalid_cron("Cron job args too large (" + display_bytes(spec.args_json.size()) + ")");
  auto schedule = json::optional_field(*json, "schedule");
  if (!schedule) return invalid_cron("Cron job '" + identifier + "' has no schedule");
  HULL_TRY(spec.schedule, ScheduleParser(*schedule, identifier).parse());
  return spec;
}

}  // namespace

Result<std::vector<CronSpec>> parse_crons(std::string_view json) {
  auto members = split_json_object(json);
  if (!members.ok()) return invalid_cron("Invalid JSON");
  std::vector<CronSpec> specs;
  for (const auto& [identifier, raw] : *members) {
    HULL_TRY(auto spec, parse_cron(identifier, raw));
    specs.push_back(std::move(spec));
  }
  return specs;
}

std::string CronSpec::json() const {
  std::string out = "{\"identifier\":" + json_string(identifier) +
                    ",\"spec\":{\"udfPath\":" + json_string(udf_path) + ",\"udfArgs\":[";
  for (size_t i = 0; i < args_json.size(); ++i) {
    if (i > 0) out += ',';
    out += std::to_string(static_cast<unsigned char>(args_json[i]));
  }
  out += "],\"cronSchedule\":{";
  ValueView fields = schedule;
  for (size_t i = 0; i < fields.count(); ++i) {
    auto [name, value] = fields.field(i);
    if (i > 0) out += ',';
    append_json_string(name, out);
    out += ':';
    if (value.is_int64())
      out += std::to_string(value.as_int64());
    else
      append_json(value, out);
  }
  return out + "}}}";
}

Value CronSpec::row() const {
  ValueBuilder b;
  b.begin_object();
  b.key("name").string(identifier);
  b.key("cronSpec").begin_object();
  b.key("udfPath").string(udf_path);
  b.key("udfArgs").bytes(args_json);
  b.key("cronSchedule").value(schedule);
  b.end();
  b.end();
  return b.finish();
}

Result<CronSpec> CronSpec::from_row(ValueView row) {
  auto args = row.find_path({"cronSpec", "udfArgs"}), schedule = row.find_path({"cronSpec", "cronSchedule"});
  auto path = row.find_path({"cronSpec", "udfPath"});
  if (!path || !path->is_string() || !args || !args->is_bytes() || !schedule || !schedule->is_object())
    return Error::internal("malformed _cron_jobs row");
  CronSpec spec;
  spec.identifier = json::text_or_empty(row, "name");
  spec.udf_path = path->as_string();
  spec.args_json = args->as_string();
  spec.schedule = Value::copy_of(*schedule);
  return spec;
}

Result<CronSpec> CronSpec::from_analysis(ValueView json) {
  auto bad = [] { return Error::bad_request("BadJsonBody", "invalid cronSpecs in the analysis"); };
  CronSpec spec;
  HULL_TRY(spec.identifier, json::string_field(json, "identifier"));
  HULL_TRY(auto inner, json::object_field(json, "spec"));
  HULL_TRY(spec.udf_path, json::string_field(inner, "udfPath"));
  HULL_TRY(auto args, json::array_field(inner, "udfArgs"));
  for (size_t i = 0; i < args.count(); ++i) {
    auto byte = integer(args.element(i));
    if (!byte || *byte < 0 || *byte > 255) return bad();
    spec.args_json.push_back(static_cast<char>(*byte));
  }
  HULL_TRY(auto schedule, json::object_field(inner, "cronSchedule"));
  ValueBuilder b;
  b.begin_object();
  for (size_t i = 0; i < schedule.count(); ++i) {
    auto [name, value] = schedule.field(i);
    b.key(name);
    if (auto number = integer(value))
      b.int64(*number);
    else
      b.value(value);
  }
  b.end();
  spec.schedule = b.finish();
  return spec;
}

}  // namespace hull
