#include "base/metrics.h"

#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace hull::metrics {
namespace {

using prometheus::MetricType;

prometheus::MetricFamily family(std::string name, std::string help, MetricType type, double value,
                                const Labels& labels) {
  prometheus::MetricFamily out;
  out.name = std::move(name);
  out.help = std::move(help);
  out.type = type;
  add_value(out, value, labels);
  return out;
}

// Fields 14 and 15 (user and system ticks), 20 (threads), 22 (start, ticks after boot) and 23, 24 (virtual
// bytes, resident pages) of proc(5) stat.
struct ProcessFacts {
  double cpu_ticks = 0, threads = 0, start_ticks = 0, virtual_bytes = 0, resident_pages = 0;
};

ProcessFacts read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  // The name may hold blanks and ends with the last parenthesis.
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string skipped;
  ProcessFacts facts;
  double user = 0, system = 0;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  fields >> user >> system;
  for (int i = 16; i < 20; ++i) fields >> skipped;
  fields >> facts.threads >> skipped >> facts.start_ticks >> facts.virtual_bytes >> facts.resident_pages;
  facts.cpu_ticks = user + system;
  return facts;
}

double boot_time_s() {
  std::ifstream file("/proc/stat");
  std::string word;
  double seconds = 0;
  while (file >> word) {
    if (word == "btime" && file >> seconds) break;
  }
  return seconds;
}

}  // namespace

std::string board_name(std::string_view name) { return "convex_local_backend_" + std::string(name); }

prometheus::Family<prometheus::Counter>& counters(prometheus::Registry& registry, std::string name,
                                                  std::string help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Histogram>& histograms(prometheus::Registry& registry, std::string name,
                                                      std::string help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

const prometheus::Histogram::BucketBoundaries& seconds_buckets() {
  static const prometheus::Histogram::BucketBoundaries kBounds = {
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
  return kBounds;
}

const prometheus::Histogram::BucketBoundaries& bytes_buckets() {
  static const prometheus::Histogram::BucketBoundaries kBounds = {
      1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20};
  return kBounds;
}

const prometheus::Histogram::BucketBoundaries& count_buckets() {
  static const prometheus::Histogram::BucketBoundaries kBounds = {0,  1,   2,   5,    10,   20,
                                                                  50, 100, 500, 1000, 10000};
  return kBounds;
}

prometheus::MetricFamily gauge(std::string name, std::string help, double value, const Labels& labels) {
  return family(std::move(name), std::move(help), MetricType::Gauge, value, labels);
}

prometheus::MetricFamily counter(std::string name, std::string help, double value, const Labels& labels) {
  return family(std::move(name), std::move(help), MetricType::Counter, value, labels);
}

void add_value(prometheus::MetricFamily& family, double value, const Labels& labels) {
  prometheus::ClientMetric metric;
  for (const auto& [name, text] : labels) metric.label.push_back({name, text});
  if (family.type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
}

Families process_families() {
  const ProcessFacts facts = read_stat();
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  std::error_code ignored;
  double open_files = 0;
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/fd", ignored))
    ++open_files;
  return {
      counter("process_cpu_seconds_total", "Processor time used by the server process",
              facts.cpu_ticks / ticks),
      gauge("process_resident_memory_bytes", "Resident memory of the server process",
            facts.resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE))),
      gauge("process_virtual_memory_bytes", "Virtual memory of the server process", facts.virtual_bytes),
      gauge("process_start_time_seconds", "Start of the server process, Unix time",
            boot_time_s() + facts.start_ticks / ticks),
      gauge("process_threads", "Threads of the server process", facts.threads),
      gauge("process_open_fds", "Open file descriptors", open_files),
      gauge("process_max_fds", "Most file descriptors that may be open", static_cast<double>(files.rlim_cur)),
  };
}

std::string to_text(Families families, const std::string& instance_name) {
  if (!instance_name.empty()) {
    for (auto& each : families) {
      for (auto& metric : each.metric) metric.label.push_back({"instance_name", instance_name});
    }
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return out.str();
}

}  // namespace hull::metrics
