// Rules of http-api.md as tables: what goes in, which status and code come out.
#include <gmock/gmock.h>

#include "server/pipeline_fixture.h"

namespace hull {
namespace {

using ::testing::HasSubstr;

struct Exchange {
  const char* method;
  const char* target;
  HeaderList headers;
  const char* body;
  int status;
  const char* contains;  // of the answer's body
};

const HeaderList kJson = {{"Content-Type", "application/json"}};

void check(const Exchange& each, const HttpResponse& response) {
  std::string what = std::string(each.method) + " " + each.target + " " + each.body;
  EXPECT_EQ(response.status, each.status) << what << "\n" << response.body;
  EXPECT_THAT(response.body, HasSubstr(each.contains)) << what;
  if (each.status >= 400 && !response.body.empty()) {
    EXPECT_EQ(find_header(response.headers, "Content-Type"), "application/json") << what;
  }
}

TEST_F(PipelineTest, PathsMethodsAndPreflights) {
  const Exchange cases[] = {
      {"GET", "/api/nowhere", {}, "", 404, ""},
      {"POST", "/api/query/", kJson, "{}", 404, ""},
      {"POST", "/API/query", kJson, "{}", 404, ""},
      {"POST", "/api/actions/query", kJson, "{}", 404, ""},
      {"GET", "/api/mutation", {}, "", 405, ""},
      {"PUT", "/api/mutation", {}, "", 405, ""},
      {"HEAD", "/api/mutation", {}, "", 405, ""},
      {"HEAD", "/instance_name", {}, "", 200, "test"},
      {"OPTIONS", "/api/mutation", {}, "", 200, ""},
      {"OPTIONS", "/api/nowhere", {}, "", 200, ""},
      {"OPTIONS", "/api/query", {{"Authorization", "x"}, {"Convex-Client", "foo"}}, "", 200, ""},
      {"OPTIONS", "/version", {}, "", 405, ""},
      {"OPTIONS", "/metrics", {}, "", 405, ""},
      {"TRACE", "/http/a", {}, "", 405, ""},
      {"GET", "/http", {}, "", 404, ""},
  };
  for (const Exchange& each : cases) check(each, send(each.method, each.target, each.headers, each.body));
  EXPECT_EQ(find_header(send("PUT", "/api/mutation").headers, "Allow"), "POST");
  EXPECT_EQ(find_header(send("DELETE", "/api/query").headers, "Allow"), "GET,HEAD,POST");
}

TEST_F(PipelineTest, ErrorsCarryCorsHeaders) {
  for (const char* target :
       {"/api/nowhere", "/api/query", "/api/check_admin_key", "/api/v1/create_log_stream"}) {
    HttpResponse error = send("PATCH", target, {{"Origin", "https://app"}});
    EXPECT_GE(error.status, 400);
    EXPECT_EQ(find_header(error.headers, "Access-Control-Allow-Origin"), "https://app") << target;
    EXPECT_EQ(find_header(error.headers, "Access-Control-Allow-Credentials"), "true");
    EXPECT_EQ(find_header(error.headers, "Vary"),
              "origin, access-control-request-method, access-control-request-headers");
    EXPECT_FALSE(find_header(error.headers, "Access-Control-Expose-Headers"));
  }
  EXPECT_FALSE(find_header(send("GET", "/instance_name").headers, "Access-Control-Allow-Origin"));
  EXPECT_EQ(find_header(send("GET", "/instance_name").headers, "Access-Control-Allow-Credentials"), "true");
  for (const char* bare : {"/version", "/metrics"}) {
    EXPECT_FALSE(find_header(send("GET", bare, {{"Origin", "https://app"}}).headers,
                             "Access-Control-Allow-Credentials"));
  }
}

TEST_F(PipelineTest, BodiesOfCalls) {
  const HeaderList problem = {{"Content-Type", "application/problem+json; charset=utf-8"}};
  const Exchange cases[] = {
      {"POST", "/api/query", {}, "{}", 400, "Expected request with `Content-Type: application/json`"},
      {"POST", "/api/query", {{"Content-Type", "text/json"}}, "{}", 400, "BadJsonBody"},
      {"POST", "/api/query", {{"Content-Type", "json"}}, "{}", 400, "BadJsonBody"},
      {"POST", "/api/query", problem, R"({"path":"tasks:get","args":{}})", 200, "success"},
      {"POST", "/api/query", kJson, "", 400, "BadJsonBody"},
      {"POST", "/api/query", kJson, "[]", 400, "BadJsonBody"},
      {"POST", "/api/query", kJson, "\"x\"", 400, "BadJsonBody"},
      {"POST", "/api/query", kJson, R"({"path":"tasks:get"})", 400, "missing field `args`"},
      {"POST", "/api/query", kJson, R"({"path":null,"args":{}})", 400, "missing field `path`"},
      {"POST", "/api/query", kJson, R"({"path":"tasks:get","args":{},"extra":[1],"format":null})", 200,
       "success"},
      {"POST", "/api/query", kJson, R"({"path":"tasks:get","args":[{}],"componentPath":"x"})", 200,
       "success"},
      {"POST", "/api/query", kJson, R"({"path":"a b:c","args":{}})", 400,
       "a b:c is not a valid path to a Convex function"},
      {"POST", "/api/mutation", kJson, R"({"path":"a:b","args":{},"format":"xml"})", 400,
       "format param must be one of [`json`]. Got xml"},
      {"POST", "/api/mutation", kJson, R"({"path":"a:b","args":{"$x":1}})", 200,
       "Invalid arguments for a.js:b"},
      {"POST", "/api/action", kJson, R"({"path":"a:b","args":{},"format":5})", 400, "BadJsonBody"},
      {"POST", "/api/run/tasks", kJson, R"({"args":{}})", 400, "MissingIdentifier"},
      {"POST", "/api/run/a/%zz", kJson, R"({"args":{}})", 400, "BadPathArgs"},
      {"POST", "/api/run/a/b", kJson, R"({"args":{},"format":"xml"})", 400, "BadFormat"},
      {"POST", "/api/query_batch", kJson, R"({"queries":{}})", 400, "BadJsonBody"},
      {"POST", "/api/query_batch", kJson, R"({"queries":[]})", 200, R"({"results":[]})"},
      {"POST", "/api/query_at_ts", kJson, R"({"path":"tasks:get","args":{}})", 400, "missing field `ts`"},
      {"GET", "/api/query?args=%7B%7D", {}, "", 400, "BadQueryArgs"},
      {"GET", "/api/query?path=tasks:get&args=%7B", {}, "", 200, "Invalid arguments for tasks.js:get"},
      {"GET", "/api/query?path=tasks:get&args=%7B%7D&format=export_json", {}, "", 200, "\"value\":5}"},
      {"GET", "/api/query?path=tasks:get&args=%7B%7D&format=x", {}, "", 400, "BadFormat"},
  };
  for (const Exchange& each : cases) check(each, send(each.method, each.target, each.headers, each.body));
  EXPECT_EQ(runner_.mutations.size(), 0u) << "nothing may run before the request is understood";
}

TEST_F(PipelineTest, BodiesOverTheLimit) {
  auto request = std::make_shared<HttpRequest>();
  request->method = "POST";
  request->headers = kJson;
  request->body_too_large = true;
  const struct {
    const char* target;
    size_t limit;
  } cases[] = {{"/api/query", 16'779'216},
               {"/api/run/a/b", 16'779'216},
               {"/api/deploy2/start_push", 2'097'152},
               {"/api/update_environment_variables", 2'097'152},
               {"/api/unknown", 2'097'152}};
  for (const auto& each : cases) {
    set_target(*request, each.target);
    EXPECT_EQ(pipeline_->body_limit(*request), each.limit) << each.target;
  }
  // Pushes are large, but not from everybody.
  for (const auto& [key, limit] : {std::pair(admin_header(), size_t{200'000'000}),
                                   std::pair(std::string("Convex x|00"), size_t{2'097'152})}) {
    set_target(*request, "/api/deploy2/start_push");
    request->headers = kJson;
    request->headers.emplace_back("Authorization", key);
    EXPECT_EQ(pipeline_->body_limit(*request), limit);
  }
  request->headers = kJson;
  set_target(*request, "/api/mutation");
  request->body_limit = pipeline_->body_limit(*request);
  std::optional<HttpResponse> response;
  pipeline_->handle(request, [&](HttpResponse r) { response = std::move(r); });
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 400);
  EXPECT_THAT(response->body, HasSubstr("length limit exceeded"));
}

TEST_F(PipelineTest, ClientVersions) {
  const Exchange cases[] = {
      {"GET", "/instance_name", {{"Convex-Client", "npm-1.48.0"}}, "", 200, "test"},
      {"GET",
       "/instance_name",
       {{"Convex-Client", "NPM-0.19.1"}},
       "",
       400,
       "The Convex npm package at version 0.19.1 is no longer supported. Update your Convex npm version with "
       "`npx convex update` or `npm update`."},
      {"GET", "/instance_name", {{"Convex-Client", "npm-cli-unknown"}}, "", 400, "ClientVersionUnsupported"},
      {"GET", "/instance_name", {{"Convex-Client", "rust-0.0.1"}}, "", 400, "ClientVersionUnsupported"},
      {"GET", "/instance_name", {{"Convex-Client", "my-esolang-client-0.0.1"}}, "", 200, "test"},
      {"GET",
       "/instance_name",
       {{"Convex-Client", "foo"}},
       "",
       400,
       "Failed to parse client version string: 'foo'. Expected format is {client_name}-{semver}, e.g. "
       "my-esolang-client-0.0.1"},
      {"GET", "/api/nowhere", {{"Convex-Client", "foo"}}, "", 400, "InvalidClientVersion"},
      {"GET", "/version", {{"Convex-Client", "foo"}}, "", 200, "1.0"},
  };
  for (const Exchange& each : cases) check(each, send(each.method, each.target, each.headers, each.body));
}

TEST_F(PipelineTest, CredentialsAndTheOrderOfErrors) {
  const HeaderList bad_key = {{"Content-Type", "application/json"}, {"Authorization", "Convex test|00"}};
  const HeaderList bad_syntax = {{"Content-Type", "application/json"}, {"Authorization", "short"}};
  const HeaderList other_scheme = {{"Content-Type", "application/json"}, {"Authorization", "Basic YTpi"}};
  const Exchange cases[] = {
      {"POST", "/api/mutation", bad_key, "{", 400, "BadJsonBody"},
      {"POST", "/api/mutation", bad_key, R"({"path":"a b","args":{}})", 400, "BadConvexFunctionIdentifier"},
      {"POST", "/api/mutation", bad_key, R"({"path":"a:b","args":{}})", 401,
       "The provided admin key was invalid for this instance"},
      {"POST", "/api/mutation", bad_syntax, "{", 400, "InvalidHeaderFailure"},
      {"POST", "/api/mutation", other_scheme, "{", 400, "InvalidAdminKey"},
      {"POST", "/api/function", kJson, "{", 403, "BadDeployKey"},
      {"POST", "/api/update_environment_variables", kJson, "{", 403, "BadDeployKey"},
      {"POST", "/api/update_environment_variables", bad_key, "{", 401, "BadAdminKey"},
      {"GET", "/api/check_admin_key?adminKey=x", {}, "", 401, "BadAdminKey"},
  };
  for (const Exchange& each : cases) check(each, send(each.method, each.target, each.headers, each.body));
}

TEST_F(PipelineTest, ErrorsOfTheServerAreHttpErrors) {
  auto fail_with = [&](Error error) {
    runner_.auto_reply = [error](FakeRunner::Pending& call) {
      FunctionResult result;
      result.system_error = error;
      call.done(std::move(result));
    };
  };
  const std::string call = R"({"path":"a:b","args":{}})";
  const struct {
    Error error;
    int mutation, action;
    const char* code;
  } cases[] = {
      {Error::bad_request("SomeLimit", "too much"), 200, 400, "SomeLimit"},
      {Error::forbidden("OperationNotPermitted", "no"), 200, 403, "OperationNotPermitted"},
      {Error{ErrorKind::kOcc, "OptimisticConcurrencyControlFailure", "changed"}, 503, 503,
       "OptimisticConcurrencyControlFailure"},
      {Error{ErrorKind::kRateLimited, "TooManyConcurrentRequests", "busy"}, 429, 429,
       "TooManyConcurrentRequests"},
      {Error::overloaded("ExpiredInQueue", "busy"), 503, 503, "ExpiredInQueue"},
      {Error::internal("secret detail"), 500, 500, "InternalServerError"},
      {Error::out_of_retention(), 503, 503, "InternalServerError"},
  };
  for (const auto& each : cases) {
    fail_with(each.error);
    HttpResponse mutation = post("/api/mutation", call), action = post("/api/action", call);
    EXPECT_EQ(mutation.status, each.mutation) << each.code;
    EXPECT_EQ(action.status, each.action) << each.code;
    EXPECT_THAT(action.body, HasSubstr("\"code\":\"" + std::string(each.code) + "\""));
    EXPECT_THAT(action.body, ::testing::Not(HasSubstr("secret")));
    EXPECT_EQ(mutation.body.find("\"status\":\"error\"") != std::string::npos, each.mutation == 200);
  }
}

}  // namespace
}  // namespace hull
