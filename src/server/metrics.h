// What GET /metrics answers (operations.md §13.2), and the series of the HTTP side. Labels are bounded:
// endpoints are route templates, never raw paths; methods and client versions that are not well known count
// as "other". Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

#include "base/metrics.h"
#include "functions/runner.h"
#include "server/client_version.h"
#include "server/sync_metrics.h"

namespace hull {

class CronRunner;
class Scheduler;

class Metrics {
 public:
  Metrics();

  // An answered request; status 499: the client went away.
  void record_http(std::string_view endpoint, std::string_view method, int status,
                   const ClientVersion& client, double seconds);
  // A connection or a request that a limit refused ("connections", "upgrades", "requests").
  void record_limited(std::string_view what);
  std::atomic<int64_t>& concurrent_requests() { return concurrent_requests_; }
  SyncCounters& sync() { return sync_; }

  // `runner`, `scheduler` and `crons` may be null while the server starts.
  std::string render(FunctionRunner* runner, const Scheduler* scheduler, const CronRunner* crons,
                     size_t open_connections, const std::string& version);

 private:
  prometheus::Histogram& http_series_locked(std::string_view endpoint, std::string_view method, int status,
                                            const ClientVersion& client);

  const std::string instance_name_;  // CONVEX_SITE
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Histogram>& http_;
  prometheus::Counter &bad_requests_, &rate_limited_, &disconnected_;
  prometheus::Family<prometheus::Counter>&errors_, &limited_;
  std::mutex mutex_;  // guards the two maps
  std::map<std::tuple<std::string, std::string, int, std::string>, prometheus::Histogram*, std::less<>>
      series_;
  std::map<std::string, bool> clients_;  // versions that have a label
  std::atomic<int64_t> concurrent_requests_{0};
  SyncCounters sync_;
};

}  // namespace hull
