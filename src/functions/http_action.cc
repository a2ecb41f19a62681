#include "functions/http_action.h"

#include "functions/lookup.h"
#include "functions/op_args.h"

namespace hull {

namespace {

constexpr uint64_t kMaxResponse = 20u << 20;
constexpr std::string_view kOutOfMemory = "JavaScript execution ran out of memory";
constexpr const char* kRequestStream = "request";

FunctionCall call_of(const HttpActionRequest& request) {
  FunctionCall call;
  call.path = *FunctionPath::parse("http:default");
  call.args = ValueBuilder().begin_array().end().finish();
  call.args_json = "[]";
  call.identity = request.identity;
  call.context = request.context;
  return call;
}

// {headerPairs, status, streamId} as JavaScript gives it.
Result<HttpActionResponse> parse_head(std::string_view json, bool& streams) {
  HULL_TRY(OpArgs args, OpArgs::parse(json, "http"));
  HttpActionResponse head;
  head.status = static_cast<int>(args.number("status", 0));
  if (head.status < 200 || head.status > 599) {
    return Error::bad_request("InvalidResponse", "The status of a Response is outside the range [200, 599].");
  }
  HULL_TRY(head.headers, parse_header_pairs(args.raw("headerPairs").value_or("[]")));
  streams = args.raw("streamId").has_value();
  return head;
}

}  // namespace

HttpActionResponse text_response(int status, std::string text) {
  return {status, {{"content-type", "text/plain; charset=utf-8"}}, std::move(text), nullptr};
}

HttpActionResponse failed_response(const CallOutcome& outcome, const std::string& request_id, bool redact) {
  HttpActionResponse response;
  response.headers.emplace_back("content-type", "application/json");
  if (!outcome.error) {
    Error error = outcome.system_error.value_or(Error::internal("a call ended without an outcome"));
    response.status = http_status(error.kind);
    response.body = "{\"code\":" + json_string(error.public_code()) +
                    ",\"message\":" + json_string(error.public_message()) + "}";
    return response;
  }
  const std::string& text = outcome.error->message;
  std::string code = "[Request ID: " + request_id + "] Server Error";
  // The frames follow the message, each on a line of its own.
  if (!redact) code += ": " + text.substr(0, std::min(text.find("\n    at "), text.rfind('\n')));
  response.status = 500;
  response.body = "{\"code\":" + json_string(code);
  if (!redact) response.body += ",\"trace\":" + json_string(text);
  if (outcome.error->data_json) response.body += ",\"data\":" + *outcome.error->data_json;
  response.body += '}';
  return response;
}

HttpAction::HttpAction(RunnerParts* parts, std::shared_ptr<const Code> code, HttpActionRequest request,
                       OnHttpResponse respond)
    : RunningAction(parts, std::move(code), UdfType::kHttpAction, call_of(request)),
      request_(std::move(request)),
      respond_(std::move(respond)),
      route_(request_.method + " " + request_.path) {
  unlimited = request_.unlimited;
  if (request_.body) add_source(kRequestStream, request_.body);
}

void HttpAction::describe(wire::StartCall& start) const {
  start.set_type(wire::HTTP_ACTION);
  start.set_module("http.js");
  start.set_http_route_path(request_.path);
  std::string json = "{\"method\":" + json_string(request_.method) + ",\"url\":" + json_string(request_.url) +
                     ",\"streamId\":" + (request_.body ? json_string(kRequestStream) : "null") +
                     ",\"signal\":\"client\",\"headerPairs\":";
  append_header_pairs(request_.headers, json);
  start.set_args_json(json + "}");
}

void HttpAction::learn_route(std::string_view json) {
  auto route = parse_plain_json(json);
  if (!route.ok() || !route->view().is_array() || route->view().count() != 2) return;
  route_ = std::string(route->view().element(0).as_string()) + " " +
           std::string(route->view().element(1).as_string());
  matched_ = true;
}

void HttpAction::ops(const wire::OpBatch& batch) {
  RunningAction::ops(batch);
  // A short body often comes with the head; then both leave together.
  deliver_head();
}

Result<bool> HttpAction::start_own_op(const wire::Op& op) {
  if (op.name() == "http/route") {
    learn_route(op.args_json());
  } else if (op.name() == "http/response") {
    announce(op.args_json());
  } else if (op.name() == "response/write") {
    HULL_CHECK_OK(write_body(op));
  } else if (op.name() == "signal/wait") {
    wait_for_client(op);
  } else {
    return false;
  }
  return true;
}

void HttpAction::announce(std::string_view response_json) {
  bool streams = false;
  auto head = parse_head(response_json, streams);
  if (!head.ok()) {
    broken_ = host_error(head.error());
    return;
  }
  status_ = head->status;
  if (streams) head->stream = body_;
  head_ = *std::move(head);
}

void HttpAction::deliver_head() {
  if (!head_) return;
  HttpActionResponse head = *std::move(head_);
  head_.reset();
  if (head.stream) {
    if (auto whole = body_->take_if_complete()) {
      head.body = *std::move(whole);
      head.stream = nullptr;
    }
  }
  respond(std::move(head));
}

void HttpAction::respond(HttpActionResponse response) {
  auto callback = std::exchange(respond_, nullptr);
  if (callback) callback(std::move(response));
}

// Ends the body of the response early.
void HttpAction::cut(FunctionError error) {
  body_->fail(Error::bad_request("StreamFailed", error.message));
  broken_ = std::move(error);
}

Result<void> HttpAction::write_body(const wire::Op& op) {
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), "http"));
  HULL_TRY(auto error, args.optional_string("error"));
  if (error) cut({*std::move(error), std::nullopt});
  sent_ += op.payload().size();
  if (sent_ > kMaxResponse && !std::exchange(too_large_, true)) {
    progress({warning_line("HttpResponseTooLarge: HTTP actions support responses up to 20 MiB",
                           "error:httpAction", "ERROR")});
    body_->fail(Error::bad_request("HttpResponseTooLarge", "HTTP actions support responses up to 20 MiB"));
  }
  if (too_large_) {
    answer_json(op.op_id(), R"({"closed":true})");
    return {};
  }
  auto self = shared_from_this();
  body_->write(op.payload(), [self, this, id = op.op_id()](bool) { answer_json(id, "{}"); });
  if (args.flag("done")) body_->finish();
  return {};
}

