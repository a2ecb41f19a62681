// The system tables, their numbers and their fixed indexes (database.md §10.1, §10.3).
#include <array>

#include "database/catalog.h"

namespace hull {

std::span<const SystemTable> system_tables() {
  static const std::vector<SystemTable> tables = {
      {"_tables", 1, {{"by_name", {"name"}}, {"by_number", {"number"}}, {"by_tablet", {"tablet"}}}, true},
      {"_index", 2, {{"by_table", {"table_id", "descriptor"}}, {"by_index_id", {"index_id"}}}, true},
      {"_exports", 4, {{"by_requestor", {"requestor"}}, {"by_state_and_ts", {"state", "start_ts"}}}, false},
      {"_backend_info", 5, {}, true},
      {"_udf_config", 6, {}, true},
      {"_auth", 7, {}, true},
      {"_db", 8, {}, true},
      {"_modules", 9, {{"by_path", {"path"}}}, true},
      {"_source_packages", 12, {}, true},
      {"_environment_variables", 13, {{"by_name", {"name"}}}, true},
      {"_deployment_audit_log", 15, {}, false},
      {"_session_requests", 17, {{"by_session_id_and_request_id", {"sessionId", "requestId"}}}, false},
      {"_cron_jobs", 19, {{"by_name", {"name"}}}, true},
      {"_schemas", 20, {{"by_state", {"state.state"}}}, true},
      {"_cron_job_logs", 21, {{"by_name_and_ts", {"name", "ts"}}}, false},
      {"_log_sinks", 23, {}, true},
      {"_backend_state", 24, {}, true},
      {"_external_packages", 25, {}, true},
      {"_scheduled_jobs",
       27,
       {{"by_next_ts", {"nextTs"}},
        {"by_udf_path_and_next_event_ts", {"udfPath", "nextTs"}},
        {"by_completed_ts", {"completedTs"}}},
       false},
      {"_file_storage", 28, {{"by_storage_id", {"storageId"}}}, false},
      {"_snapshot_imports", 29, {}, false},
      {"_index_worker_metadata", 30, {}, false},
      {"_component_definitions", 31, {{"by_path", {"path"}}}, true},
      {"_components", 32, {{"by_parent_and_name", {"parent", "name"}}}, true},
      {"_function_handles", 33, {{"by_component_and_path", {"component", "path"}}}, false},
      {"_canonical_urls", 34, {}, true},
      {"_cron_next_run", 35, {{"by_cron_job", {"cronJobId"}}, {"by_next_ts", {"nextTs"}}}, false},
      {"_index_backfills", 36, {{"by_index_id", {"indexId"}}}, false},
      {"_schema_validation_progress", 37, {{"by_schema_id", {"schemaId"}}}, false},
      {"_scheduled_job_args", 38, {}, false},
      {"_usage_limits", 40, {}, true},
  };
  return tables;
}

namespace {
struct VirtualTable {
  std::string_view name, system;
};
constexpr std::array<VirtualTable, 2> kVirtualTables{
    {{"_storage", "_file_storage"}, {"_scheduled_functions", "_scheduled_jobs"}}};
}  // namespace

std::optional<std::string_view> virtual_table_name(std::string_view system_table) {
  for (const auto& table : kVirtualTables)
    if (table.system == system_table) return table.name;
  return std::nullopt;
}

std::optional<std::string_view> system_table_of_virtual(std::string_view name) {
  for (const auto& table : kVirtualTables)
    if (table.name == name) return table.system;
  return std::nullopt;
}

}  // namespace hull
