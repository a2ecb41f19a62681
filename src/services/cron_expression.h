// CronExpression: the five fields of a cron string (scheduling.md §5.2) and the minutes they match, always in
// UTC. Immutable, pure, thread-safe.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hull {

class CronExpression {
 public:
  // Error: 400 InvalidCron, also for an expression that never matches.
  static Result<CronExpression> parse(std::string_view text);

  // The first matching minute after `unix_s` (seconds since the epoch), in seconds.
  int64_t next(int64_t unix_s) const;

 private:
  // Days that depend on the month: "L-3W", "15W"; "5L", "2#3".
  struct MonthDay {
    bool from_end = false;  // `day` counts back from the last day, which is 0
    int day = 0;
    bool weekday = false;  // the nearest weekday of the same month
  };
  struct WeekDay {
    unsigned day = 0;
    unsigned nth = 0;  // 0 = the last one of the month
  };
  struct Field;
  struct Date;

  bool parse_item(std::string_view item, size_t field_number);
  bool parse_field(std::string_view text, size_t field_number);
  bool matches(const Date& date) const;
  std::optional<int64_t> search(int64_t unix_s) const;

  std::bitset<60> plain_[5];  // minute, hour, day of the month, month, day of the week
  std::vector<MonthDay> month_days_;
  std::vector<WeekDay> week_days_;
  bool any_month_day_ = false, any_week_day_ = false;  // a bare '*'
};

}  // namespace hull
