#include "services/job_results.h"

#include <algorithm>

namespace hull {

JobResults::JobResults(const std::string& kind)
    : lag_(&metrics::histograms(registry_, metrics::board_name(kind + "_execution_lag_seconds"),
                                "From the time of a job to its start")
                .Add({}, metrics::seconds_buckets())) {
  auto& results =
      metrics::counters(registry_, metrics::board_name(kind + "_result_total"), "Jobs that have ended");
  succeeded_ = &results.Add({{"status", "success"}});
  failed_ = &results.Add({{"status", "error"}});
}

void JobResults::started(int64_t due_ns, int64_t now_ns) {
  lag_->Observe(static_cast<double>(std::max<int64_t>(0, now_ns - due_ns)) / 1e9);
}

}  // namespace hull
