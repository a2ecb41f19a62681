// The public functions API (http-api.md §4): query, mutation, action, function, run, query_ts, query_at_ts,
// query_batch.
#include <atomic>

#include "base/random.h"
#include "functions/lookup.h"
#include "server/function_call.h"
#include "server/router.h"
#include "server/sync_messages.h"

namespace hull {
namespace {

enum class Kind { kQuery, kMutation, kAction, kAny };

struct Incoming {
  RequestPtr request;
  HttpCall call;
  Kind kind = Kind::kQuery;
  std::optional<Timestamp> at;  // query at exactly this timestamp
  bool public_text = true;      // of the missing-function message
};

FunctionCall make_call(const Incoming& in, IdentityPtr identity) {
  FunctionCall call;
  call.path = in.call.path;
  call.args = in.call.args;
  call.args_json = in.call.args_json;
  call.allow_internal = identity->is_admin();
  call.identity = std::move(identity);
  call.public_not_found_text = in.public_text;
  call.context.request_id = in.request->request_id;
  call.context.execution_id = random_uuid();
  call.context.caller = "HttpApi";
  call.context.client_ip = in.request->client_ip();
  call.context.user_agent = in.request->user_agent();
  return call;
}

// A failure known before running: bad arguments, components.
std::optional<std::string> refusal(const HttpCall& call, const Identity& identity) {
  if (call.bad_args) return call.bad_args;
  if (call.component_path.empty()) return std::nullopt;
  if (!identity.is_admin())
    return "Only admin or system users can call functions on non-root components directly\n";
  return "Component path '" + call.component_path + "' not found\n";
}

// What makes a call an HTTP error where a missing function shall be one.
std::optional<Error> missing_function(ServerContext& context, const Incoming& in, const Identity& identity) {
  if (!context.not_found_is_404 || in.call.path.module.is_system()) return std::nullopt;
  auto code = context.runner->code().load(*context.catalog());
  if (!code.ok()) return std::nullopt;  // the call will fail with the reason
  std::optional<UdfType> type;
  if (in.kind == Kind::kQuery) type = UdfType::kQuery;
  if (in.kind == Kind::kMutation) type = UdfType::kMutation;
  if (in.kind == Kind::kAction) type = UdfType::kAction;
  auto found = find_function(**code, in.call.path, type, {identity.is_admin(), in.public_text});
  if (found.ok()) return std::nullopt;
  bool wrong_type = found.error().code == "FunctionWrongType";
  return Error::not_found(wrong_type ? "FunctionPathWrongType" : "FunctionPathNotFound",
                          found.error().message);
}

void run_query(ServerContext& context, const Incoming& in, IdentityPtr identity,
               std::function<void(Result<std::string>)> done) {
  context.runner->query(
      make_call(in, std::move(identity)), std::nullopt, in.at.value_or(Timestamp{}), in.at.has_value(),
      [&context, id = in.request->request_id, format = in.call.format, done = std::move(done)](
          QueryOutcome outcome) { done(render_query(outcome, id, format, context.redact_logs)); });
}

void run(ServerContext& context, const Incoming& in, IdentityPtr identity, Responder respond) {
  const std::string& id = in.request->request_id;
  if (auto refused = refusal(in.call, *identity)) {
    return respond(HttpResponse::json(
        render_failure({*refused, std::nullopt}, id, {}, in.call.format, context.redact_logs)));
  }
  if (auto missing = missing_function(context, in, *identity)) {
    return respond(HttpResponse::error(*missing));
  }
  if (in.kind == Kind::kQuery) {
    return run_query(
        context, in, std::move(identity), [respond = std::move(respond)](Result<std::string> body) {
          respond(body.ok() ? HttpResponse::json(std::move(*body)) : HttpResponse::error(body.error()));
        });
  }
  bool deterministic_is_200 = in.kind != Kind::kAction;
  FunctionCallback done = [&context, id, format = in.call.format, deterministic_is_200,
                           respond = std::move(respond)](FunctionResult result) {
    respond(render_result(result, id, format, context.redact_logs, deterministic_is_200));
  };
  FunctionCall call = make_call(in, std::move(identity));
  if (in.kind == Kind::kMutation) {
    context.runner->mutation(std::move(call), std::nullopt, std::move(done));
  } else if (in.kind == Kind::kAction) {
    context.runner->action(std::move(call), std::move(done));
  } else {
    context.runner->any(std::move(call), std::move(done));
  }
}

// The syntax of the Authorization header is judged before the body, the token after it (§1.2).
void authenticate_then(ServerContext& context, Incoming in, std::optional<Error> body_error,
                       Responder respond,
                       std::function<void(ServerContext&, const Incoming&, IdentityPtr, Responder)> next) {
  RequestPtr request = in.request;
  authenticate(context, *request,
               [&context, in = std::move(in), body_error = std::move(body_error),
                respond = std::move(respond), next = std::move(next)](Result<IdentityPtr> identity) {
                 bool bad_syntax = !identity.ok() && identity.error().kind == ErrorKind::kBadRequest;
                 if (bad_syntax) return respond(HttpResponse::error(identity.error()));
                 if (body_error) return respond(HttpResponse::error(*body_error));
                 if (!identity.ok()) return respond(HttpResponse::error(identity.error()));
                 next(context, in, std::move(*identity), respond);
               });
}

Result<HttpCall> call_from_body(const HttpRequest& request, const ClientVersion& client) {
  HULL_CHECK_OK(check_json_body(request));
  return parse_http_call(request.body, client);
}

Route::Handler call_route(Kind kind) {
  return [kind](ServerContext& context, RequestPtr request, ClientVersion client, Responder respond) {
    Incoming in{request, {}, kind};
    auto call = call_from_body(*request, client);
    std::optional<Error> error;
    if (call.ok()) {
      in.call = std::move(*call);
      if (kind != Kind::kAny) in.call.component_path.clear();  // a member of /api/function only
    } else {
      error = call.error();
    }
    authenticate_then(context, std::move(in), std::move(error), std::move(respond), run);
  };
}

void query_by_get(ServerContext& context, RequestPtr request, ClientVersion client, Responder respond) {
  auto parse = [&]() -> Result<HttpCall> {
    HttpCall call;
    auto path = request->query_value("path");
    auto args = request->query_value("args");
    if (!path)
      return Error::bad_request("BadQueryArgs", "Failed to deserialize query string: missing field `path`");
    if (!args)
      return Error::bad_request("BadQueryArgs", "Failed to deserialize query string: missing field `args`");
    HULL_TRY(call.path, FunctionPath::parse(*path));
    HULL_TRY(call.format, parse_format(request->query_value("format"), client));
    set_call_args(call, *args);
    return call;
  };
  Incoming in{request, {}, Kind::kQuery};
  auto call = parse();
  std::optional<Error> error;
  if (call.ok()) {
    in.call = std::move(*call);
  } else {
    error = call.error();
  }
  authenticate_then(context, std::move(in), std::move(error), std::move(respond), run);
}

// POST /api/function: as an admin, any kind.
void function_route(ServerContext& context, RequestPtr request, ClientVersion client, Responder respond) {
  authenticate(context, *request,
               [&context, request, client = std::move(client),
                respond = std::move(respond)](Result<IdentityPtr> identity) {
                 if (!identity.ok()) return respond(HttpResponse::error(identity.error()));
                 if (!(*identity)->is_admin()) {
                   auto allowed = require_operation(**identity, "RunInternalQueries");
                   if (!allowed.ok()) return respond(HttpResponse::error(allowed.error()));
                 }
                 auto call = call_from_body(*request, client);
                 if (!call.ok()) return respond(HttpResponse::error(call.error()));
                 Incoming in{request, std::move(*call), Kind::kAny};
                 in.public_text = false;
                 run(context, in, std::move(*identity), respond);
               });
}

// POST /api/run/a/b/fn {args, format?}.
void run_route(ServerContext& context, RequestPtr request, ClientVersion, Responder respond) {
  auto parse = [&]() -> Result<HttpCall> {
    HULL_CHECK_OK(check_json_body(*request));
    const auto& segments = request->params;
    if (segments.size() < 2 || segments.back().empty()) {
      return Error::bad_request("MissingIdentifier",
                                "Path or function name not provided in path, e.g. /api/run/messages/list");
    }
    std::string path;
    for (size_t i = 0; i < segments.size(); ++i) {
      if (i > 0) path += i + 1 == segments.size() ? ':' : '/';
      path += segments[i];
    }
    HttpCall call;
    HULL_TRY(call.path, FunctionPath::parse(path));
    auto members = split_json_object(request->body);
    if (!members.ok()) {
      return Error::bad_request("BadJsonBody",
                                "Failed to deserialize the JSON body: " + members.error().message);
    }
    std::optional<std::string> args;
    for (auto& [name, raw] : *members) {
      if (name == "args") args = raw;
      if (name != "format" || raw == "null") continue;
      auto format = parse_plain_json(raw);
      std::string text =
          format.ok() && format->view().is_string() ? std::string(format->view().as_string()) : raw;
      HULL_TRY(call.format, parse_format(text, ClientVersion{}));
    }
    if (!args)
      return Error::bad_request("BadJsonBody", "Failed to deserialize the JSON body: missing field `args`");
    set_call_args(call, *args);
    return call;
  };
  Incoming in{request, {}, Kind::kAny};
  in.public_text = false;
  auto call = parse();
  std::optional<Error> error;
  if (call.ok()) {
    in.call = std::move(*call);
  } else {
    error = call.error();
  }
  authenticate_then(context, std::move(in), std::move(error), std::move(respond), run);
}

void query_ts(ServerContext& context, RequestPtr, ClientVersion, Responder respond) {
  respond(HttpResponse::json("{\"ts\":\"" + encode_timestamp(context.runner->engine().latest()) + "\"}"));
}

void query_at_ts(ServerContext& context, RequestPtr request, ClientVersion client, Responder respond) {
  Incoming in{request, {}, Kind::kQuery};
  auto parse = [&]() -> Result<void> {
    HULL_TRY(in.call, call_from_body(*request, client));
    HULL_TRY(Value body, json_body(*request));
    HULL_TRY(std::string ts, string_field(body, "ts"));
    in.at = decode_timestamp(ts);
    if (!in.at || *in.at > context.runner->engine().latest()) {
      return Error::bad_request("BadTimestamp", "`ts` must be a timestamp made by /api/query_ts");
    }
    return {};
  };
  auto parsed = parse();
  std::optional<Error> error;
  if (!parsed.ok()) error = parsed.error();
  authenticate_then(context, std::move(in), std::move(error), std::move(respond), run);
}

// All queries of a batch at one timestamp; answered when the last is done.
struct Batch {
  std::vector<Incoming> calls;
  std::vector<std::string> results;
  std::atomic<size_t> left{0};
  std::mutex mutex;
  std::optional<Error> error;  // guarded by mutex
};

void run_batch(ServerContext& context, const std::shared_ptr<Batch>& batch, IdentityPtr identity,
               Responder respond) {
  auto finish = [batch, respond] {
    if (batch->error) return respond(HttpResponse::error(*batch->error));
    std::string body = "{\"results\":[";
    for (size_t i = 0; i < batch->results.size(); ++i) {
      if (i > 0) body += ',';
      body += batch->results[i];
    }
    respond(HttpResponse::json(body + "]}"));
  };
  Timestamp ts = context.runner->engine().latest();
  batch->results.resize(batch->calls.size());
  batch->left = batch->calls.size();
  if (batch->calls.empty()) return finish();
  for (size_t i = 0; i < batch->calls.size(); ++i) {
    auto done = [batch, i, finish](Result<std::string> body) {
      if (body.ok()) {
        batch->results[i] = std::move(*body);
      } else {
        std::lock_guard lock(batch->mutex);
        batch->error = body.error();
      }
      if (batch->left.fetch_sub(1) == 1) finish();
    };
    Incoming& in = batch->calls[i];
    in.at = ts;
    if (auto refused = refusal(in.call, *identity)) {
      done(render_failure({*refused, std::nullopt}, in.request->request_id, {}, in.call.format,
                          context.redact_logs));
    } else {
      run_query(context, in, identity, done);
    }
  }
}

void query_batch(ServerContext& context, RequestPtr request, ClientVersion client, Responder respond) {
  auto batch = std::make_shared<Batch>();
  auto parse = [&]() -> Result<void> {
    HULL_CHECK_OK(check_json_body(*request));
    auto members = split_json_object(request->body);
    auto bad = [](const std::string& detail) {
      return Error::bad_request("BadJsonBody", "Failed to deserialize the JSON body: " + detail);
    };
    if (!members.ok()) return bad(members.error().message);
    for (auto& [name, raw] : *members) {
      if (name != "queries") continue;
      auto elements = split_json_array(raw);
      if (!elements.ok()) return bad(elements.error().message);
      for (const std::string& element : *elements) {
        HULL_TRY(HttpCall call, parse_http_call(element, client));
        batch->calls.push_back(Incoming{request, std::move(call), Kind::kQuery});
      }
      return {};
    }
    return bad("missing field `queries`");
  };
  auto parsed = parse();
  std::optional<Error> error;
  if (!parsed.ok()) error = parsed.error();
  authenticate_then(context, Incoming{request}, std::move(error), std::move(respond),
                    [batch](ServerContext& c, const Incoming&, IdentityPtr identity, Responder answer) {
                      run_batch(c, batch, std::move(identity), std::move(answer));
                    });
}

}  // namespace

void add_function_routes(Router& router, const Knobs& knobs) {
  RouteOptions options;
  options.body_limit = knobs.max_public_request;
  router.add("POST", "/api/query", call_route(Kind::kQuery), options);
  router.add("GET", "/api/query", query_by_get, options);
  router.add("POST", "/api/mutation", call_route(Kind::kMutation), options);
  router.add("POST", "/api/action", call_route(Kind::kAction), options);
  router.add("POST", "/api/function", function_route, options);
  router.add("POST", "/api/run/{*}", run_route, options);
  router.add("POST", "/api/query_ts", query_ts, options);
  router.add("POST", "/api/query_at_ts", query_at_ts, options);
  router.add("POST", "/api/query_batch", query_batch, options);
}

}  // namespace hull
