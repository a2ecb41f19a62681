// Requests without sockets: helpers, and the Pipeline over a fake backend.
#include <brotli/encode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "server/body_codec.h"
#include "server/local_fetch.h"
#include "server/pipeline_fixture.h"
#include "server/response_coding.h"
#include "server/sync_chunks.h"
#include "server/sync_messages.h"

namespace hull {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(HttpTypes, Decoding) {
  EXPECT_EQ(percent_decode("a%20b+c", true), "a b c");
  EXPECT_EQ(percent_decode("a+b", false), "a+b");
  EXPECT_EQ(percent_decode("%zz", false), std::nullopt);
  EXPECT_EQ(percent_decode("%4", false), std::nullopt);
  HttpRequest request;
  set_target(request, "/api/query?path=a%3Ab&args=%7B%7D&flag");
  EXPECT_EQ(request.path, "/api/query");
  EXPECT_EQ(request.query_value("path"), "a:b");
  EXPECT_EQ(request.query_value("flag"), "");
  EXPECT_EQ(request.query_value("none"), std::nullopt);
}

TEST(ClientVersionTest, ParsingAndGate) {
  auto cli = ClientVersion::parse("npm-cli-1.2.3-alpha.0");
  ASSERT_TRUE(cli.ok());
  EXPECT_EQ(cli->client, "npm-cli");
  EXPECT_EQ(cli->version->text(), "1.2.3-alpha.0");
  EXPECT_EQ(ClientVersion::parse("foo").error().code, "InvalidClientVersion");
  EXPECT_EQ(ClientVersion::parse("npm-0.19.1")->state(), ClientVersion::State::kUnsupported);
  EXPECT_EQ(ClientVersion::parse("npm-0.19.2")->state(), ClientVersion::State::kSupported);
  EXPECT_EQ(ClientVersion::parse("npm-unknown")->state(), ClientVersion::State::kUnsupported);
  EXPECT_EQ(ClientVersion::parse("python-0.1.0")->state(), ClientVersion::State::kDeprecated);
  EXPECT_TRUE(ClientVersion::parse("npm-1.28.0")->accepts_transition_chunks());
  EXPECT_FALSE(ClientVersion::parse("npm-1.27.9")->accepts_transition_chunks());
  EXPECT_FALSE(ClientVersion::parse("rust-1.30.0")->accepts_transition_chunks());
  EXPECT_TRUE(ClientVersion::parse("npm-1.4.0")->default_format_is_encoded());
  EXPECT_FALSE(ClientVersion::parse("npm-1.4.1")->default_format_is_encoded());
}

TEST(BodyCodec, Codings) {
  std::string text(300'000, 'x');
  auto coded = [&](ContentCoding coding) {
    HttpResponse response = HttpResponse::text(200, text);
    compress(response, coding);
    return response.body;
  };
  std::string zstd = coded(ContentCoding::kZstd), gzip = coded(ContentCoding::kGzip);
  EXPECT_EQ(*decode_body("zstd", zstd, 300'000), text);
  EXPECT_EQ(*decode_body("GZIP", gzip, 300'000), text);
  for (const auto& [name, body] : {std::pair("zstd", zstd), std::pair("gzip", gzip)}) {
    Error large = decode_body(name, body, 299'999).error();
    EXPECT_EQ(large.code, "BadJsonBody");
    EXPECT_THAT(large.message, HasSubstr("length limit exceeded (limit: 299999 bytes"));
    EXPECT_THAT(decode_body(name, body.substr(0, body.size() / 2), 300'000).error().message,
                HasSubstr("not valid"));
  }
  // The deflate coding is zlib's container; some clients send it bare.
  std::string raw = gzip.substr(10, gzip.size() - 18);
  EXPECT_EQ(*decode_body("deflate", raw, 300'000), text);
  uLongf size = compressBound(text.size());
  std::string wrapped(size, 0);
  ASSERT_EQ(::compress(reinterpret_cast<Bytef*>(wrapped.data()), &size,
                       reinterpret_cast<const Bytef*>(text.data()), text.size()),
            Z_OK);
  EXPECT_EQ(*decode_body("deflate", wrapped.substr(0, size), 300'000), text);
}

TEST(BodyCodec, BrotliWithCap) {
  std::string text(300'000, 'x');
  std::string packed(BrotliEncoderMaxCompressedSize(text.size()), 0);
  size_t size = packed.size();
  ASSERT_TRUE(BrotliEncoderCompress(4, 22, BROTLI_MODE_GENERIC, text.size(),
                                    reinterpret_cast<const uint8_t*>(text.data()), &size,
                                    reinterpret_cast<uint8_t*>(packed.data())));
  packed.resize(size);
  EXPECT_EQ(*decode_body("br", packed, 1'000'000), text);
  EXPECT_THAT(decode_body("br", packed, 100'000).error().message, HasSubstr("length limit exceeded"));
  EXPECT_EQ(decode_body("br", packed.substr(0, size - 1), 1'000'000).error().code, "BadJsonBody");
  EXPECT_EQ(decode_body("gzip", "nonsense", 100).error().code, "BadJsonBody");
  EXPECT_EQ(decode_body("compress", "x", 100).error().kind, ErrorKind::kUnsupportedMedia);
  EXPECT_EQ(*decode_body("", "x", 100), "x");
}

TEST(Chunks, NeverSplitCharacters) {
  std::string text = "{\"a\":\"\xE2\x82\xAC\xE2\x82\xAC\xF0\x9F\x98\x80\"}";
  for (size_t max = 4; max < text.size(); ++max) {
    std::string whole;
    for (const std::string& part : chunk_transition(text, max)) {
      auto parsed = parse_plain_json(part);
      ASSERT_TRUE(parsed.ok()) << part;
      whole += parsed->view().find("chunk")->as_string();
    }
    EXPECT_EQ(whole, text);
  }
}

TEST(SyncMessages, Timestamps) {
  EXPECT_EQ(encode_timestamp({0}), "AAAAAAAAAAA=");
  EXPECT_EQ(encode_timestamp({1}), "AQAAAAAAAAA=");
  EXPECT_EQ(encode_timestamp({1785312004250000000}), "gNqPEs+zxhg=");
  EXPECT_EQ(decode_timestamp("gNqPEs+zxhg=")->ns, 1785312004250000000);
  EXPECT_EQ(decode_timestamp("//////////8="), std::nullopt);
  EXPECT_EQ(decode_timestamp("AAAA"), std::nullopt);
}

TEST_F(PipelineTest, PathsAndMethods) {
  EXPECT_EQ(send("GET", "/version").body, "1.0");
  EXPECT_EQ(send("GET", "/nope").status, 404);
  EXPECT_EQ(send("GET", "/nope").body, "");
  EXPECT_EQ(send("POST", "/api/query/").status, 404);
  HttpResponse wrong = send("DELETE", "/api/query");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(find_header(wrong.headers, "Allow"), "GET,HEAD,POST");
  EXPECT_EQ(send("HEAD", "/").status, 200);
  EXPECT_EQ(send("POST", "/api/import/start_upload").status, 403);
  HttpResponse planned = send("POST", "/api/import/start_upload", {{"Authorization", admin_header()}});
  EXPECT_EQ(planned.status, 400);
  EXPECT_THAT(planned.body, HasSubstr("NotImplementedYet"));
  context_.ready = false;
  EXPECT_EQ(send("POST", "/api/query").status, 503);
  EXPECT_EQ(send("GET", "/version").status, 200);
}

TEST_F(PipelineTest, Cors) {
  HttpResponse preflight =
      send("OPTIONS", "/api/mutation",
           {{"Origin", "http://app"}, {"Access-Control-Request-Headers", "convex-client,content-type"}});
  EXPECT_EQ(preflight.status, 200);
  EXPECT_EQ(find_header(preflight.headers, "Access-Control-Allow-Origin"), "http://app");
  EXPECT_EQ(find_header(preflight.headers, "Access-Control-Allow-Headers"), "convex-client,content-type");
  EXPECT_EQ(find_header(preflight.headers, "Access-Control-Max-Age"), "86400");
  HttpResponse error = send("POST", "/api/mutation", {{"Origin", "http://app"}});
  EXPECT_EQ(find_header(error.headers, "Access-Control-Allow-Origin"), "http://app");
  EXPECT_FALSE(find_header(send("GET", "/version", {{"Origin", "http://app"}}).headers,
                           "Access-Control-Allow-Origin"));
}

TEST_F(PipelineTest, ClientGate) {
  HttpResponse old = send("GET", "/instance_name", {{"Convex-Client", "npm-0.18.0"}});
  EXPECT_EQ(old.status, 400);
  EXPECT_EQ(find_header(old.headers, "x-convex-deprecation-state"), "Unsupported");
  EXPECT_THAT(send("GET", "/", {{"Convex-Client", "foo"}}).body, HasSubstr("InvalidClientVersion"));
  HttpResponse deprecated = send("GET", "/", {{"Convex-Client", "python-0.1.0"}});
  EXPECT_EQ(deprecated.status, 200);
  EXPECT_EQ(find_header(deprecated.headers, "x-convex-deprecation-state"), "UpgradeRequired");
}

TEST_F(PipelineTest, QueriesAndFormats) {
  std::string call = "{\"path\":\"tasks:get\",\"args\":{},\"format\":\"";
  EXPECT_EQ(post("/api/query", call + "convex_encoded_json\"}").body,
            "{\"status\":\"success\",\"value\":{\"$integer\":\"BQAAAAAAAAA=\"}}");
  EXPECT_EQ(post("/api/query", call + "json\"}").body, "{\"status\":\"success\",\"value\":\"5\"}");
  EXPECT_EQ(post("/api/query", call + "export_json\"}").body, "{\"status\":\"success\",\"value\":5}");
  EXPECT_THAT(post("/api/query", call + "xml\"}").body, HasSubstr("BadFormat"));
  EXPECT_EQ(post("/api/query", "{\"path\":\"tasks:get\",\"args\":[{}]}").body,
            "{\"status\":\"success\",\"value\":\"5\"}");
  EXPECT_EQ(
      post("/api/query", "{\"path\":\"tasks:get\",\"args\":[{}]}", {{"Convex-Client", "npm-1.3.0"}}).body,
      "{\"status\":\"success\",\"value\":{\"$integer\":\"BQAAAAAAAAA=\"}}");
  EXPECT_EQ(send("GET", "/api/query?path=tasks:get&args=%7B%7D").body,
            "{\"status\":\"success\",\"value\":\"5\"}");
  HttpResponse missing = post("/api/query", "{\"path\":\"a:b\",\"args\":{}}", {{"Convex-Request-Id", "abc"}});
  EXPECT_EQ(missing.status, 200);
  EXPECT_THAT(missing.body, StartsWith("{\"status\":\"error\",\"errorMessage\":\"[Request ID: "));
  EXPECT_THAT(missing.body, Not(HasSubstr("errorData")));
  HttpResponse bad_args = post("/api/query", "{\"path\":\"tasks:get\",\"args\":{\"$x\":1}}");
  EXPECT_EQ(bad_args.status, 200);
  EXPECT_THAT(bad_args.body, HasSubstr("\"status\":\"error\""));
}

TEST_F(PipelineTest, BodyRules) {
  EXPECT_THAT(send("POST", "/api/mutation", {}, "{}").body,
              HasSubstr("Expected request with `Content-Type: application/json`"));
  EXPECT_THAT(post("/api/mutation", "{").body, HasSubstr("BadJsonBody"));
  EXPECT_THAT(post("/api/mutation", "{\"args\":{}}").body, HasSubstr("missing field `path`"));
  EXPECT_THAT(post("/api/mutation", "{\"path\":\"a b\",\"args\":{}}").body,
              HasSubstr("BadConvexFunctionIdentifier"));
  // The token is judged after the body, the header's syntax before it.
  EXPECT_THAT(post("/api/mutation", "{", {{"Authorization", "Convex nonsense"}}).body,
              HasSubstr("BadJsonBody"));
  EXPECT_THAT(post("/api/mutation", "{", {{"Authorization", "x"}}).body, HasSubstr("InvalidHeaderFailure"));
  EXPECT_EQ(
      post("/api/mutation", "{\"path\":\"a:b\",\"args\":{}}", {{"Authorization", "Convex nonsense"}}).status,
      401);
}

TEST_F(PipelineTest, MutationsActionsAndRun) {
  EXPECT_EQ(post("/api/mutation", "{\"path\":\"a:b\",\"args\":{}}").body,
            "{\"status\":\"success\",\"value\":1}");
  EXPECT_FALSE(runner_.mutations.back().call.allow_internal);
  EXPECT_EQ(post("/api/run/dir/mod/fn", "{\"args\":{}}").status, 200);
  EXPECT_EQ(runner_.mutations.back().call.path.canonical(), "dir/mod.js:fn");
  EXPECT_FALSE(runner_.mutations.back().call.public_not_found_text);
  EXPECT_THAT(post("/api/run/fn", "{\"args\":{}}").body, HasSubstr("MissingIdentifier"));
  EXPECT_EQ(post("/api/function", "{\"path\":\"a:b\",\"args\":{}}").status, 403);
  EXPECT_EQ(
      post("/api/function", "{\"path\":\"a:b\",\"args\":{}}", {{"Authorization", admin_header()}}).status,
      200);
  EXPECT_TRUE(runner_.mutations.back().call.allow_internal);
  runner_.auto_reply = [](FakeRunner::Pending& call) {
    FunctionResult result;
    result.system_error = Error{ErrorKind::kOcc, "OptimisticConcurrencyControlFailure", "changed"};
    call.done(std::move(result));
  };
  EXPECT_EQ(post("/api/mutation", "{\"path\":\"a:b\",\"args\":{}}").status, 503);
}

TEST_F(PipelineTest, TimestampedQueries) {
  EXPECT_EQ(send("POST", "/api/query_ts").body, "{\"ts\":\"" + encode_timestamp({1000}) + "\"}");
  EXPECT_EQ(post("/api/query_at_ts",
                 "{\"path\":\"tasks:get\",\"args\":{},\"ts\":\"" + encode_timestamp({1000}) + "\"}")
                .status,
            200);
  EXPECT_EQ(post("/api/query_at_ts", "{\"path\":\"tasks:get\",\"args\":{},\"ts\":\"?\"}").status, 400);
  EXPECT_EQ(
      post("/api/query_batch",
           "{\"queries\":[{\"path\":\"tasks:get\",\"args\":{}},{\"path\":\"tasks:get\",\"args\":{}}]}")
          .body,
      "{\"results\":[{\"status\":\"success\",\"value\":\"5\"},{\"status\":\"success\",\"value\":\"5\"}]}");
  EXPECT_EQ(post("/api/query_batch", "{\"queries\":[{\"args\":{}}]}").status, 400);
}

TEST_F(PipelineTest, AdminKeys) {
  EXPECT_EQ(send("GET", "/api/check_admin_key").status, 403);
  EXPECT_EQ(send("GET", "/api/check_admin_key", {{"Authorization", admin_header()}}).body,
            "{\"success\":true,\"allowedOps\":[],\"isReadOnly\":false}");
  EXPECT_THAT(send("GET", "/api/check_admin_key", {{"Authorization", admin_header(true)}}).body,
              HasSubstr("\"isReadOnly\":true"));
  EXPECT_THAT(
      post("/api/update_environment_variables", "{\"changes\":[]}", {{"Authorization", admin_header(true)}})
          .body,
      HasSubstr("OperationNotPermitted"));
}

TEST_F(PipelineTest, HttpActions) {
  auto dispatch = [&](const std::string& method, const std::string& target, HeaderList headers, bool site) {
    auto request = std::make_shared<HttpRequest>();
    request->method = method;
    request->site_port = site;
    request->headers = std::move(headers);
    set_target(*request, target);
    pipeline_->map_path(*request);
    EXPECT_TRUE(pipeline_->streams_body(*request));
    std::optional<HttpResponse> response;
    pipeline_->handle(request, [&](HttpResponse r) { response = std::move(r); });
    if (runner_.http_actions.empty()) return std::pair(HttpActionRequest(), *response);
    auto pending = std::move(runner_.http_actions.back());
    runner_.http_actions.clear();
    pending.respond({201, {{"x-a", "1"}}, "made", nullptr});
    return std::pair(std::move(pending.request), response.value_or(HttpResponse{}));
  };
  auto [main, response] = dispatch("PUT", "/http/a%2Fb?c=d", {{"Host", "h:1"}}, false);
  EXPECT_EQ(main.url, "http://h:1/a%2Fb?c=d");
  EXPECT_EQ(main.path, "/a%2Fb");
  EXPECT_EQ(main.context.caller, "HttpEndpoint");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "made");
  EXPECT_FALSE(find_header(response.headers, "Access-Control-Allow-Credentials"));
  EXPECT_EQ(
      dispatch("GET", "/http/%zz", {{"Host", "h"}, {"X-Forwarded-Proto", "https, http"}}, true).first.url,
      "https://h/http/%zz");
  EXPECT_EQ(
      dispatch("OPTIONS", "/x", {{"Host", "h"}, {"Forwarded", "for=1; Proto=\"https\""}}, true).first.url,
      "https://h/x");
  EXPECT_EQ(dispatch("GET", "http://other/y?z", {{"Host", "h"}}, true).first.url, "http://h/y?z");
  EXPECT_EQ(dispatch("GET", "/http/", {}, false).first.url, "http://127.0.0.1:3210/");
  EXPECT_EQ(dispatch("GET", "/", {{"Host", "a b"}}, true).second.status, 400);
  EXPECT_EQ(send("TRACE", "/http/x").status, 405);
  EXPECT_EQ(send("GET", "/http").status, 404);
}

TEST_F(PipelineTest, FetchOfTheOwnOrigins) {
  context_.site_origin = "http://127.0.0.1:3211";
  auto local = local_fetch(pipeline_.get(), LocalCaller::kFunction);
  std::optional<Result<FetchService::Response>> response;
  auto fetch = [&](const std::string& url, std::shared_ptr<OneShot> aborted = std::make_shared<OneShot>()) {
    FetchService::Request request;
    request.url = url;
    request.method = "POST";
    request.has_body = true;
    request.body = "in";
    request.aborted = std::move(aborted);
    FetchService::OnResponse done = [&](Result<FetchService::Response> r) { response = std::move(r); };
    return local(request, done);
  };
  EXPECT_FALSE(fetch("http://127.0.0.1:32110/x"));
  EXPECT_FALSE(fetch("http://elsewhere/x"));
  EXPECT_FALSE(fetch("http://127.0.0.1:3210/api/sync"));
  ASSERT_TRUE(fetch("http://127.0.0.1:3211/hook?a"));
  ASSERT_EQ(runner_.http_actions.size(), 1u);
  EXPECT_EQ(runner_.http_actions[0].request.url, "http://127.0.0.1:3211/hook?a");
  EXPECT_EQ(runner_.http_actions[0].request.body->take_if_complete(), "in");
  runner_.http_actions[0].respond({201, {{"X-A", "1"}}, "out", nullptr});
  ASSERT_TRUE(response && response->ok());
  EXPECT_EQ((*response)->status, 201);
  EXPECT_EQ(find_header((*response)->headers, "content-length"), "3");
  EXPECT_EQ((*response)->body->take_if_complete(), "out");
  ASSERT_TRUE(fetch("http://127.0.0.1:3210/nope"));
  EXPECT_EQ((*response)->status, 404);

  response.reset();
  auto aborted = std::make_shared<OneShot>();
  ASSERT_TRUE(fetch("http://127.0.0.1:3211/hook", aborted));
  aborted->fire();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->error().code, "FetchFailed");
  EXPECT_TRUE(runner_.http_actions[1].request.client_gone->fired());
  auto stream = std::make_shared<BytePipe>();
  runner_.http_actions[1].respond({200, {}, "", stream});
  EXPECT_TRUE(stream->cancelled());
}

TEST_F(PipelineTest, Upgrades) {
  HttpRequest request;
  request.method = "GET";
  ClientVersion client;
  auto refusal = [&](const std::string& target, HeaderList headers) -> std::string {
    set_target(request, target);
    request.headers = std::move(headers);
    EXPECT_TRUE(pipeline_->is_sync_path(request)) << target;
    auto refused = pipeline_->refuse_upgrade(request, client);
    if (!refused) return "";
    EXPECT_EQ(refused->status, 400);
    return refused->body;
  };
  HeaderList good = {{"Connection", "keep-alive, Upgrade"},
                     {"Upgrade", "websocket"},
                     {"Sec-WebSocket-Version", "13"},
                     {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  EXPECT_EQ(refusal("/api/1.48.0/sync", good), "");
  EXPECT_TRUE(client.accepts_transition_chunks());
  EXPECT_EQ(refusal("/api/sync", good), "");
  EXPECT_EQ(refusal("//api/1.48.0/sync", good), "");
  EXPECT_THAT(refusal("/api/foo/sync", good), HasSubstr("Failed to parse client version"));
  EXPECT_THAT(refusal("/api/0.1.0/sync", good), HasSubstr("ClientVersionUnsupported"));
  const char* codes[] = {"InvalidConnectionHeader", "InvalidUpgradeHeader", "InvalidWebSocketVersionHeader",
                         "WebSocketKeyHeaderMissing"};
  for (size_t i = 0; i < good.size(); ++i) {
    HeaderList without = good;
    without.erase(without.begin() + static_cast<long>(i));
    EXPECT_THAT(refusal("/api/1.48.0/sync", without), HasSubstr(codes[i]));
  }
  set_target(request, "/api/a/b/sync");
  EXPECT_FALSE(pipeline_->is_sync_path(request));
}

}  // namespace
}  // namespace hull
