// UsageMeter: counts function calls and database I/O of the current UTC day and month from the function log,
// and stops functions when a `disable` limit is reached (http-api.md §7.3). Counts are kept in a small file,
// written once a minute, so a crash loses at most that much. A thread of its own sleeps while no function
// runs. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "functions/runner.h"
#include "services/usage_limits.h"

namespace hull {

struct UsageOptions {
  FunctionRunner* runner = nullptr;
  const Knobs* knobs = nullptr;
  std::string file;
};

class UsageMeter {
 public:
  explicit UsageMeter(UsageOptions options);  // goes on from the file
  ~UsageMeter();                              // writes it

  // In the unit of the metric; 0 for what is not measured.
  double current(std::string_view metric, std::string_view window) const;
  // Compares usage and limits again.
  void limits_changed();

 private:
  struct Counts {
    int64_t period = 0;  // number of the day or month
    uint64_t calls = 0, io_bytes = 0;
  };
  void run();
  void read_log(double& cursor);
  void start_periods_locked(int64_t now_ms);
  void enforce();
  void load();
  void save();

  const UsageOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Counts day_, month_;
  bool stopping_ = false, logged_ = false, check_limits_ = true, unsaved_ = false;
  std::thread thread_;
};

}  // namespace hull
