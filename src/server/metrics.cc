#include "server/metrics.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <fstream>

namespace hull {
namespace {

constexpr std::string_view kPrefix = "convex_local_backend_";

void append_metric(std::string& out, std::string_view name, std::string_view type, double value,
                   std::string_view labels = "") {
  out += fmt::format("# TYPE {0}{1} {2}\n{0}{1}{3} {4}\n", kPrefix, name, type, labels, value);
}

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace

void Metrics::record_http(std::string_view endpoint, std::string_view method, int status, double seconds) {
  std::lock_guard lock(mutex_);
  Histogram& h = http_[{std::string(endpoint), std::string(method), status}];
  for (size_t i = 0; i < kBuckets.size(); ++i) {
    if (seconds <= kBuckets[i]) {
      ++h.counts[i];
      break;
    }
  }
  ++h.count;
  h.sum += seconds;
}

std::string Metrics::render(FunctionRunner* runner) const {
  std::string out;
  append_metric(out, "application_process_memory_bytes", "gauge", resident_bytes(), "{component=\"server\"}");
  append_metric(out, "backend_http_service_concurrent_requests", "gauge",
                static_cast<double>(concurrent_requests_.load()));
  append_metric(out, "sync_protocol_websockets_total", "gauge", static_cast<double>(sync_.websockets.load()));
  append_metric(out, "backend_ws_in_total", "counter", static_cast<double>(sync_.messages_in.load()));
  append_metric(out, "backend_ws_out_total", "counter", static_cast<double>(sync_.messages_out.load()));
  append_metric(out, "backend_ws_closed_total", "counter", static_cast<double>(sync_.closed.load()));
  append_metric(out, "backend_ws_server_error_total", "counter",
                static_cast<double>(sync_.server_errors.load()));
  append_metric(out, "sync_transition_total", "counter", static_cast<double>(sync_.transitions.load()));
  append_metric(out, "sync_empty_transition_total", "counter",
                static_cast<double>(sync_.empty_transitions.load()));
  append_metric(out, "sync_query_failed_total", "counter", static_cast<double>(sync_.query_failed.load()));
  append_metric(out, "sync_query_result_dedup_total", "counter",
                static_cast<double>(sync_.deduplicated.load()));
  append_metric(out, "sync_auth_error_total", "counter", static_cast<double>(sync_.auth_errors.load()));
  if (runner != nullptr) {
    FunctionRunner::Stats stats = runner->stats();
    append_metric(out, "isolate_pool_allocated_count_info", "gauge", static_cast<double>(stats.workers));
    append_metric(out, "isolate_pool_running_count_info", "gauge", static_cast<double>(stats.running_calls));
    append_metric(out, "isolate_total_physical_size_bytes", "gauge",
                  static_cast<double>(stats.worker_rss_bytes));
    append_metric(out, "database_subscriptions_info", "gauge",
                  static_cast<double>(runner->engine().subscription_count()));
    append_metric(out, "cache_size_bytes", "gauge", static_cast<double>(stats.query_cache_bytes));
    const Engine::Stats engine = runner->engine().stats();
    append_metric(out, "hull_recent_writes_bytes", "gauge", static_cast<double>(engine.recent_bytes));
    append_metric(out, "hull_unapplied_bytes", "gauge", static_cast<double>(engine.unapplied_bytes));
    append_metric(out, "hull_commits_total", "counter", static_cast<double>(engine.commits));
    append_metric(out, "hull_commit_groups_total", "counter", static_cast<double>(engine.groups));
    append_metric(out, "hull_conflicts_total", "counter", static_cast<double>(engine.conflicts));
    append_metric(out, "hull_read_only", "gauge", runner->engine().read_only() ? 1 : 0);
  }
  std::lock_guard lock(mutex_);
  out += fmt::format("# TYPE {}http_handle_duration_seconds histogram\n", kPrefix);
  for (const auto& [key, h] : http_) {
    const auto& [endpoint, method, status] = key;
    std::string labels = fmt::format("endpoint=\"{}\",method=\"{}\",status=\"{}\"", endpoint, method, status);
    uint64_t cumulative = 0;
    for (size_t i = 0; i < kBuckets.size(); ++i) {
      cumulative += h.counts[i];
      out += fmt::format("{}http_handle_duration_seconds_bucket{{{},le=\"{}\"}} {}\n", kPrefix, labels,
                         kBuckets[i], cumulative);
    }
    out += fmt::format(
        "{0}http_handle_duration_seconds_bucket{{{1},le=\"+Inf\"}} {2}\n"
        "{0}http_handle_duration_seconds_sum{{{1}}} {3}\n"
        "{0}http_handle_duration_seconds_count{{{1}}} {2}\n",
        kPrefix, labels, h.count, h.sum);
  }
  return out;
}

}  // namespace hull
