#include "functions/function_metrics.h"

#include <array>
#include <string_view>

namespace hull {
namespace {

using metrics::board_name;
using metrics::Labels;
using prometheus::Counter;
using prometheus::Histogram;
template <typename T>
using Family = prometheus::Family<T>;

constexpr std::array<UdfType, 4> kTypes = {UdfType::kQuery, UdfType::kMutation, UdfType::kAction,
                                           UdfType::kHttpAction};
constexpr std::array<std::string_view, 2> kRuntimeNames = {"isolate", "node"};

enum Ending { kSuccess, kDeveloperError, kSystemError, kConflict, kResults };
constexpr std::array<std::string_view, kResults> kResultNames = {"success", "developer_error", "system_error",
                                                                 "occ"};

Ending result_of(const FunctionLogEntry& entry) {
  if (entry.occ) return kConflict;
  if (!entry.error) return kSuccess;
  return entry.system_error ? kSystemError : kDeveloperError;
}

Labels with(Labels labels, std::string name, std::string_view value) {
  labels[std::move(name)] = std::string(value);
  return labels;
}

Histogram& seconds(Family<Histogram>& family, const Labels& labels) {
  return family.Add(labels, metrics::seconds_buckets());
}

}  // namespace

struct FunctionMetrics::PerFunction {
  std::array<Counter*, kResults> calls{};  // made when first needed
  Labels labels;
  Histogram* time = nullptr;
  Counter *read_rows = nullptr, *read_bytes = nullptr, *written_rows = nullptr, *written_bytes = nullptr;
  Counter *conflicts = nullptr, *cache_hits = nullptr;
};

struct FunctionMetrics::Series {
  struct Type {
    std::array<Histogram*, 2> execute, run_isolate, run_node;  // by failure
    std::array<Histogram*, 2> wait;                            // by runtime
    std::array<Counter*, 2> wait_timeouts;                     // by runtime
    std::array<Counter*, kResults> results;
    Histogram* user;
  };
  std::array<Type, 4> types;
  std::array<std::array<Histogram*, 2>, 2> cache_get;  // by hit and pagination
  Counter &cache_ready, &cache_go;
  Counter &out_of_memory, &user_timeouts, &system_timeouts;
  std::array<Histogram*, 2> mutation, node, commit;  // by failure
  std::array<Histogram*, 2> retries;
  Histogram &queue, &create_isolate;
  Counter &commit_rows, &commit_races, &cold_starts;
  Family<Counter>&calls, &read_rows, &read_bytes, &written_rows, &written_bytes, &conflicts, &cache_hits;
  Family<Histogram>& time;