void HttpAction::wait_for_client(const wire::Op& op) {
  request_.client_gone->when_fired([weak = weak_from_this(), this, id = op.op_id()] {
    if (auto self = weak.lock()) answer_json(id, R"({"aborted":true})");
  });
}

CallOutcome HttpAction::succeeded(const wire::CallDone& done) {
  if (!status_ && !broken_) announce(done.result_json());  // a response without a body
  deliver_head();
  CallOutcome outcome;
  if (broken_) {
    outcome.error = *broken_;
  } else {
    outcome.value = Value();
  }
  return outcome;
}

void HttpAction::conclude(CallOutcome& outcome) {
  if (outcome.error && outcome.error->message.starts_with(kOutOfMemory) && request_.body &&
      request_.body->bytes_read() > 0) {
    outcome.error =
        host_error(outcome.error->message.substr(0, outcome.error->message.find('\n')) +
                   ": request stream size was " + std::to_string(request_.body->bytes_read()) + " bytes");
  }
  bool failed = outcome.error || outcome.system_error;
  if (respond_) {
    respond(failed_response(outcome, call_.context.request_id, parts_.options.redact_logs));
  } else if (failed) {
    std::string text =
        outcome.error ? outcome.error->message : std::string(outcome.system_error->public_message());
    while (text.ends_with('\n')) text.pop_back();
    progress({warning_line(std::move(text), "error:httpAction", "ERROR")});
  } else if (sent_ > kMaxResponse / 5 * 4 && sent_ <= kMaxResponse) {
    progress({warning_line("Large response returned from an HTTP action (actual: " + std::to_string(sent_) +
                               " bytes, limit: " + std::to_string(kMaxResponse) + " bytes).",
                           "warning:HttpResponseTooLarge")});
  }
  // Nothing happens if the body has ended as it should.
  body_->fail(Error::bad_request("StreamFailed", "The HTTP action has ended"));
  if (failed) status_.reset();
}

void HttpAction::describe_entry(FunctionLogEntry& entry) const {
  entry.identifier = route_;
  entry.unmatched_route = !matched_;
  entry.http_status = status_;
  entry.return_bytes = sent_;
}

void HttpAction::answer_caller(CallOutcome, std::vector<LogLine>) {}

}  // namespace hull
