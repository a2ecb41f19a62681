// Administration: check_admin_key, and a quick honest answer on every route that is known but not built
// (http-api.md §6-§13). A 404 there would keep the CLI retrying for half a minute.
#include "server/router.h"

namespace hull {
namespace {

void check_admin_key_route(ServerContext& context, RequestPtr request, ClientVersion, Responder respond) {
  with_admin(context, request, std::move(respond), "", [](IdentityPtr identity, Responder answer) {
    if (!identity->read_only) {
      return answer(HttpResponse::json("{\"success\":true,\"allowedOps\":[],\"isReadOnly\":false}"));
    }
    answer(
        HttpResponse::json("{\"success\":true,\"allowedOps\":[\"ViewEnvironmentVariables\",\"ViewLogs\","
                           "\"ViewMetrics\",\"ViewIntegrations\","
                           "\"ViewData\",\"ViewBackups\",\"DownloadBackups\",\"RunInternalQueries\","
                           "\"RunTestQuery\",\"ViewAuditLog\","
                           "\"ViewUsageLimits\",\"ViewUsage\"],\"isReadOnly\":true}"));
  });
}

struct PlannedRoute {
  const char* method;
  const char* pattern;
  const char* feature;
};

constexpr PlannedRoute kPlannedRoutes[] = {
    {"POST", "/api/delete_component", "Components"},
    {"POST", "/api/v1/data/sync", "Streaming export"},
    {"GET", "/api/v1/data/list_active_syncs", "Streaming export"},
    {"GET", "/api/list_snapshot", "Streaming export"},
    {"POST", "/api/list_snapshot", "Streaming export"},
    {"GET", "/api/document_deltas", "Streaming export"},
    {"POST", "/api/document_deltas", "Streaming export"},
    {"GET", "/api/json_schemas", "Streaming export"},
    {"GET", "/api/test_streaming_export_connection", "Streaming export"},
    {"GET", "/api/get_table_column_names", "Streaming export"},
    {"POST", "/api/data_sync_cursor_from_deltas", "Streaming export"},
    {"*", "/api/streaming_import/{*}", "Streaming import"},
    {"POST", "/api/import", "Snapshot import"},
    {"POST", "/api/import/start_upload", "Snapshot import"},
    {"POST", "/api/import/upload_part", "Snapshot import"},
    {"POST", "/api/import/finish_upload", "Snapshot import"},
    {"POST", "/api/perform_import", "Snapshot import"},
    {"POST", "/api/cancel_import", "Snapshot import"},
    {"POST", "/api/export/request/zip", "Snapshot export"},
    {"GET", "/api/export/zip/{id}", "Snapshot export"},
    {"POST", "/api/export/set_expiration/{id}", "Snapshot export"},
    {"POST", "/api/export/cancel/{id}", "Snapshot export"},
};

constexpr PlannedRoute kLegacyRoutes[] = {
    {"POST", "/api/get_config", ""},     {"POST", "/api/push_config", ""},
    {"POST", "/api/prepare_schema", ""}, {"GET", "/api/schema_state/{schemaId}", ""},
    {"GET", "/api/get_indexes", ""},
};

}  // namespace

void add_admin_routes(Router& router) {
  router.add("GET", "/api/check_admin_key", check_admin_key_route);
  for (const PlannedRoute& planned : kPlannedRoutes) {
    RouteOptions options;
    options.hide_query = true;  // upload tokens of imports
    options.described = false;
    router.add(
        planned.method, planned.pattern,
        [feature = std::string(planned.feature)](ServerContext& context, RequestPtr request, ClientVersion,
                                                 Responder respond) {
          with_admin(context, request, std::move(respond), "", [feature](IdentityPtr, Responder answer) {
            answer(HttpResponse::error(400, "NotImplementedYet",
                                       feature + ": this version of the server does not support it yet."));
          });
        },
        options);
  }
  RouteOptions undescribed;
  undescribed.described = false;
  for (const PlannedRoute& legacy : kLegacyRoutes) {
    router.add(
        legacy.method, legacy.pattern,
        [](ServerContext&, RequestPtr, ClientVersion, Responder respond) {
          respond(HttpResponse::error(
              400, "LegacyPushUnsupported",
              "This server does not support pushes of this old kind. Update the `convex` package."));
        },
        undescribed);
  }
}

}  // namespace hull
