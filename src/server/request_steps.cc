#include "functions/canonical_urls.h"
#include "server/router.h"
#include "value/json.h"

namespace hull {

uint64_t ParkedRequests::add(std::function<void()> end) {
  {
    std::lock_guard lock(mutex_);
    if (!ended_) {
      ends_[next_] = std::move(end);
      return next_++;
    }
  }
  end();
  return 0;
}

void ParkedRequests::remove(uint64_t id) {
  std::function<void()> dropped;  // destroyed outside the lock
  std::lock_guard lock(mutex_);
  auto it = ends_.find(id);
  if (it == ends_.end()) return;
  dropped = std::move(it->second);
  ends_.erase(it);
}

void ParkedRequests::end_all() {
  std::map<uint64_t, std::function<void()>> ends;
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    ends.swap(ends_);
  }
  for (auto& [id, end] : ends) end();
}

namespace {
std::string url_or(const ServerContext& context, const char* variable, const std::string& origin) {
  auto urls = canonical_url_variables(*context.catalog());
  auto url = urls.find(variable);
  return url == urls.end() ? origin : url->second;
}
}  // namespace

std::string ServerContext::cloud_url() const { return url_or(*this, "CONVEX_CLOUD_URL", cloud_origin); }
std::string ServerContext::site_url() const { return url_or(*this, "CONVEX_SITE_URL", site_origin); }

void authenticate(ServerContext& context, const HttpRequest& request,
                  std::function<void(Result<IdentityPtr>)> done) {
  context.auth->from_http(request.header("Authorization"), request.query_value("adminKey"), std::move(done));
}

void with_admin(ServerContext& context, RequestPtr request, Responder respond, std::string_view operation,
                std::function<void(IdentityPtr, Responder)> next) {
  authenticate(context, *request,
               [respond = std::move(respond), operation = std::string(operation),
                next = std::move(next)](Result<IdentityPtr> identity) {
                 if (!identity.ok()) return respond(HttpResponse::error(identity.error()));
                 if (!operation.empty() || !(*identity)->is_admin()) {
                   auto allowed = require_operation(**identity, operation.empty() ? "ViewData" : operation);
                   if (!allowed.ok()) return respond(HttpResponse::error(allowed.error()));
                 }
                 next(std::move(*identity), respond);
               });
}

Route::Handler admin_handler(std::string operation,
                             std::function<HttpResponse(ServerContext&, const HttpRequest&)> answer) {
  return [operation = std::move(operation), answer = std::move(answer)](
             ServerContext& context, RequestPtr request, ClientVersion, Responder respond) {
    with_admin(context, request, std::move(respond), operation,
               [&context, request, answer](IdentityPtr, Responder done) {
                 context.pool->submit([&context, request, answer, done] { done(answer(context, *request)); });
               });
  };
}

bool is_json_content_type(std::optional<std::string_view> content_type) {
  if (!content_type) return false;
  std::string essence = lower_case(trim(content_type->substr(0, content_type->find(';'))));
  if (essence == "application/json") return true;
  return essence.starts_with("application/") && essence.ends_with("+json");
}

Result<void> check_json_body(const HttpRequest& request) {
  if (!is_json_content_type(request.header("Content-Type"))) {
    return Error::bad_request("BadJsonBody", "Expected request with `Content-Type: application/json`");
  }
  if (request.body_too_large) {
    return Error::bad_request("BadJsonBody",
                              "Failed to buffer the request body: length limit exceeded (limit: " +
                                  std::to_string(request.body_limit) + " bytes)");
  }
  return {};
}

Result<Value> json_body(const HttpRequest& request) {
  HULL_CHECK_OK(check_json_body(request));
  auto value = parse_plain_json(request.body);
  if (!value.ok()) {
    return Error::bad_request("BadJsonBody",
                              "Failed to parse the request body as JSON: " + value.error().message);
  }
  if (!value->view().is_object()) {
    return Error::bad_request("BadJsonBody", "Failed to deserialize the JSON body: expected an object");
  }
  return std::move(*value);
}

Result<std::optional<std::string>> optional_string_field(ValueView object, std::string_view name) {
  auto field = object.find(name);
  if (!field || field->is_null()) return std::optional<std::string>();
  if (!field->is_string()) {
    return Error::bad_request("BadJsonBody", "Failed to deserialize the JSON body: field `" +
                                                 std::string(name) + "` must be a string");
  }
  return std::optional<std::string>(std::string(field->as_string()));
}

Result<std::string> string_field(ValueView object, std::string_view name) {
  HULL_TRY(auto value, optional_string_field(object, name));
  if (!value) {
    return Error::bad_request(
        "BadJsonBody", "Failed to deserialize the JSON body: missing field `" + std::string(name) + "`");
  }
  return std::move(*value);
}

}  // namespace hull
