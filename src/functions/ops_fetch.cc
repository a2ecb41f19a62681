// Operations of actions on fetch and on byte streams (runtime/src/native.d.ts, runtime.md §9.1).
#include "functions/http_status.h"
#include "functions/op_args.h"
#include "functions/running_action.h"

namespace hull {

namespace {

std::string response_json(const FetchService::Response& response, std::string_view url,
                          std::string_view stream) {
  std::string out = "{\"status\":" + std::to_string(response.status) +
                    ",\"statusText\":" + json_string(http_reason(response.status)) +
                    ",\"url\":" + json_string(url) + ",\"bodyStreamId\":" + json_string(stream) +
                    ",\"headers\":";
  append_header_pairs(response.headers, out);
  return out + "}";
}

}  // namespace

void RunningAction::add_source(std::string id, std::shared_ptr<BytePipe> source) {
  std::lock_guard lock(mutex_);
  sources_[std::move(id)] = std::move(source);
}

void RunningAction::forget_fetch_locked(const std::string& fetch_id) {
  auto it = fetches_.find(fetch_id);
  if (it != fetches_.end() && it->second.responded && !it->second.upload) fetches_.erase(it);
}

Result<void> RunningAction::start_fetch(const wire::Op& op) {
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), "fetch"));
  FetchService::Request request;
  HULL_TRY(request.url, args.string("url"));
  HULL_TRY(request.method, args.string("method"));
  HULL_TRY(request.headers, parse_header_pairs(args.raw("headers").value_or("[]")));
  HULL_TRY(std::string fetch_id, args.string("fetchId"));
  request.has_body = args.flag("hasBody");
  if (args.flag("streams")) {
    request.upload = std::make_shared<BytePipe>();
  } else {
    request.body = op.payload();
  }
  {
    std::lock_guard lock(mutex_);
    fetches_[fetch_id] = {request.aborted, request.upload, false};
  }
  std::string url = request.url;
  parts_.fetch->start(std::move(request), [self = shared_from_this(), id = op.op_id(), fetch_id,
                                           url](Result<FetchService::Response> response) {
    self->responded(id, fetch_id, url, std::move(response));
  });
  return {};
}

void RunningAction::responded(uint64_t op, const std::string& fetch_id, const std::string& url,
                              Result<FetchService::Response> response) {
  std::string stream = "fetch-" + fetch_id;
  bool over = false;
  {
    std::lock_guard lock(mutex_);
    over = over_;
    if (auto it = fetches_.find(fetch_id); it != fetches_.end()) it->second.responded = true;
    forget_fetch_locked(fetch_id);
    if (response.ok() && !over) sources_[stream] = response->body;
  }
  if (!response.ok()) return answer_error(op, response.error());
  if (over) return response->body->cancel();
  answer_json(op, response_json(*response, url, stream));
}

Result<void> RunningAction::write_upload(const wire::Op& op) {
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), "fetch"));
  HULL_TRY(std::string fetch_id, args.string("fetchId"));
  HULL_TRY(auto error, args.optional_string("error"));
  bool done = args.flag("done");
  std::shared_ptr<BytePipe> upload;
  {
    std::lock_guard lock(mutex_);
    auto it = fetches_.find(fetch_id);
    if (it != fetches_.end()) upload = it->second.upload;
    if (upload && done) {
      it->second.upload = nullptr;
      forget_fetch_locked(fetch_id);
    }
  }
  if (!upload) {
    answer_json(op.op_id(), R"({"closed":true})");
    return {};
  }
  if (error) {
    upload->fail(Error::bad_request("FetchFailed", *std::move(error)));
    answer_json(op.op_id(), R"({"closed":true})");
    return {};
  }
  upload->write(op.payload(), [self = shared_from_this(), id = op.op_id()](bool open) {
    self->answer_json(id, open ? "{}" : R"({"closed":true})");
  });
  if (done) upload->finish();
  return {};
}

Result<void> RunningAction::read_stream(const wire::Op& op) {
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), "fetch"));
  HULL_TRY(std::string stream, args.string("streamId"));
  std::shared_ptr<BytePipe> pipe;
  {
    std::lock_guard lock(mutex_);
    auto it = sources_.find(stream);
    if (it == sources_.end()) return Error::bad_request("StreamFailed", "The stream is closed");
    pipe = it->second;
  }
  pipe->read([self = shared_from_this(), id = op.op_id(), stream](Result<BytePipe::Chunk> chunk) {
    if (!chunk.ok() || chunk->done) {
      std::lock_guard lock(self->mutex_);
      self->sources_.erase(stream);
    }
    if (!chunk.ok()) return self->answer_error(id, chunk.error());
    self->answer_json(id, chunk->done ? R"({"done":true})" : R"({"done":false})", std::move(chunk->bytes));
  });
  return {};
}

Result<void> RunningAction::cancel_stream(const wire::Op& op) {
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), "fetch"));
  HULL_TRY(std::string stream, args.string("streamId"));
  std::shared_ptr<BytePipe> pipe;
  {
    std::lock_guard lock(mutex_);
    auto it = sources_.find(stream);
    if (it != sources_.end()) {
      pipe = it->second;
      sources_.erase(it);
    }
  }
  if (pipe) pipe->cancel();
  answer_json(op.op_id(), "null");
  return {};
}

Result<void> RunningAction::abort_fetch(const wire::Op& op) {
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), "fetch"));
  HULL_TRY(std::string fetch_id, args.string("fetchId"));
  Fetch fetch;
  {
    std::lock_guard lock(mutex_);
    auto it = fetches_.find(fetch_id);
    if (it != fetches_.end()) {
      fetch = std::move(it->second);
      fetches_.erase(it);
    }
  }
  if (fetch.aborted) fetch.aborted->fire();
  if (fetch.upload) fetch.upload->fail(Error::bad_request("FetchFailed", "The operation was aborted"));
  answer_json(op.op_id(), "null");
  return {};
}

}  // namespace hull
