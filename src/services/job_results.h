// JobResults: how late jobs of one kind started and how they ended, for monitoring (operations.md §13.2).
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "base/metrics.h"

namespace hull {

class JobResults {
 public:
  // `kind`: "scheduled_job" or "cron_job", the start of the names.
  explicit JobResults(const std::string& kind);

  // Nanoseconds since the epoch: when the job was due, and now.
  void started(int64_t due_ns, int64_t now_ns);
  void ended(bool success) { (success ? succeeded_ : failed_)->Increment(); }
  metrics::Families collect() const { return registry_.Collect(); }

 private:
  prometheus::Registry registry_;
  prometheus::Histogram* lag_;
  prometheus::Counter *succeeded_, *failed_;
};

}  // namespace hull
