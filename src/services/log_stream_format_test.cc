#include "services/log_stream_format.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/encoding.h"
#include "services/log_stream_config.h"
#include "value/json.h"

namespace hull {
namespace {

Value config(std::string_view body) {
  auto made = new_log_stream_config(*parse_plain_json(body));
  EXPECT_TRUE(made.ok()) << body;
  return *made;
}

LogBatch batch(size_t events, bool failed = false) {
  FunctionLogEntry entry;
  entry.udf_type = UdfType::kMutation;
  entry.identifier = "dir/mod:fn";
  entry.timestamp_s = 1767225600.5;
  entry.request_id = "0123456789abcdef";
  entry.caller = "HttpApi";
  if (failed) entry.error = "Uncaught TypeError: bad \"thing\"\n    at handler (../convex/mod.ts:1:2)\n";
  LogBatch out;
  for (size_t i = 0; i < events; ++i) {
    for (LogEvent& event : events_of(entry)) out.push_back(std::move(event));
  }
  return out;
}

std::string header(const LogRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.request.headers) {
    if (key == name) return value;
  }
  return "";
}

// The body as plain JSON; a test failure if it is none.
Value body(const LogRequest& request) {
  auto parsed = parse_plain_json(request.request.body);
  EXPECT_TRUE(parsed.ok()) << request.request.body;
  return parsed.ok() ? *parsed : Value();
}

TEST(LogStreamFormat, WebhooksAreCutAndSigned) {
  Value webhook = config(R"({"logStreamType":"webhook","url":"http://h/x","format":"json"})");
  auto requests = log_requests(webhook, "name", batch(300));
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].events, 128u);
  EXPECT_EQ(requests[2].events, 44u);
  Value events = body(requests[0]);
  ASSERT_EQ(events->count(), 128u);
  EXPECT_EQ(events->element(0).find("timestamp")->as_float64(), 1767225600500);
  EXPECT_EQ(events->element(0).find("convex")->find("deployment_name")->as_string(), "name");
  std::string secret(webhook->find("hmacSecret")->as_string());
  EXPECT_EQ(header(requests[0], "x-webhook-signature"),
            "sha256=" + hex_encode(hmac_sha256(secret, requests[0].request.body)));
}

TEST(LogStreamFormat, Axiom) {
  std::string fields = R"("apiKey":"k","datasetName":"d","attributes":[{"key":"env","value":"prod"}])";
  auto api = log_requests(config(R"({"logStreamType":"axiom",)" + fields + "}"), "name", batch(1));
  ASSERT_EQ(api.size(), 1u);
  EXPECT_EQ(api[0].request.url, "https://api.axiom.co/v1/datasets/d/ingest");
  EXPECT_EQ(header(api[0], "authorization"), "Bearer k");
  Value events = body(api[0]);
  EXPECT_EQ(events->element(0).find("_time")->as_float64(), 1767225600500);
  EXPECT_EQ(events->element(0).find("data")->find("topic")->as_string(), "function_execution");
  EXPECT_EQ(events->element(0).find("attributes")->find("env")->as_string(), "prod");
  auto edge = log_requests(
      config(R"({"logStreamType":"axiom","ingestUrl":"https://us-east-1.aws.edge.axiom.co",)" + fields + "}"),
      "name", batch(1));
  EXPECT_EQ(edge[0].request.url, "https://us-east-1.aws.edge.axiom.co/v1/ingest/d");
}

TEST(LogStreamFormat, Datadog) {
  auto requests = log_requests(
      config(R"({"logStreamType":"datadog","siteLocation":"EU","ddApiKey":"k","ddTags":["a:b","c"]})"),
      "name", batch(1001));
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].request.url, "https://http-intake.logs.datadoghq.eu/api/v2/logs");
  EXPECT_EQ(header(requests[0], "dd-api-key"), "k");
  Value events = body(requests[1]);
  ASSERT_EQ(events->count(), 1u);
  EXPECT_EQ(events->element(0).find("ddtags")->as_string(), "a:b,c");
  EXPECT_EQ(events->element(0).find("ddsource")->as_string(), "convex");
  EXPECT_EQ(events->element(0).find("hostname")->as_string(), "name");
}

TEST(LogStreamFormat, ExceptionsAreTakenApart) {
  Value errors = config(R"({"logStreamType":"postHogErrorTracking","apiKey":"k"})");
  LogBatch failed = batch(1, true);
  EXPECT_TRUE(wants_event(errors, failed[0]));
  EXPECT_FALSE(wants_event(errors, batch(1)[0]));
  auto requests = log_requests(errors, "name", failed);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].request.url, "https://us.i.posthog.com/i/v0/e/");
  Value event = body(requests[0]);
  EXPECT_EQ(event->find("timestamp")->as_string(), "2026-01-01T00:00:00.500Z");
  auto list = event->find("properties")->find("$exception_list");
  EXPECT_EQ(list->element(0).find("type")->as_string(), "TypeError");
  EXPECT_EQ(list->element(0).find("value")->as_string(), "bad \"thing\"");
}

TEST(LogStreamFormat, Topics) {
  Value some = config(R"({"logStreamType":"webhook","url":"http://h","format":"json","topics":["console"]})");
  EXPECT_FALSE(wants_event(some, batch(1)[0]));
  Value all =
      *updated_log_stream_config(some, *parse_plain_json(R"({"logStreamType":"webhook","topics":null})"));
  EXPECT_TRUE(wants_event(all, batch(1)[0]));
  EXPECT_EQ(all->find("hmacSecret")->as_string(), some->find("hmacSecret")->as_string());
}

TEST(LogStreamConfig, SecretsAreNotShown) {
  ValueBuilder row;
  row.begin_object();
  row.key("config").value(
      config(R"({"logStreamType":"datadog","siteLocation":"US1","ddApiKey":"hidden","ddTags":[]})"));
  row.key("status").begin_object().key("type").string("active").end();
  row.end();
  Value value = row.finish();
  EXPECT_EQ(
      public_log_stream_json("id1", value),
      R"({"id":"id1","logStreamType":"datadog","status":{"type":"active"},"siteLocation":"US1","ddTags":[]})");
}

TEST(LogStreamConfig, SentryAddresses) {
  auto target = parse_sentry_dsn("https://key:old@host.example/base/77");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->url, "https://host.example/base/api/77/envelope/");
  EXPECT_EQ(target->public_key, "key");
  for (const char* bad : {"", "https://host/1", "https://key@host", "https://key@host/", "https://key@/1",
                          "key@host/1", "https://key@host/one"}) {
    EXPECT_FALSE(parse_sentry_dsn(bad)) << bad;
  }
}

}  // namespace
}  // namespace hull
