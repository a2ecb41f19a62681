// Whole tables, for the dashboard and the CLI's tools (http-api.md §7.1).
#include "server/router.h"
#include "services/component_reference.h"
#include "services/table_deletion.h"
#include "services/table_shapes.h"

namespace hull {
namespace {

HttpResponse shapes(ServerContext& context, const HttpRequest& request) {
  SnapshotPtr snapshot = context.runner->engine().snapshot();
  auto component = check_component(*snapshot->catalog(), request.query_value("component").value_or(""));
  if (!component.ok()) return HttpResponse::error(component.error());
  auto found = table_shapes(*snapshot);
  return found.ok() ? HttpResponse::json(*std::move(found)) : HttpResponse::error(found.error());
}

HttpResponse remove(ServerContext& context, const HttpRequest& request) {
  auto apply = [&]() -> Result<void> {
    HULL_TRY(Value body, json_body(request));
    HULL_TRY(auto component, optional_string_field(body, "componentId"));
    HULL_CHECK_OK(check_component(*context.catalog(), component.value_or("")));
    auto list = body.view().find("tableNames");
    std::vector<std::string> names;
    for (size_t i = 0; list && list->is_array() && i < list->count(); ++i) {
      if (!list->element(i).is_string()) list.reset();
      if (list) names.emplace_back(list->element(i).as_string());
    }
    if (!list || !list->is_array())
      return Error::bad_request("BadJsonBody", "field `tableNames` must be an array of strings");
    return delete_tables(context.runner->engine(), *context.knobs, names);
  };
  auto done = apply();
  return done.ok() ? HttpResponse::empty(200) : HttpResponse::error(done.error());
}

}  // namespace

void add_table_routes(Router& router) {
  RouteOptions polled;
  polled.polled = true;
  router.add("GET", "/api/shapes2", admin_handler("ViewData", shapes), polled);
  router.add("POST", "/api/delete_tables", admin_handler("WriteData", remove));
}

}  // namespace hull
