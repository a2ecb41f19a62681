// Administration of scheduled functions (scheduling.md §4).
#include <cmath>

#include "server/router.h"
#include "services/component_reference.h"
#include "services/job_admin.h"
#include "value/names.h"

namespace hull {
namespace {

Route::Handler handler(Result<void> (*act)(ServerContext&, ValueView body)) {
  return admin_handler("WriteData", [act](ServerContext& context, const HttpRequest& request) {
    auto body = json_body(request);
    auto done = body.ok() ? act(context, *body) : Result<void>(body.error());
    return done.ok() ? HttpResponse::empty(200) : HttpResponse::error(done.error());
  });
}

Result<void> check_component_id(ServerContext& context, ValueView body) {
  HULL_TRY(auto component, optional_string_field(body, "componentId"));
  return check_component(*context.catalog(), component.value_or(""));
}

Result<std::optional<int64_t>> time_field(ValueView body, std::string_view name, const char* code) {
  auto field = body.find(name);
  if (!field || field->is_null()) return std::optional<int64_t>();
  const double ns = field->is_float64() ? field->as_float64() : -1;
  if (!(ns >= 0 && ns < 9.2e18) || ns != std::floor(ns))
    return Error::bad_request(code, "`" + std::string(name) + "` must be nanoseconds since the epoch");
  return std::optional(static_cast<int64_t>(ns));
}

Result<void> cancel_one(ServerContext& context, ValueView body) {
  HULL_CHECK_OK(check_component_id(context, body));
  HULL_TRY(std::string id, string_field(body, "id"));
  return cancel_job_by_id(context.runner->engine(), *context.knobs, id);
}

Result<void> cancel_all(ServerContext& context, ValueView body) {
  HULL_CHECK_OK(check_component_id(context, body));
  JobFilter filter;
  HULL_TRY(auto path, optional_string_field(body, "udfPath"));
  if (path) {
    auto parsed = FunctionPath::parse(*path);
    if (!parsed.ok()) return Error::bad_request("InvaildUdfPath", parsed.error().message);
    filter.udf_path = parsed->canonical();
  }
  HULL_TRY(filter.start_next_ts, time_field(body, "startNextTs", "InvalidStartNextTs"));
  HULL_TRY(filter.end_next_ts, time_field(body, "endNextTs", "InvalidEndNextTs"));
  HULL_TRY(auto target, optional_string_field(body, "componentPath"));
  if (target && !target->empty()) return {};  // no function is in another component
  return cancel_jobs(context.runner->engine(), *context.knobs, filter);
}

Result<void> delete_all(ServerContext& context, ValueView body) {
  HULL_CHECK_OK(check_component_id(context, body));
  return delete_all_jobs(context.runner->engine(), *context.knobs);
}

}  // namespace

void add_scheduling_routes(Router& router) {
  router.add("POST", "/api/cancel_job", handler(cancel_one));
  router.add("POST", "/api/cancel_all_jobs", handler(cancel_all));
  router.add("POST", "/api/delete_scheduled_functions_table", handler(delete_all));
}

}  // namespace hull
