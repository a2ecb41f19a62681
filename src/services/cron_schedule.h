// CronSchedule: when a cron job runs (scheduling.md §5.3). Times are nanoseconds since the epoch. Immutable,
// thread-safe; random where the spec says so.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "services/cron_expression.h"
#include "value/value.h"

namespace hull {

class CronSchedule {
 public:
  // `stored`: the `cronSchedule` of a `_cron_jobs` row. `splay_s`: over how many seconds the jobs of one
  // minute are spread; 0 = none.
  static Result<CronSchedule> parse(ValueView stored, double splay_s);

  // The first run of a job that is new, or has got this schedule, now.
  int64_t first(int64_t now_ns) const;

  struct Next {
    int64_t ts = 0;
    // Runs between the previous one and this one that are left out because their time is over.
    int64_t skipped = 0;
    int64_t first_skipped_ts = 0;
  };
  // The run after the one that was due at `previous_ns`.
  Next after(int64_t previous_ns, int64_t now_ns) const;

 private:
  int64_t match(int64_t after_ns, int64_t delay_s) const;

  int64_t interval_ns_ = 0;  // or
  std::optional<CronExpression> clock_;
  int64_t spread_s_ = 0;   // a job's own delay is less than this
  int64_t modulus_s_ = 1;  // by which the delay is recovered from a run's time
};

}  // namespace hull
