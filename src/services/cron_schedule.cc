#include "services/cron_schedule.h"

#include <algorithm>
#include <string>

#include "base/random.h"
#include "services/json_fields.h"

namespace hull {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

int64_t floor_seconds(int64_t ns) { return ns / kSecond - (ns % kSecond < 0 ? 1 : 0); }

int64_t saturating_add(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

}  // namespace

Result<CronSchedule> CronSchedule::parse(ValueView stored, double splay_s) {
  auto number = [&](std::string_view name) -> std::optional<int64_t> {
    auto field = json::optional_field(stored, name);
    return field && field->is_int64() ? std::optional(field->as_int64()) : std::nullopt;
  };
  const std::string type = json::text_or_empty(stored, "type");
  CronSchedule schedule;
  if (type == "interval") {
    schedule.interval_ns_ = number("seconds").value_or(0) * kSecond;
    if (schedule.interval_ns_ <= 0) return Error::internal("malformed interval of a cron job");
    return schedule;
  }
  schedule.spread_s_ = static_cast<int64_t>(splay_s);
  schedule.modulus_s_ = 60;
  std::string expression = json::text_or_empty(stored, "cronExpr");
  if (type != "cron") {
    if (!number("minuteUTC")) schedule.spread_s_ = schedule.modulus_s_ = 3600;
    auto text = [&](std::string_view name) {
      auto value = number(name);
      return value ? std::to_string(*value) : "*";
    };
    expression = std::to_string(number("minuteUTC").value_or(0)) + " " + text("hourUTC") + " " + text("day") +
                 " * " + text("dayOfWeek");
  }
  HULL_TRY(schedule.clock_, CronExpression::parse(expression));
  return schedule;
}

int64_t CronSchedule::match(int64_t after_ns, int64_t delay_s) const {
  const int64_t at_s = clock_->next(floor_seconds(after_ns) - delay_s) + delay_s;
  return at_s > INT64_MAX / kSecond ? INT64_MAX : at_s * kSecond;
}

int64_t CronSchedule::first(int64_t now_ns) const {
  if (!clock_) return now_ns;
  return match(now_ns,
               spread_s_ > 0 ? static_cast<int64_t>(random_u64() % static_cast<uint64_t>(spread_s_)) : 0);
}

CronSchedule::Next CronSchedule::after(int64_t previous_ns, int64_t now_ns) const {
  if (clock_) {
    const int64_t delay = spread_s_ > 0 ? floor_seconds(previous_ns) % modulus_s_ : 0;
    // A clock that was set back must not bring the same minute again.
    return {match(std::max(previous_ns, now_ns), delay), 0, 0};
  }
  Next next{saturating_add(previous_ns, interval_ns_), 0, 0};
  if (next.ts >= now_ns) return next;
  next.first_skipped_ts = next.ts;
  next.skipped = (now_ns - next.ts - 1) / interval_ns_ + 1;
  next.ts = saturating_add(next.ts, next.skipped * interval_ns_);
  return next;
}

}  // namespace hull
