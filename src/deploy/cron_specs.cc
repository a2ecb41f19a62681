#include "deploy/cron_specs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

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
      HULL_CHECK_OK(check_cron_expression(expression));
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

// One comma-separated field of a cron expression.
struct CronField {
  int64_t low, high;
  std::array<std::string_view, 12> names;
  size_t name_count;
};

std::optional<int64_t> cron_number(std::string_view text, const CronField& field) {
  if (text.empty()) return std::nullopt;
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
      text.size() <= 4) {
    int64_t n = std::stoll(std::string(text));
    return n >= field.low && n <= field.high ? std::optional<int64_t>(n) : std::nullopt;
  }
  std::string upper(text);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  for (size_t i = 0; i < field.name_count; ++i)
    if (field.names[i] == upper) return field.low + static_cast<int64_t>(i);
  return std::nullopt;
}

bool cron_item(std::string_view item, const CronField& field, bool month_day, bool week_day) {
  if (month_day && (item == "L" || item == "LW")) return true;
  if (week_day && item == "L") return true;
  if (month_day && item.starts_with("L-")) {
    std::string_view rest = item.substr(2);
    if (rest.ends_with('W')) rest.remove_suffix(1);
    return cron_number(rest, {1, 30, {}, 0}).has_value();
  }
  if (month_day && item.ends_with('W'))
    return cron_number(item.substr(0, item.size() - 1), field).has_value();
  if (week_day && item.ends_with('L')) return cron_number(item.substr(0, item.size() - 1), field).has_value();
  if (size_t hash = item.find('#'); week_day && hash != std::string_view::npos)
    return cron_number(item.substr(0, hash), field) && cron_number(item.substr(hash + 1), {1, 5, {}, 0});
  if (size_t slash = item.find('/'); slash != std::string_view::npos) {
    if (!cron_number(item.substr(slash + 1), {1, field.high - field.low, {}, 0})) return false;
    item = item.substr(0, slash);
    if (item == "*") return true;
  }
  if (size_t dash = item.find('-'); dash != std::string_view::npos)
    return cron_number(item.substr(0, dash), field) && cron_number(item.substr(dash + 1), field);
  return cron_number(item, field).has_value();
}

bool cron_field(std::string_view text, const CronField& field, bool month_day, bool week_day) {
  if (text == "*") return true;
  while (true) {
    size_t comma = text.find(',');
    if (!cron_item(text.substr(0, comma), field, month_day, week_day)) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

// Whether plain day numbers fit none of the named months ("0 0 31 2 *").
bool never_matches(std::string_view days, std::string_view months, std::string_view week_days,
                   const CronField& month_field) {
  if (week_days != "*" || days == "*" || months == "*") return false;
  auto plain = [](std::string_view s) { return s.find_first_of("-/LW*") == std::string_view::npos; };
  if (!plain(days) || !plain(months)) return false;
  constexpr std::array<int, 12> kLength{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int64_t longest = 0, first_day = 99;
  for (size_t start = 0; start <= months.size();) {
    size_t comma = std::min(months.find(',', start), months.size());
    auto month = cron_number(months.substr(start, comma - start), month_field);
    if (month) longest = std::max<int64_t>(longest, kLength[static_cast<size_t>(*month - 1)]);
    start = comma + 1;
  }
  for (size_t start = 0; start <= days.size();) {
    size_t comma = std::min(days.find(',', start), days.size());
    auto day = cron_number(days.substr(start, comma - start), {1, 31, {}, 0});
    if (day) first_day = std::min(first_day, *day);
    start = comma + 1;
  }
  return first_day > longest;
}

}  // namespace

Result<void> check_cron_expression(std::string_view expression) {
  static const std::array<CronField, 5> fields{{
      {0, 59, {}, 0},
      {0, 23, {}, 0},
      {1, 31, {}, 0},
      {1, 12, {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}, 12},
      {0, 6, {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}, 7},
  }};
  auto failed = [] { return invalid_cron("Failed to parse cron expression"); };
  std::vector<std::string_view> parts;
  for (size_t start = 0; start < expression.size();) {
    size_t end = std::min(expression.find_first_of(" \t", start), expression.size());
    if (end > start) parts.push_back(expression.substr(start, end - start));
    start = end + 1;
  }
  auto blank = [](char c) { return c == ' ' || c == '\t'; };
  if (parts.size() != 5 || blank(expression.front()) || blank(expression.back())) return failed();
  for (size_t i = 0; i < 5; ++i)
    if (!cron_field(parts[i], fields[i], i == 2, i == 4)) return failed();
  if (never_matches(parts[2], parts[3], parts[4], fields[3]))
    return invalid_cron("The cron spec \"" + std::string(expression) + "\" will never match any time");
  return {};
}

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
