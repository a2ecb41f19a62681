// Tunable limits, read once from the environment under the reference's names (operations.md §16, runtime.md
// §5). An invalid value warns and keeps the default. Immutable after load, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hull {

struct Knobs {
  // Per-transaction limits (database.md §6.1).
  size_t max_documents_read = 32000;     // TRANSACTION_MAX_READ_SIZE_ROWS
  size_t max_bytes_read = 1 << 24;       // TRANSACTION_MAX_READ_SIZE_BYTES
  size_t max_read_intervals = 4096;      // TRANSACTION_MAX_READ_SET_INTERVALS
  size_t max_documents_written = 16000;  // TRANSACTION_MAX_NUM_USER_WRITES
  size_t max_bytes_written = 1 << 24;    // TRANSACTION_MAX_USER_WRITE_SIZE_BYTES
  size_t max_args_size = 1 << 24;        // FUNCTION_MAX_ARGS_SIZE
  size_t max_result_size = 1 << 24;      // FUNCTION_MAX_RESULT_SIZE
  // Functions.
  double udf_user_timeout_s = 1;            // DATABASE_UDF_USER_TIMEOUT_SECONDS
  double udf_system_timeout_s = 15;         // DATABASE_UDF_SYSTEM_TIMEOUT_SECONDS
  double action_user_timeout_s = 1800;      // V8_ACTION_USER_TIMEOUT_SECS
  double node_action_user_timeout_s = 600;  // NODE_ACTION_USER_TIMEOUT_SECS
  double analyze_user_timeout_s = 4;        // ISOLATE_ANALYZE_USER_TIMEOUT_SECONDS
  size_t max_user_heap = 64 << 20;          // ISOLATE_MAX_USER_HEAP_SIZE
  size_t max_heap_extra = 32 << 20;         // ISOLATE_MAX_HEAP_EXTRA_SIZE
  // Analysis and snapshots load every module of a push at once.
  size_t max_analyze_heap = 512 << 20;       // ISOLATE_ANALYZE_MAX_HEAP_SIZE
  size_t max_array_buffers = 64 << 20;       // ISOLATE_MAX_ARRAY_BUFFER_TOTAL_SIZE
  size_t max_concurrent_queries = 0;         // APPLICATION_MAX_CONCURRENT_QUERIES; 0 = follow the cores
  size_t max_concurrent_mutations = 0;       // APPLICATION_MAX_CONCURRENT_MUTATIONS
  size_t max_concurrent_actions = 256;       // APPLICATION_MAX_CONCURRENT_V8_ACTIONS
  size_t max_concurrent_node_actions = 256;  // APPLICATION_MAX_CONCURRENT_NODE_ACTIONS
  size_t node_action_memory = 512 << 20;     // HULL_NODE_ACTION_MAX_MEMORY: of a process that runs them
  double node_process_idle_s = 120;          // HULL_NODE_PROCESS_IDLE_SECONDS: how long one is kept warm
  size_t max_call_depth = 8;                 // MAX_REACTOR_CALL_DEPTH
  // Scheduled functions (scheduling.md §3.3).
  size_t scheduled_parallelism = 0;           // SCHEDULED_JOB_EXECUTION_PARALLELISM; 0 = follow the cores
  size_t scheduled_action_parallelism = 128;  // HULL_SCHEDULED_ACTION_PARALLELISM: actions mostly wait
  size_t max_jobs_scheduled = 1000;           // TRANSACTION_MAX_NUM_SCHEDULED
  size_t max_job_args_bytes = 1 << 24;        // TRANSACTION_MAX_SCHEDULED_TOTAL_ARGUMENT_SIZE_BYTES
  size_t large_job_args_bytes = 4 << 20;      // MAX_SCHEDULED_JOB_ARGUMENT_SIZE_BYTES: warned about
  double job_initial_backoff_ms = 500;        // SCHEDULED_JOB_INITIAL_BACKOFF_MS
  double job_max_backoff_s = 7200;            // SCHEDULED_JOB_MAX_BACKOFF_SECS
  double job_occ_initial_backoff_ms = 100;    // SCHEDULER_OCC_INITIAL_BACKOFF_MS
  double job_occ_max_backoff_ms = 60000;      // SCHEDULER_OCC_MAX_BACKOFF_MS
  double job_retention_s = 604800;            // SCHEDULED_JOB_RETENTION
  size_t job_removal_batch = 1000;            // SCHEDULED_JOB_GARBAGE_COLLECTION_BATCH_SIZE
  double job_removal_delay_s = 10;            // SCHEDULED_JOB_GARBAGE_COLLECTION_DELAY
  size_t job_cancel_batch = 1000;             // MAX_JOBS_CANCEL_BATCH
  // Caches: shares of one budget (memory_budget.h), each of which can be set apart.
  size_t memory_budget_bytes = 400 << 20;  // HULL_MEMORY_BUDGET_BYTES; default: from cgroup or machine
  size_t query_cache_bytes = 100 << 20;    // UDF_CACHE_MAX_SIZE
  size_t recent_writes_bytes = 100 << 20;  // WRITE_LOG_SOFT_MAX_SIZE_BYTES
  size_t max_unapplied_bytes = 50 << 20;   // HULL_MAX_UNAPPLIED_BYTES
  size_t page_cache_bytes = 150 << 20;     // HULL_PAGE_CACHE_BYTES
  // Commit.
  size_t occ_max_retries = 4;              // UDF_EXECUTOR_OCC_MAX_RETRIES
  double occ_initial_backoff_ms = 100;     // UDF_EXECUTOR_OCC_INITIAL_BACKOFF_MS
  double occ_max_backoff_ms = 2000;        // UDF_EXECUTOR_OCC_MAX_BACKOFF_MS
  double write_log_min_retention_s = 30;   // WRITE_LOG_MIN_RETENTION_SECS
  double write_log_max_retention_s = 300;  // WRITE_LOG_MAX_RETENTION_SECS
  // Cron jobs.
  size_t max_running_crons = 8;  // HULL_CRON_EXECUTION_PARALLELISM, else SCHEDULED_JOB_EXECUTION_PARALLELISM
  double cron_splay_s = 60;      // CRON_SPLAY_SECONDS
  // Disk.
  size_t disk_reserve_bytes = 256 << 20;    // HULL_DISK_RESERVE_BYTES: free space below which writes stop
  double log_retention_hours = 336;         // HULL_LOG_RETENTION_HOURS
  size_t log_retention_bytes = 1ull << 30;  // HULL_LOG_RETENTION_BYTES: floor of what the log may use
  // HTTP and push.
  size_t max_public_request = 16779216;  // MAX_BACKEND_PUBLIC_API_REQUEST_SIZE
  size_t max_push_bytes = 200000000;     // MAX_PUSH_BYTES
  double http_timeout_s = 300;           // HTTP_SERVER_TIMEOUT_SECONDS
  size_t max_log_entries = 1000;         // MAX_UDF_EXECUTION
  size_t env_var_limit = 512;            // ENV_VAR_LIMIT
  size_t env_var_total_size = 524288;    // ENV_VAR_TOTAL_SIZE_LIMIT
  double session_cleanup_hours = 336;    // MAX_SESSION_CLEANUP_DURATION_HOURS

  static Knobs from_environment();
};

}  // namespace hull
