// Long polls of the function log (http-api.md §8.1; deploy-and-cli.md §1.5). A waiting poll holds no thread:
// it is woken by the log, by a timer after 60 s, or by the end of the server, whichever comes first.
#include <charconv>
#include <cmath>

#include "base/digest.h"
#include "base/time.h"
#include "server/parked_answer.h"
#include "server/router.h"
#include "server/sync_messages.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr std::chrono::seconds kPollTime{60};

struct PollOptions {
  double cursor = 0;
  std::optional<std::string> request_id;  // only entries of this request
  bool structured_lines = false;
  bool completions_only = false;
};

std::string number_text(double number) {
  char buffer[64];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number);
  (void)error;
  return std::string(buffer, end);
}

Result<PollOptions> parse_options(const HttpRequest& request) {
  PollOptions out;
  auto cursor = request.query_value("cursor");
  if (!cursor)
    return Error::bad_request("BadQueryArgs", "Failed to deserialize query string: missing field `cursor`");
  auto [end, error] = std::from_chars(cursor->data(), cursor->data() + cursor->size(), out.cursor);
  if (error != std::errc() || end != cursor->data() + cursor->size() || !std::isfinite(out.cursor)) {
    return Error::bad_request("BadQueryArgs",
                              "Failed to deserialize query string: `cursor` must be a number");
  }
  auto session = request.query_value("sessionId");
  auto counter = request.query_value("clientRequestCounter");
  if (session && counter) {
    auto uuid = normalize_uuid(*session);
    uint32_t n = 0;
    auto [counter_end, counter_error] =
        std::from_chars(counter->data(), counter->data() + counter->size(), n);
    if (!uuid || counter_error != std::errc() || counter_end != counter->data() + counter->size()) {
      return Error::bad_request(
          "BadQueryArgs", "Failed to deserialize query string: bad `sessionId` or `clientRequestCounter`");
    }
    out.request_id = sha256_hex(*uuid + "|" + std::to_string(n)).substr(0, 16);
  }
  return out;
}

std::string render(const FunctionLog::Batch& batch, const PollOptions& options) {
  std::string out = "{\"entries\":[";
  bool first = true;
  for (const auto& entry : batch.entries) {
    if (options.completions_only && entry->kind != FunctionLogEntry::Kind::kCompletion) continue;
    if (options.request_id && (entry->request_id != *options.request_id || entry->parent_execution_id))
      continue;
    if (!first) out += ',';
    first = false;
    entry->append_json(out, options.structured_lines);
  }
  return out + "],\"newCursor\":" + number_text(batch.new_cursor) + "}";
}

void wait_for_entries(ServerContext& context, PollOptions options, Responder respond) {
  auto parked = ParkedAnswer::start(
      context, std::move(respond), kPollTime,
      [options] {
        return HttpResponse::json(render({{}, options.cursor}, options));
      },
      [] { return HttpResponse::error(500, "InternalServerError", kInternalServerErrorText); });
  parked->hold(context.runner->log().wait(options.cursor, [&context, parked, options] {
    // Off the appending thread, which may hold the log's lock.
    context.pool->submit([&context, parked, options] {
      parked->answer(HttpResponse::json(render(context.runner->log().read(options.cursor), options)));
    });
  }));
}

Route::Handler poll_route(bool completions_only) {
  return [completions_only](ServerContext& context, RequestPtr request, ClientVersion client,
                            Responder respond) {
    with_admin(context, request, std::move(respond), "ViewLogs",
               [&context, request, completions_only, structured = client.wants_structured_log_lines()](
                   IdentityPtr, Responder answer) {
                 auto options = parse_options(*request);
                 if (!options.ok()) return answer(HttpResponse::error(options.error()));
                 options->structured_lines = structured && !completions_only;
                 options->completions_only = completions_only;
                 FunctionLog::Batch batch = context.runner->log().read(options->cursor);
                 if (batch.entries.empty() && options->cursor == 0) {
                   // Nothing yet: hand out a position, so that the first line will not be taken for history.
                   batch.new_cursor = std::max(batch.new_cursor, unix_millis());
                   return answer(HttpResponse::json(render(batch, *options)));
                 }
                 if (!batch.entries.empty()) return answer(HttpResponse::json(render(batch, *options)));
                 wait_for_entries(context, *std::move(options), std::move(answer));
               });
  };
}

}  // namespace

void add_log_routes(Router& router) {
  RouteOptions polled;
  polled.polled = true;
  for (const char* prefix : {"/api", "/api/app_metrics"}) {
    router.add("GET", std::string(prefix) + "/stream_function_logs", poll_route(false), polled);
    router.add("GET", std::string(prefix) + "/stream_udf_execution", poll_route(true), polled);
  }
}

}  // namespace hull
