// Cron jobs as they are declared (scheduling.md §5.1): parsed from crons.js's export, shown in the analysis,
// stored as rows of `_cron_jobs` {name, cronSpec: {udfPath, udfArgs: bytes, cronSchedule}}. Plain data and
// pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "value/value.h"

namespace hull {

struct CronSpec {
  std::string identifier;
  std::string udf_path;   // "jobs.js:clean"
  std::string args_json;  // JSON array of one object
  Value schedule;         // {type, ...}; numbers int64, a missing minuteUTC null

  // Element of the analysis' "cronSpecs".
  std::string json() const;
  // Fields of its `_cron_jobs` row, and back.
  Value row() const;
  static Result<CronSpec> from_row(ValueView row);
  // From an element of "cronSpecs" parsed by parse_plain_json.
  static Result<CronSpec> from_analysis(ValueView json);
};

// `json`: what crons.export() returned. Error: 400 InvalidCron.
Result<std::vector<CronSpec>> parse_crons(std::string_view json);

}  // namespace hull
