// HttpAction: a running HTTP action (runtime.md §9.3). Its response goes out as soon as the head is known and
// streams while the function goes on; a function that fails before is answered with the error.
//
// A client that goes away aborts `request.signal` and nothing else: what the function still writes is
// dropped.
#pragma once

#include "functions/http_exchange.h"
#include "functions/running_action.h"

namespace hull {

// Responses that user code did not make.
HttpActionResponse text_response(int status, std::string text);
HttpActionResponse failed_response(const CallOutcome& outcome, const std::string& request_id, bool redact);

class HttpAction final : public RunningAction {
 public:
  HttpAction(RunnerParts* parts, std::shared_ptr<const Code> code, HttpActionRequest request,
             OnHttpResponse respond);

  void ops(const wire::OpBatch& batch) override;

 protected:
  void describe(wire::StartCall& start) const override;
  Result<bool> start_own_op(const wire::Op& op) override;
  CallOutcome succeeded(const wire::CallDone& done) override;
  void conclude(CallOutcome& outcome) override;
  void describe_entry(FunctionLogEntry& entry) const override;
  void answer_caller(CallOutcome outcome, std::vector<LogLine> lines) override;

 private:
  // All state below belongs to the driver thread.
  void learn_route(std::string_view json);
  void announce(std::string_view response_json);
  Result<void> write_body(const wire::Op& op);
  void wait_for_client(const wire::Op& op);
  void cut(FunctionError error);
  void respond(HttpActionResponse response);
  void deliver_head();

  const HttpActionRequest request_;
  OnHttpResponse respond_;                  // null once called
  std::optional<HttpActionResponse> head_;  // known, not delivered yet
  std::shared_ptr<BytePipe> body_ = std::make_shared<BytePipe>();
  std::string route_;  // "GET /path", as logs name it; of the request until a route has matched
  bool matched_ = false;
  std::optional<int> status_;
  uint64_t sent_ = 0;
  bool too_large_ = false;
  std::optional<FunctionError> broken_;  // why the response ended early
};

}  // namespace hull