  explicit Series(prometheus::Registry& r)
      : cache_ready(plain(r, "cache_plan_ready_total", "Queries that were answered from the cache")),
        cache_go(plain(r, "cache_plan_go_total", "Queries that had to run")),
        out_of_memory(plain(r, "isolate_out_of_memory_total", "Calls that ran out of memory")),
        user_timeouts(plain(r, "udf_user_timeout_total", "Calls that computed for too long")),
        system_timeouts(plain(r, "udf_system_timeout_total", "Calls whose operations took too long")),
        queue(histogram(r, "udf_queue_seconds", "How long queries and mutations waited for a worker")),
        create_isolate(histogram(r, "create_isolate_seconds", "How long a worker took to start")),
        commit_rows(plain(r, "database_commit_rows", "Documents written by committed mutations")),
        commit_races(plain(r, "commit_race_total", "Attempts of mutations that lost a conflict")),
        cold_starts(plain(r, "node_executor_cold_start_total", "Started processes for Node.js actions")),
        calls(metrics::counters(r, "hull_function_calls_total", "Calls by result; conflicts are retried")),
        read_rows(metrics::counters(r, "hull_function_read_rows_total", "Documents read")),
        read_bytes(metrics::counters(r, "hull_function_read_bytes_total", "Bytes of documents read")),
        written_rows(metrics::counters(r, "hull_function_written_rows_total", "Documents written")),
        written_bytes(
            metrics::counters(r, "hull_function_written_bytes_total", "Bytes of documents written")),
        conflicts(metrics::counters(r, "hull_function_conflicts_total", "Attempts that lost a conflict")),
        cache_hits(metrics::counters(r, "hull_function_cache_hits_total", "Calls answered from the cache")),
        time(metrics::histograms(r, "hull_function_seconds", "Time of calls that were not cached")) {
    auto& execute = family(r, "udf_execute_seconds", "Time of calls that were not cached");
    auto& run = family(r, "application_function_runner_run_seconds", "Time of calls that were not cached");
    auto& wait = family(r, "application_function_runner_wait_seconds", "How long calls waited for a worker");
    auto& timeouts = metrics::counters(r, board_name("application_function_runner_wait_timeout_total"),
                                       "Calls that were refused because no worker became free");
    auto& results = metrics::counters(r, board_name("udf_executor_result_total"), "Calls by result");
    auto& user = family(r, "user_function_execution_seconds", "Time spent in JavaScript");
    const std::array<std::string_view, 2> status = {"success", "error"};
    for (size_t t = 0; t < kTypes.size(); ++t) {
      const Labels labels = {{"udf_type", std::string(udf_type_name(kTypes[t]))}};
      for (size_t failed = 0; failed < 2; ++failed) {
        const Labels both = with(labels, "status", status[failed]);
        types[t].execute[failed] = &seconds(execute, with(both, "npm_version", "unknown"));
        types[t].run_isolate[failed] = &seconds(run, with(both, "env_type", kRuntimeNames[0]));
        types[t].run_node[failed] = &seconds(run, with(both, "env_type", kRuntimeNames[1]));
      }
      for (size_t runtime = 0; runtime < 2; ++runtime) {
        const Labels where = with(labels, "env_type", kRuntimeNames[runtime]);
        types[t].wait[runtime] = &seconds(wait, with(where, "status", "success"));
        types[t].wait_timeouts[runtime] = &timeouts.Add(where);
      }
      for (size_t result = 0; result < kResults; ++result)
        types[t].results[result] = &results.Add(with(labels, "result", kResultNames[result]));
      types[t].user = &seconds(user, labels);
    }
    auto& get = family(r, "cache_get_seconds", "Time of queries, cached or not");
    for (size_t hit = 0; hit < 2; ++hit) {
      for (size_t paginated = 0; paginated < 2; ++paginated) {
        cache_get[hit][paginated] = &seconds(get, {{"status", "success"},
                                                   {"cache_status", hit != 0 ? "hit" : "miss"},
                                                   {"is_paginated", paginated != 0 ? "true" : "false"}});
      }
    }
    auto& mutations = family(r, "application_mutation_seconds", "Time of mutations with their retries");
    auto& retry = family(r, "occ_retries_total", "Retries that a mutation needed");
    auto& nodes = family(r, "node_executor_total_seconds", "Time of Node.js actions");
    auto& commits = family(r, "database_commit_seconds", "From the submission of a commit to its outcome");
    for (size_t failed = 0; failed < 2; ++failed) {
      const Labels labels = {{"status", std::string(status[failed])}};
      mutation[failed] = &seconds(mutations, labels);
      retries[failed] = &retry.Add(labels, metrics::count_buckets());
      node[failed] = &seconds(nodes, with(labels, "method", "execute"));
      commit[failed] = &seconds(commits, labels);
    }
  }

