// What the metrics of all rooms have in common (operations.md §13.2): names, bucket bounds, and the values
// that are read off when somebody scrapes. Counters and histograms live in a prometheus::Registry of the room
// that counts; a series is looked up once and then kept by reference, so counting takes an atomic (histogram:
// a short lock). Plain functions, thread-safe.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>

#include <string>
#include <string_view>
#include <vector>

namespace hull::metrics {

using Labels = std::map<std::string, std::string>;
using Families = std::vector<prometheus::MetricFamily>;

// The name that boards made for the reference server look for.
std::string board_name(std::string_view name);

prometheus::Family<prometheus::Counter>& counters(prometheus::Registry& registry, std::string name,
                                                  std::string help);
prometheus::Family<prometheus::Histogram>& histograms(prometheus::Registry& registry, std::string name,
                                                      std::string help);

// Bounds of buckets: 1 ms to 60 s; 1 KiB to 64 MiB; counts up to 10 000.
const prometheus::Histogram::BucketBoundaries& seconds_buckets();
const prometheus::Histogram::BucketBoundaries& bytes_buckets();
const prometheus::Histogram::BucketBoundaries& count_buckets();

// A family with the one value that is true now.
prometheus::MetricFamily gauge(std::string name, std::string help, double value, const Labels& labels = {});
// The same for a total that something else counts.
prometheus::MetricFamily counter(std::string name, std::string help, double value, const Labels& labels = {});
// One more value for the family.
void add_value(prometheus::MetricFamily& family, double value, const Labels& labels);

// Process metrics under their standard names (process_*), from /proc.
Families process_families();

// The text format. `instance_name` becomes a label of every series unless it is empty.
std::string to_text(Families families, const std::string& instance_name);

}  // namespace hull::metrics
