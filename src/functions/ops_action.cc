// Operations of actions: private ones of the runtime (fetch, streams, timers) and the 1.0/actions/* family
// (syscalls.md §8.3, runtime.md §9).
#include <spdlog/fmt/fmt.h>

#include <charconv>

#include "functions/function_handles.h"
#include "functions/lookup.h"
#include "functions/op_args.h"
#include "functions/ops_meta.h"
#include "functions/running_action.h"

namespace hull {

namespace {

Result<FetchService::Headers> parse_headers(std::string_view json) {
  FetchService::Headers headers;
  HULL_TRY(Value list, parse_plain_json(json));
  if (!list->is_array()) return Error::bad_request("InvalidArgument", "headers must be a list");
  for (size_t i = 0; i < list->count(); ++i) {
    ValueView pair = list->element(i);
    if (!pair.is_array() || pair.count() != 2 || !pair.element(0).is_string() ||
        !pair.element(1).is_string()) {
      return Error::bad_request("InvalidArgument", "headers must be pairs of strings");
    }
    headers.emplace_back(pair.element(0).as_string(), pair.element(1).as_string());
  }
  return headers;
}

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Payload Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 418:
      return "I'm a teapot";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Entity";
    case 425:
      return "Too Early";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 451:
      return "Unavailable For Legal Reasons";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

Result<FetchService::Id> stream_id(const OpArgs& args) {
  HULL_TRY(std::string text, args.string("streamId"));
  FetchService::Id id = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size())
    return args.invalid("streamId", "unknown stream");
  return id;
}

std::string response_json(const FetchService::Response& response, std::string_view url,
                          FetchService::Id stream) {
  std::string out =
      fmt::format(R"({{"status":{},"statusText":{},"url":{},"bodyStreamId":"{}","headers":[)",
                  response.status, json_string(reason(response.status)), json_string(url), stream);
  for (size_t i = 0; i < response.headers.size(); ++i) {
    if (i > 0) out += ',';
    out += "[" + json_string(response.headers[i].first) + "," + json_string(response.headers[i].second) + "]";
  }
  return out + "]}";
}

}  // namespace

void RunningAction::start_op(const wire::Op& op) {
  const std::string& name = op.name();
  Result<void> started;
  if (name == "fetch") {
    started = start_fetch(op);
  } else if (name == "stream/read") {
    started = read_stream(op);
  } else if (name == "stream/cancel") {
    started = cancel_stream(op);
  } else if (name == "fetch/abort") {
    started = abort_fetch(op);
  } else if (name == "sleep") {
    started = sleep(op);
  } else if (name == "1.0/actions/query") {
    started = call_function(op, UdfType::kQuery);
  } else if (name == "1.0/actions/mutation") {
    started = call_function(op, UdfType::kMutation);
  } else if (name == "1.0/actions/action") {
    started = call_function(op, UdfType::kAction);
  } else if (name == "1.0/getUserIdentity") {
    answer_json(op.op_id(), call_.identity->user_json());
  } else if (name == "1.0/createFunctionHandle") {
    auto handle = create_function_handle(*lookup_transaction(), op.args_json());
    if (handle.ok()) {
      answer_json(op.op_id(), *std::move(handle));
    } else {
      started = std::move(handle).error();
    }
  } else {
    MetaContext context{&call_, &call_.path, UdfType::kAction, parts_.settings.instance_name};
    auto result = shared_op(context, name);
    if (!result) {
      started = Error::bad_request(op.sync() ? "UnknownOperation" : "UnknownAsyncOperation",
                                   (op.sync() ? "Unknown operation " : "Unknown async operation ") + name);
    } else if (result->ok()) {
      answer_json(op.op_id(), **std::move(result));
    } else {
      started = std::move(*result).error();
    }
  }
  if (!started.ok()) answer_error(op.op_id(), started.error());
}

std::unique_ptr<Transaction> RunningAction::lookup_transaction() {
  Transaction::Options options;
  options.access = TableAccess::kSystem;
  options.knobs = parts_.options.knobs;
  return std::make_unique<Transaction>(parts_.engine->snapshot(), options);
}

