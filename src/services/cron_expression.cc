#include "services/cron_expression.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

namespace hull {
namespace {

constexpr size_t kMonthDay = 2, kMonth = 3, kWeekDay = 4;
constexpr int64_t kMinute = 60, kDay = 86400;
// The calendar repeats itself after 400 years.
constexpr int kDaysOfCalendar = 146097;

Error invalid_cron(std::string why) { return Error::bad_request("InvalidCron", std::move(why)); }

std::optional<unsigned> number(std::string_view text, unsigned low, unsigned high) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  unsigned n = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    n = n * 10 + static_cast<unsigned>(c - '0');
  }
  return n >= low && n <= high ? std::optional(n) : std::nullopt;
}

}  // namespace

struct CronExpression::Field {
  unsigned low, high;
  std::vector<std::string_view> names;

  static const Field& of(size_t i) {
    static const std::array<Field, 5> fields{{
        {0, 59, {}},
        {0, 23, {}},
        {1, 31, {}},
        {1, 12, {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
        {0, 6, {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
    }};
    return fields[i];
  }
  std::optional<unsigned> value(std::string_view text) const {
    if (auto n = number(text, low, high)) return n;
    std::string upper(text);
    for (char& c : upper)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    auto name = std::find(names.begin(), names.end(), upper);
    if (name == names.end()) return std::nullopt;
    return low + static_cast<unsigned>(name - names.begin());
  }
};

struct CronExpression::Date {
  unsigned month, day, week_day, last;  // `last`: day of its month
  unsigned week_day_of(unsigned other) const { return (week_day + 35 + other - day) % 7; }
};

bool CronExpression::parse_item(std::string_view item, size_t field_number) {
  const Field& field = Field::of(field_number);
  if (field_number == kMonthDay && (item.starts_with('L') || item.ends_with('W'))) {
    MonthDay rule;
    rule.weekday = item.ends_with('W');
    if (rule.weekday) item.remove_suffix(1);
    rule.from_end = item.starts_with('L');
    if (item != "L") {
      if (rule.from_end && !item.starts_with("L-")) return false;
      auto day = rule.from_end ? number(item.substr(2), 1, 30) : field.value(item);
      if (!day) return false;
      rule.day = static_cast<int>(*day);
    }
    month_days_.push_back(rule);
    return true;
  }
  if (field_number == kWeekDay && item == "L") item = "6";
  if (field_number == kWeekDay && item.ends_with('L')) {
    auto day = field.value(item.substr(0, item.size() - 1));
    if (day) week_days_.push_back({*day, 0});
    return day.has_value();
  }
  if (size_t hash = item.find('#'); field_number == kWeekDay && hash != std::string_view::npos) {
    auto day = field.value(item.substr(0, hash));
    auto nth = number(item.substr(hash + 1), 1, 5);
    if (day && nth) week_days_.push_back({*day, *nth});
    return day && nth;
  }

  unsigned step = 1;
  const size_t slash = item.find('/');
  if (slash != std::string_view::npos) {
    auto given = number(item.substr(slash + 1), 1, field.high - field.low);
    if (!given) return false;
    step = *given;
    item = item.substr(0, slash);
  }
  unsigned first = field.low, last = field.high;
  if (size_t dash = item.find('-'); dash != std::string_view::npos) {
    auto from = field.value(item.substr(0, dash)), to = field.value(item.substr(dash + 1));
    if (!from || !to) return false;
    first = *from;
    last = *to;
  } else if (item != "*" || slash == std::string_view::npos) {
    auto only = field.value(item);
    if (!only) return false;
    first = *only;
    if (slash == std::string_view::npos) last = first;
  }
  const unsigned values = field.high - field.low + 1;
  const unsigned width = (last + values - first) % values;  // a range may go on from the start
  for (unsigned i = 0; i <= width; i += step)
    plain_[field_number].set(field.low + (first - field.low + i) % values);
  return true;
}

bool CronExpression::parse_field(std::string_view text, size_t field_number) {
  if (text == "*") {
    for (unsigned i = Field::of(field_number).low; i <= Field::of(field_number).high; ++i)
      plain_[field_number].set(i);
    any_month_day_ |= field_number == kMonthDay;
    any_week_day_ |= field_number == kWeekDay;
    return true;
  }
  while (true) {
    const size_t comma = text.find(',');
    if (!parse_item(text.substr(0, comma), field_number)) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

Result<CronExpression> CronExpression::parse(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find_first_of(" \t", start), text.size());
    if (end > start) parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  auto blank = [](char c) { return c == ' ' || c == '\t'; };
  CronExpression parsed;
  bool sound = parts.size() == 5 && !blank(text.front()) && !blank(text.back());
  for (size_t i = 0; sound && i < parts.size(); ++i) sound = parsed.parse_field(parts[i], i);
  if (!sound) return invalid_cron("Failed to parse cron expression");
  if (!parsed.search(0))
    return invalid_cron("The cron spec \"" + std::string(text) + "\" will never match any time");
  return parsed;
}

bool CronExpression::matches(const Date& date) const {
  auto month_day = [&] {
    if (plain_[kMonthDay].test(date.day)) return true;
    return std::any_of(month_days_.begin(), month_days_.end(), [&](const MonthDay& rule) {
      int day = rule.from_end ? static_cast<int>(date.last) - rule.day : rule.day;
      if (day < 1 || day > static_cast<int>(date.last)) return false;
      if (rule.weekday) {
        const unsigned week_day = date.week_day_of(static_cast<unsigned>(day));
        if (week_day == 6) day += day == 1 ? 2 : -1;
        if (week_day == 0) day += day == static_cast<int>(date.last) ? -2 : 1;
      }
      return day == static_cast<int>(date.day);
    });
  };
  auto week_day = [&] {
    if (plain_[kWeekDay].test(date.week_day)) return true;
    return std::any_of(week_days_.begin(), week_days_.end(), [&](const WeekDay& rule) {
      if (rule.day != date.week_day) return false;
      return rule.nth == 0 ? date.day + 7 > date.last : (date.day - 1) / 7 + 1 == rule.nth;
    });
  };
  // Whichever of the two is restricted decides, and if both are, either does.
  if (any_month_day_) return week_day();
  return month_day() || (!any_week_day_ && week_day());
}

std::optional<int64_t> CronExpression::search(int64_t unix_s) const {
  using std::chrono::days, std::chrono::sys_days, std::chrono::year_month_day;
  auto floor_to = [](int64_t n, int64_t unit) { return n - ((n % unit) + unit) % unit; };
  const int64_t first = floor_to(unix_s, kMinute) + kMinute;
  sys_days today{days{floor_to(first, kDay) / kDay}};
  for (const sys_days end = today + days{kDaysOfCalendar + 1}; today < end; today += days{1}) {
    const year_month_day civil{today};
    const unsigned month = static_cast<unsigned>(civil.month());
    const unsigned last = static_cast<unsigned>((civil.year() / civil.month() / std::chrono::last).day());
    if (!plain_[kMonth].test(month)) {
      today = sys_days{civil.year() / civil.month() / std::chrono::last};
      continue;
    }
    const Date date{month, static_cast<unsigned>(civil.day()), std::chrono::weekday{today}.c_encoding(),
                    last};
    if (!matches(date)) continue;
    const int64_t midnight = int64_t{today.time_since_epoch().count()} * kDay;
    for (unsigned hour = 0; hour < 24; ++hour)
      for (unsigned minute = 0; plain_[1].test(hour) && minute < 60; ++minute) {
        const int64_t at = midnight + hour * 3600 + minute * kMinute;
        if (plain_[0].test(minute) && at >= first) return at;
      }
  }
  return std::nullopt;
}

int64_t CronExpression::next(int64_t unix_s) const {
  return *search(unix_s);  // parse() refuses what never matches, and the calendar is periodic
}

}  // namespace hull