  static Family<Histogram>& family(prometheus::Registry& r, std::string_view name, std::string help) {
    return metrics::histograms(r, board_name(name), std::move(help));
  }
  static Histogram& histogram(prometheus::Registry& r, std::string_view name, std::string help) {
    return seconds(family(r, name, std::move(help)), {});
  }
  static Counter& plain(prometheus::Registry& r, std::string_view name, std::string help) {
    return metrics::counters(r, board_name(name), std::move(help)).Add({});
  }
};

FunctionMetrics::FunctionMetrics() : series_(std::make_unique<Series>(registry_)) {}
FunctionMetrics::~FunctionMetrics() = default;

FunctionMetrics::PerFunction& FunctionMetrics::function_locked(const FunctionLogEntry& entry) {
  const uint32_t name =
      entry.names_a_function() ? names_.add(entry.identifier) : names_.find(entry.identifier);
  const uint64_t key = uint64_t{name} << 8 | static_cast<uint64_t>(entry.udf_type);
  auto [it, added] = functions_.try_emplace(key);
  PerFunction& f = it->second;
  if (!added) return f;
  f.labels = {{"function", names_.name(name)}, {"udf_type", std::string(udf_type_name(entry.udf_type))}};
  f.time = &seconds(series_->time, f.labels);
  if (entry.udf_type == UdfType::kQuery) f.cache_hits = &series_->cache_hits.Add(f.labels);
  if (entry.udf_type == UdfType::kQuery || entry.udf_type == UdfType::kMutation) {
    f.read_rows = &series_->read_rows.Add(f.labels);
    f.read_bytes = &series_->read_bytes.Add(f.labels);
  }
  if (entry.udf_type == UdfType::kMutation) {
    f.written_rows = &series_->written_rows.Add(f.labels);
    f.written_bytes = &series_->written_bytes.Add(f.labels);
    f.conflicts = &series_->conflicts.Add(f.labels);
  }
  return f;
}

void FunctionMetrics::record(const FunctionLogEntry& entry) {
  const Ending result = result_of(entry);
  const size_t failed = result == kSuccess ? 0 : 1;
  Series::Type& type = series_->types[static_cast<size_t>(entry.udf_type)];
  const bool query = entry.udf_type == UdfType::kQuery, mutation = entry.udf_type == UdfType::kMutation;
  const bool node = entry.environment == "node";

  type.results[result]->Increment();
  if (!entry.cached_result) {
    type.execute[failed]->Observe(entry.execution_time_s);
    (node ? type.run_node : type.run_isolate)[failed]->Observe(entry.execution_time_s);
    type.user->Observe(entry.user_execution_time_s);
  }
  if (node) series_->node[failed]->Observe(entry.execution_time_s);
  if (query) {
    series_->cache_get[entry.cached_result ? 1 : 0][entry.paginated ? 1 : 0]->Observe(entry.execution_time_s);
    (entry.cached_result ? series_->cache_ready : series_->cache_go).Increment();
  }
  if (mutation && result == kSuccess)
    series_->commit_rows.Increment(static_cast<double>(entry.write_documents));
  if (result == kConflict) series_->commit_races.Increment();
  if (result == kDeveloperError) {
    const std::string_view text = *entry.error;
    if (text.find("ran out of memory") != std::string_view::npos) series_->out_of_memory.Increment();
    if (text.starts_with("Function execution timed out")) series_->user_timeouts.Increment();
    if (text.starts_with("Your request timed out")) series_->system_timeouts.Increment();
  }

  std::lock_guard lock(mutex_);
  PerFunction& f = function_locked(entry);
  if (!f.calls[result]) f.calls[result] = &series_->calls.Add(with(f.labels, "result", kResultNames[result]));
  f.calls[result]->Increment();
  if (entry.cached_result) {
    if (f.cache_hits) f.cache_hits->Increment();
    return;
  }
  f.time->Observe(entry.execution_time_s);
  if (f.read_rows) {
    f.read_rows->Increment(static_cast<double>(entry.read_documents));
    f.read_bytes->Increment(static_cast<double>(entry.read_bytes));
  }
  if (f.written_rows && result == kSuccess) {
    f.written_rows->Increment(static_cast<double>(entry.write_documents));
    f.written_bytes->Increment(static_cast<double>(entry.write_bytes));
  }
  if (f.conflicts && result == kConflict) f.conflicts->Increment();
}

void FunctionMetrics::started(UdfType type, OutstandingCalls::Runtime runtime, double waited_s) {
  series_->types[static_cast<size_t>(type)].wait[static_cast<size_t>(runtime)]->Observe(waited_s);
  if (type == UdfType::kQuery || type == UdfType::kMutation) series_->queue.Observe(waited_s);
}

void FunctionMetrics::refused(UdfType type, OutstandingCalls::Runtime runtime) {
  series_->types[static_cast<size_t>(type)].wait_timeouts[static_cast<size_t>(runtime)]->Increment();
}

void FunctionMetrics::commit_ended(bool committed, double seconds) {
  series_->commit[committed ? 0 : 1]->Observe(seconds);
}

void FunctionMetrics::mutation_answered(bool success, double seconds, size_t retries) {
  series_->mutation[success ? 0 : 1]->Observe(seconds);
  series_->retries[success ? 0 : 1]->Observe(static_cast<double>(retries));
}

void FunctionMetrics::worker_started(OutstandingCalls::Runtime runtime, double seconds) {
  series_->create_isolate.Observe(seconds);
  if (runtime == OutstandingCalls::Runtime::kNode) series_->cold_starts.Increment();
}

metrics::Families FunctionMetrics::collect() const { return registry_.Collect(); }

}  // namespace hull
