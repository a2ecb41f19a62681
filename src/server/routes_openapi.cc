// OpenAPI descriptions of the API, made from the route table (http-api.md §4, §7.3). They name paths,
// parameters and credentials; bodies are described as JSON objects only.
#include <map>

#include "server/router.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr std::string_view kPublic[] = {"/api/query",      "/api/mutation", "/api/action",
                                        "/api/run/{*}",    "/api/query_ts", "/api/query_at_ts",
                                        "/api/query_batch"};

bool is_public(std::string_view pattern) {
  for (std::string_view each : kPublic) {
    if (each == pattern) return true;
  }
  return false;
}

// "/api/run/{*}" is "/api/run/{path}" there.
std::string described_path(std::string pattern) {
  if (size_t open = pattern.find("{*}"); open != std::string::npos) pattern.replace(open, 3, "{path}");
  return pattern;
}

std::string path_parameters(std::string_view path) {
  std::string out = "[";
  for (size_t open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1)) {
    std::string name(path.substr(open + 1, path.find('}', open) - open - 1));
    if (out.size() > 1) out += ',';
    out += "{\"name\":" + json_string(name) +
           ",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}}";
  }
  return out + "]";
}

std::string operation_json(const Route& route, const std::string& path) {
  std::string id = lower_case(route.method);
  for (char c : path)
    id += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
  std::string out = "{\"operationId\":" + json_string(id) + ",\"parameters\":" + path_parameters(path);
  if (route.method == "POST") {
    out += ",\"requestBody\":{\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\"}}}}";
  }
  out += is_public(route.pattern) ? ",\"security\":[{},{\"userToken\":[]},{\"adminKey\":[]}]"
                                  : ",\"security\":[{\"adminKey\":[]}]";
  return out +
         ",\"responses\":{\"200\":{\"description\":\"Done\"},\"default\":{\"description\":\"Error\","
         "\"content\":{"
         "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Error\"}}}}}}";
}

std::string describe(const ServerContext& context, const Router& router, std::string_view title,
                     const std::function<bool(const Route&)>& belongs) {
  std::map<std::string, std::map<std::string, std::string>> paths;
  router.for_each([&](const Route& route) {
    if (!route.options.described || !belongs(route)) return;
    std::string path = described_path(route.pattern);
    paths[path][lower_case(route.method)] = operation_json(route, path);
  });
  std::string out = "{\"openapi\":\"3.1.0\",\"info\":{\"title\":" + json_string(title) +
                    ",\"version\":" + json_string(context.version) +
                    "},\"servers\":[{\"url\":" + json_string(context.cloud_url()) + "}],\"paths\":{";
  for (const auto& [path, operations] : paths) {
    if (!out.ends_with('{')) out += ',';
    out += json_string(path) + ":{";
    for (const auto& [method, operation] : operations) {
      if (!out.ends_with('{')) out += ',';
      out += json_string(method) + ":" + operation;
    }
    out += '}';
  }
  return out +
         "},\"components\":{\"securitySchemes\":{\"adminKey\":{\"type\":\"apiKey\",\"in\":\"header\","
         "\"name\":"
         "\"Authorization\",\"description\":\"Convex <admin "
         "key>\"},\"userToken\":{\"type\":\"http\",\"scheme\":"
         "\"bearer\",\"bearerFormat\":\"JWT\"}},\"schemas\":{\"Error\":{\"type\":\"object\",\"required\":["
         "\"code\","
         "\"message\"],\"properties\":{\"code\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"}}}}}}";
}

}  // namespace

void add_openapi_routes(Router& router) {
  auto add = [&router](std::string path, std::string title, std::function<bool(const Route&)> belongs) {
    router.add("GET", std::move(path),
               [&router, title = std::move(title), belongs = std::move(belongs)](
                   ServerContext& context, RequestPtr, ClientVersion, Responder respond) {
                 respond(HttpResponse::json(describe(context, router, title, belongs)));
               });
  };
  add("/api/v1/openapi.json", "Deployment API",
      [](const Route& route) { return route.pattern.starts_with("/api/v1/"); });
  add("/api/public_openapi.json", "Functions API",
      [](const Route& route) { return is_public(route.pattern); });
  add("/api/dashboard_openapi.json", "Administration API", [](const Route& route) {
    return route.pattern.starts_with("/api/") && !route.pattern.starts_with("/api/v1/") &&
           !is_public(route.pattern);
  });
}

}  // namespace hull
