#include "base/knobs.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "base/log.h"
#include "base/memory_budget.h"

namespace hull {
namespace {

template <typename T>
void read(const char* name, T& knob) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return;
  std::string_view view = text;
  T parsed{};
  auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), parsed);
  bool valid = error == std::errc() && end == view.data() + view.size();
  if constexpr (std::is_floating_point_v<T>) valid = valid && std::isfinite(parsed) && parsed >= 0;
  if (!valid) {
    spdlog::warn("Invalid value for {} in environment, keeping {}", name, knob);
    return;
  }
  if (parsed == knob) return;
  spdlog::info("Overriding {} to {} from environment", name, parsed);
  knob = parsed;
}

}  // namespace

Knobs Knobs::from_environment() {
  Knobs k;
  read("TRANSACTION_MAX_READ_SIZE_ROWS", k.max_documents_read);
  read("TRANSACTION_MAX_READ_SIZE_BYTES", k.max_bytes_read);
  read("TRANSACTION_MAX_READ_SET_INTERVALS", k.max_read_intervals);
  read("TRANSACTION_MAX_NUM_USER_WRITES", k.max_documents_written);
  read("TRANSACTION_MAX_USER_WRITE_SIZE_BYTES", k.max_bytes_written);
  read("FUNCTION_MAX_ARGS_SIZE", k.max_args_size);
  read("FUNCTION_MAX_RESULT_SIZE", k.max_result_size);
  read("DATABASE_UDF_USER_TIMEOUT_SECONDS", k.udf_user_timeout_s);
  read("DATABASE_UDF_SYSTEM_TIMEOUT_SECONDS", k.udf_system_timeout_s);
  read("V8_ACTION_USER_TIMEOUT_SECS", k.action_user_timeout_s);
  read("NODE_ACTION_USER_TIMEOUT_SECS", k.node_action_user_timeout_s);
  read("ISOLATE_ANALYZE_USER_TIMEOUT_SECONDS", k.analyze_user_timeout_s);
  read("ISOLATE_MAX_USER_HEAP_SIZE", k.max_user_heap);
  read("ISOLATE_MAX_HEAP_EXTRA_SIZE", k.max_heap_extra);
  read("ISOLATE_ANALYZE_MAX_HEAP_SIZE", k.max_analyze_heap);
  read("ISOLATE_MAX_ARRAY_BUFFER_TOTAL_SIZE", k.max_array_buffers);
  read("APPLICATION_MAX_CONCURRENT_QUERIES", k.max_concurrent_queries);
  read("APPLICATION_MAX_CONCURRENT_MUTATIONS", k.max_concurrent_mutations);
  read("APPLICATION_MAX_CONCURRENT_V8_ACTIONS", k.max_concurrent_actions);
  read("APPLICATION_MAX_CONCURRENT_NODE_ACTIONS", k.max_concurrent_node_actions);
  read("HULL_NODE_ACTION_MAX_MEMORY", k.node_action_memory);
  read("HULL_NODE_PROCESS_IDLE_SECONDS", k.node_process_idle_s);
  read("MAX_REACTOR_CALL_DEPTH", k.max_call_depth);
  read("SCHEDULED_JOB_EXECUTION_PARALLELISM", k.scheduled_parallelism);
  read("HULL_SCHEDULED_ACTION_PARALLELISM", k.scheduled_action_parallelism);
  read("TRANSACTION_MAX_NUM_SCHEDULED", k.max_jobs_scheduled);
  read("TRANSACTION_MAX_SCHEDULED_TOTAL_ARGUMENT_SIZE_BYTES", k.max_job_args_bytes);
  read("MAX_SCHEDULED_JOB_ARGUMENT_SIZE_BYTES", k.large_job_args_bytes);
  read("SCHEDULED_JOB_INITIAL_BACKOFF_MS", k.job_initial_backoff_ms);
  read("SCHEDULED_JOB_MAX_BACKOFF_SECS", k.job_max_backoff_s);
  read("SCHEDULER_OCC_INITIAL_BACKOFF_MS", k.job_occ_initial_backoff_ms);
  read("SCHEDULER_OCC_MAX_BACKOFF_MS", k.job_occ_max_backoff_ms);
  read("SCHEDULED_JOB_RETENTION", k.job_retention_s);
  read("SCHEDULED_JOB_GARBAGE_COLLECTION_BATCH_SIZE", k.job_removal_batch);
  read("SCHEDULED_JOB_GARBAGE_COLLECTION_DELAY", k.job_removal_delay_s);
  read("MAX_JOBS_CANCEL_BATCH", k.job_cancel_batch);
  k.memory_budget_bytes = MemoryBudget::for_available(available_memory()).total;
  read("HULL_MEMORY_BUDGET_BYTES", k.memory_budget_bytes);
  const MemoryBudget budget = MemoryBudget::divide(k.memory_budget_bytes);
  k.query_cache_bytes = budget.query_cache;
  k.recent_writes_bytes = budget.recent_writes;
  k.max_unapplied_bytes = budget.unapplied;
  k.page_cache_bytes = budget.page_cache;
  read("UDF_CACHE_MAX_SIZE", k.query_cache_bytes);
  read("UDF_EXECUTOR_OCC_MAX_RETRIES", k.occ_max_retries);
  read("UDF_EXECUTOR_OCC_INITIAL_BACKOFF_MS", k.occ_initial_backoff_ms);
  read("UDF_EXECUTOR_OCC_MAX_BACKOFF_MS", k.occ_max_backoff_ms);
  read("WRITE_LOG_MIN_RETENTION_SECS", k.write_log_min_retention_s);
  read("WRITE_LOG_MAX_RETENTION_SECS", k.write_log_max_retention_s);
  read("WRITE_LOG_SOFT_MAX_SIZE_BYTES", k.recent_writes_bytes);
  read("HULL_MAX_UNAPPLIED_BYTES", k.max_unapplied_bytes);
  read("HULL_PAGE_CACHE_BYTES", k.page_cache_bytes);
  read("SCHEDULED_JOB_EXECUTION_PARALLELISM", k.max_running_crons);
  read("HULL_CRON_EXECUTION_PARALLELISM", k.max_running_crons);
  read("CRON_SPLAY_SECONDS", k.cron_splay_s);
  read("HULL_DISK_RESERVE_BYTES", k.disk_reserve_bytes);
  read("HULL_LOG_RETENTION_HOURS", k.log_retention_hours);
  read("HULL_LOG_RETENTION_BYTES", k.log_retention_bytes);
  read("MAX_BACKEND_PUBLIC_API_REQUEST_SIZE", k.max_public_request);
  read("MAX_PUSH_BYTES", k.max_push_bytes);
  read("HTTP_SERVER_TIMEOUT_SECONDS", k.http_timeout_s);
  read("MAX_UDF_EXECUTION", k.max_log_entries);
  read("ENV_VAR_LIMIT", k.env_var_limit);
  read("ENV_VAR_TOTAL_SIZE_LIMIT", k.env_var_total_size);
  read("MAX_SESSION_CLEANUP_DURATION_HOURS", k.session_cleanup_hours);
  return k;
}

}  // namespace hull