Result<void> RunningAction::call_function(const wire::Op& op, UdfType type) {
  std::string_view method = type == UdfType::kQuery      ? "runQuery"
                            : type == UdfType::kMutation ? "runMutation"
                                                         : "runAction";
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), method));
  FunctionCall call;
  auto lookup = lookup_transaction();
  HULL_TRY(call.path, args.address(*lookup));
  auto value = parse_convex_json("[" + std::string(args.raw("args").value_or("{}")) + "]");
  if (!value.ok()) {
    return Error::bad_request(
        "InvalidArgs", "Invalid arguments for " + call.path.canonical() + ": " + value.error().message);
  }
  call.args = *std::move(value);
  call.args_json = to_json(call.args);
  call.identity = call_.identity;
  call.allow_internal = true;
  call.context = call_.context;
  call.context.parent_execution_id = call_.context.execution_id;
  call.context.execution_id.clear();
  call.context.caller = "Action";
  ++call.context.depth;

  auto self = shared_from_this();
  uint64_t id = op.op_id();
  auto answered = [self, id](FunctionResult result) {
    if (result.value) {
      self->answer_json(id, to_json(*result.value));
    } else if (result.error) {
      self->answer_text(id, result.error->message, result.error->data_json);
    } else {
      self->answer_error(id, result.system_error.value_or(Error::internal("call without outcome")));
    }
  };
  if (type == UdfType::kQuery) {
    parts_.runner->query(std::move(call), std::nullopt, Timestamp{}, false, [self, id](QueryOutcome outcome) {
      if (!outcome.query) {
        self->answer_error(id, outcome.system_error.value_or(Error::internal("query without outcome")));
      } else if (outcome.query->ok()) {
        self->answer_json(id, outcome.query->value_json());
      } else {
        self->answer_text(id, outcome.query->error().message, outcome.query->error().data_json);
      }
    });
  } else if (type == UdfType::kMutation) {
    parts_.runner->mutation(std::move(call), std::nullopt, answered);
  } else {
    parts_.runner->action(std::move(call), answered);
  }
  return {};
}

Result<void> RunningAction::start_fetch(const wire::Op& op) {
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), "fetch"));
  FetchService::Request request;
  HULL_TRY(request.url, args.string("url"));
  HULL_TRY(request.method, args.string("method"));
  HULL_TRY(request.headers, parse_headers(args.raw("headers").value_or("[]")));
  HULL_TRY(auto fetch_id, args.optional_string("fetchId"));
  request.has_body = args.flag("hasBody");
  request.body = op.payload();

  auto self = shared_from_this();
  uint64_t id = op.op_id();
  // The stream's id is known when the transfer has started, which is before anything can be answered about
  // it.
  std::lock_guard lock(mutex_);
  auto stream = std::make_shared<FetchService::Id>(0);
  *stream = parts_.fetch->start(std::move(request), [self, id, stream, url = *args.optional_string("url")](
                                                        Result<FetchService::Response> response) {
    FetchService::Id started = 0;
    {
      std::lock_guard lock(self->mutex_);
      started = *stream;
      if (!response.ok()) self->streams_.erase(started);
    }
    if (response.ok()) {
      self->answer_json(id, response_json(*response, url.value_or(""), started));
    } else {
      self->answer_error(id, response.error());
    }
  });
  streams_.insert(*stream);
  if (fetch_id) fetches_[*fetch_id] = *stream;
  return {};
}

Result<void> RunningAction::read_stream(const wire::Op& op) {
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), "fetch"));
  HULL_TRY(FetchService::Id stream, stream_id(args));
  {
    std::lock_guard lock(mutex_);
    if (!streams_.contains(stream)) return Error::bad_request("StreamFailed", "The stream is closed");
  }
  auto self = shared_from_this();
  parts_.fetch->read(stream, [self, id = op.op_id(), stream](Result<FetchService::Chunk> chunk) {
    if (!chunk.ok() || chunk->done) {
      std::lock_guard lock(self->mutex_);
      self->streams_.erase(stream);
    }
    if (chunk.ok()) {
      self->answer_json(id, chunk->done ? R"({"done":true})" : R"({"done":false})", std::move(chunk->bytes));
    } else {
      self->answer_error(id, chunk.error());
    }
  });
  return {};
}

Result<void> RunningAction::cancel_stream(const wire::Op& op) {
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), "fetch"));
  HULL_TRY(FetchService::Id stream, stream_id(args));
  bool ours = false;
  {
    std::lock_guard lock(mutex_);
    ours = streams_.erase(stream) > 0;
  }
  if (ours) parts_.fetch->cancel(stream);
  answer_json(op.op_id(), "null");
  return {};
}

Result<void> RunningAction::abort_fetch(const wire::Op& op) {
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), "fetch"));
  HULL_TRY(std::string fetch_id, args.string("fetchId"));
  FetchService::Id stream = 0;
  {
    std::lock_guard lock(mutex_);
    auto it = fetches_.find(fetch_id);
    if (it != fetches_.end()) {
      stream = it->second;
      fetches_.erase(it);
    }
  }
  if (stream != 0) parts_.fetch->cancel(stream);
  answer_json(op.op_id(), "null");
  return {};
}

Result<void> RunningAction::sleep(const wire::Op& op) {
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), "setTimeout"));
  std::lock_guard lock(mutex_);
  // A timer holds the action weakly: what sleeps at its end is forgotten.
  auto timer = std::make_shared<Timers::Id>(0);
  *timer = parts_.timers->after(args.number("ms", 0), [weak = weak_from_this(), id = op.op_id(), timer] {
    auto action = weak.lock();
    if (!action) return;
    {
      std::lock_guard lock(action->mutex_);
      action->sleeps_.erase(*timer);
    }
    action->answer_json(id, "null");
  });
  sleeps_.insert(*timer);
  return {};
}

}  // namespace hull
