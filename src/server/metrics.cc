#include "server/metrics.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "services/cron_runner.h"
#include "services/scheduler.h"

namespace hull {
namespace {

using metrics::board_name;

constexpr size_t kMaxClientVersions = 30;
constexpr std::array<std::string_view, 7> kMethods = {"GET", "POST",  "HEAD",  "OPTIONS",
                                                      "PUT", "PATCH", "DELETE"};
constexpr std::array<std::string_view, 9> kClients = {"npm",  "npm-cli", "dashboard", "actions", "python",
                                                      "rust", "swift",   "kotlin",    "unknown"};

std::string site_name() {
  const char* name = std::getenv("CONVEX_SITE");
  return name == nullptr ? "" : name;
}

prometheus::Counter& plain(prometheus::Registry& registry, std::string_view name, std::string help) {
  return metrics::counters(registry, board_name(name), std::move(help)).Add({});
}

void append(metrics::Families& out, metrics::Families more) {
  std::move(more.begin(), more.end(), std::back_inserter(out));
}

void append_engine(metrics::Families& out, const Engine& engine) {
  const Engine::Stats stats = engine.stats();
  auto gauge = [&out](std::string name, std::string help, size_t value) {
    out.push_back(metrics::gauge(std::move(name), std::move(help), static_cast<double>(value)));
  };
  auto counter = [&out](std::string name, std::string help, uint64_t value) {
    out.push_back(metrics::counter(std::move(name), std::move(help), static_cast<double>(value)));
  };
  gauge("hull_subscriptions", "Results that commits are checked against", engine.subscription_count());
  gauge("hull_recent_writes_bytes", "Row images of recent commits", stats.recent_bytes);
  gauge("hull_unapplied_bytes", "Commits that the stored state does not show yet", stats.unapplied_bytes);
  counter("hull_commits_total", "Commits", stats.commits);
  counter("hull_commit_groups_total", "Groups of commits that shared a sync", stats.groups);
  counter("hull_conflicts_total", "Commits that lost a conflict", stats.conflicts);
  gauge("hull_read_only", "1 while commits are refused", engine.read_only() ? 1 : 0);
}

}  // namespace

Metrics::Metrics()
    : instance_name_(site_name()),
      http_(metrics::histograms(registry_, board_name("http_handle_duration_seconds"),
                                "From a request's head to the end of its answer")),
      bad_requests_(plain(registry_, "bad_request_error_total", "Answers with a status of 400 to 428")),
      rate_limited_(plain(registry_, "rate_limited_error_total", "Answers with status 429")),
      disconnected_(plain(registry_, "client_disconnect_error_total", "Clients that went away")),
      errors_(metrics::counters(registry_, board_name("errors_reported_total"), "Answers with a 5xx status")),
      limited_(metrics::counters(registry_, "hull_limited_total", "What a limit refused")) {}

void Metrics::record_http(std::string_view endpoint, std::string_view method, int status,
                          const ClientVersion& client, double seconds) {
  if (status == 499) {
    disconnected_.Increment();
  } else if (status == 429) {
    rate_limited_.Increment();
  } else if (status >= 500) {
    errors_.Add({{"type", std::to_string(status)}}).Increment();
  } else if (status >= 400) {
    bad_requests_.Increment();
  }
  std::lock_guard lock(mutex_);
  http_series_locked(endpoint, method, status, client).Observe(seconds);
}

prometheus::Histogram& Metrics::http_series_locked(std::string_view endpoint, std::string_view method,
                                                   int status, const ClientVersion& client) {
  const bool known_method = std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
  std::string version = "other";
  if (std::find(kClients.begin(), kClients.end(), client.client) != kClients.end()) {
    std::string name = client.client;
    if (client.version)
      name += "-" + std::to_string(client.version->major) + "." + std::to_string(client.version->minor);
    if (clients_.contains(name) || clients_.size() < kMaxClientVersions) {
      clients_[name] = true;
      version = std::move(name);
    }
  }
  const std::string shown_method(known_method ? method : "other");
  auto [it, added] = series_.try_emplace({std::string(endpoint), shown_method, status, version});
  if (added) {
    it->second = &http_.Add({{"endpoint", std::string(endpoint)},
                             {"method", shown_method},
                             {"status", std::to_string(status)},
                             {"client_version", version},
                             {"is_test", "false"}},
                            metrics::seconds_buckets());
  }
  return *it->second;
}

void Metrics::record_limited(std::string_view what) {
  limited_.Add({{"what", std::string(what)}}).Increment();
}

std::string Metrics::render(FunctionRunner* runner, const Scheduler* scheduler, const CronRunner* crons,
                            size_t open_connections, const std::string& version) {
  metrics::Families out = registry_.Collect();
  append(out, sync_.collect());
  out.push_back(metrics::gauge(board_name("backend_http_service_concurrent_requests"),
                               "Requests that are being answered",
                               static_cast<double>(concurrent_requests_.load())));
  out.push_back(metrics::gauge("hull_open_connections", "Open TCP connections, websockets included",
                               static_cast<double>(open_connections)));
  append(out, metrics::process_families());
  const auto resident = std::find_if(out.begin(), out.end(), [](const auto& family) {
    return family.name == "process_resident_memory_bytes";
  });
  prometheus::MetricFamily memory =
      metrics::gauge(board_name("application_process_memory_bytes"), "Resident memory",
                     resident->metric[0].gauge.value, {{"component", "server"}});
  if (runner != nullptr) {
    metrics::add_value(memory, static_cast<double>(runner->stats().worker_rss_bytes),
                       {{"component", "workers"}});
    append(out, runner->metric_families());
    append_engine(out, runner->engine());
    if (scheduler != nullptr) append(out, scheduler->metric_families());
    if (crons != nullptr) append(out, crons->metric_families());
  }
  out.push_back(std::move(memory));
  out.push_back(metrics::gauge(board_name("convex_binary_versions_total"), "1 for the version that runs", 1,
                               {{"binary", "hull"}, {"version", version}}));
  return metrics::to_text(std::move(out), instance_name_);
}

}  // namespace hull
