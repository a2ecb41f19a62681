// HTTP actions without a server: a router with npm's protocol, bodies through pipes.
#include <gmock/gmock.h>

#include "functions/test_deployment.h"

namespace hull::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kHttp = R"js(
const routes = {
  '/echo': async request => new Response(request.method + ' ' + request.url + ' ' + await request.text(),
                                         {status: 201, headers: {'x-a': request.headers.get('x-b')}}),
  '/none': async () => new Response(null, {status: 204}),
  '/throw': async () => { throw new Error('boom'); },
  '/stream': async () => {
    let n = 0;
    return new Response(new ReadableStream({async pull(c) {
      await new Promise(r => setTimeout(r, 20));
      n++ < 3 ? c.enqueue(new Uint8Array([96 + n])) : c.close();
    }}));
  },
  '/late': async () => new Response(new ReadableStream({async pull() {
    await new Promise(r => setTimeout(r, 20));
    throw new Error('late');
  }})),
  '/gone': async request => {
    await new Promise(done => request.signal.addEventListener('abort', done));
    console.log('gone');
    return new Response('x');
  },
};
export default {
  isRouter: true,
  getRoutes: () => [],
  lookup: (path, method) => routes[path] ? [routes[path], method, path] : null,
  runRequest: async (json, path) => {
    const request = Convex.jsSyscall('requestFromConvexJson', {convexJson: JSON.parse(json)});
    return JSON.stringify(Convex.jsSyscall('convexJsonFromResponse', {response: await routes[path](request)}));
  },
};
)js";

class HttpActionTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(d.push({{"http.js", kHttp}}), ""); }

  static HttpActionRequest request(const std::string& method, const std::string& path) {
    HttpActionRequest request;
    request.method = method;
    request.path = path;
    request.url = "http://site" + path;
    request.client_gone = std::make_shared<OneShot>();
    request.context.request_id = "req";
    return request;
  }
  std::future<HttpActionResponse> start(HttpActionRequest request) {
    auto promise = std::make_shared<std::promise<HttpActionResponse>>();
    d.runner().http_action(std::move(request),
                           [promise](HttpActionResponse r) { promise->set_value(std::move(r)); });
    return promise->get_future();
  }
  // The rest of a streamed body, then "|" and how it ended.
  static std::string drain(BytePipe& pipe) {
    std::string all;
    while (true) {
      std::promise<Result<BytePipe::Chunk>> next;
      pipe.read([&](Result<BytePipe::Chunk> chunk) { next.set_value(std::move(chunk)); });
      auto chunk = next.get_future().get();
      if (!chunk.ok()) return all + "|" + chunk.error().message;
      if (chunk->done) return all + "|end";
      all += chunk->bytes;
    }
  }
  std::vector<std::shared_ptr<const FunctionLogEntry>> completions() {
    std::vector<std::shared_ptr<const FunctionLogEntry>> out;
    for (auto& entry : d.runner().log().read(0).entries) {
      if (entry->kind == FunctionLogEntry::Kind::kCompletion) out.push_back(entry);
    }
    return out;
  }
  TestDeployment d;
};

TEST_F(HttpActionTest, RequestAndResponse) {
  HttpActionRequest post = request("POST", "/echo");
  post.headers = {{"X-B", "caf\xe9"}};
  post.body = std::make_shared<BytePipe>();
  post.body->write("he", [](bool) {});
  auto pipe = post.body;
  auto response = start(std::move(post));
  pipe->write("llo", [](bool) {});
  pipe->finish();
  HttpActionResponse made = response.get();
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.stream, nullptr);  // short, so it came whole
  EXPECT_EQ(made.body, "POST http://site/echo hello");
  EXPECT_EQ(made.headers[0], (std::pair<std::string, std::string>("x-a", "caf\xe9")));
  EXPECT_EQ(start(request("GET", "/none")).get().status, 204);
  HttpActionResponse missing = start(request("GET", "/nope")).get();
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.body, "No matching routes found");
}

TEST_F(HttpActionTest, ErrorsBeforeAndAfterTheHead) {
  HttpActionResponse failed = start(request("GET", "/throw")).get();
  EXPECT_EQ(failed.status, 500);
  EXPECT_THAT(
      failed.body,
      StartsWith(R"({"code":"[Request ID: req] Server Error: Uncaught Error: boom","trace":"Uncaught)"));
  HttpActionResponse late = start(request("GET", "/late")).get();
  EXPECT_EQ(late.status, 200);
  ASSERT_NE(late.stream, nullptr);
  EXPECT_THAT(drain(*late.stream), HasSubstr("Uncaught Error: late"));
}

TEST_F(HttpActionTest, StreamsAndLogs) {
  HttpActionResponse response = start(request("GET", "/stream")).get();
  ASSERT_NE(response.stream, nullptr);
  EXPECT_EQ(drain(*response.stream), "abc|end");
  for (int i = 0; i < 200 && completions().empty(); ++i) usleep(10000);
  auto done = completions();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0]->identifier, "GET /stream");
  EXPECT_EQ(done[0]->http_status, 200);
  EXPECT_EQ(done[0]->return_bytes, 3u);
}

TEST_F(HttpActionTest, AClientThatGoesAwayIsTold) {
  HttpActionRequest waits = request("GET", "/gone");
  auto gone = waits.client_gone;
  auto response = start(std::move(waits));
  usleep(100000);
  gone->fire();
  EXPECT_EQ(response.get().body, "x");
}

TEST_F(HttpActionTest, StoppingAnswersTheCaller) {
  auto response = start(request("GET", "/gone"));
  usleep(200000);
  d.runner().cancel_actions();
  EXPECT_EQ(response.get().status, 503);
}

TEST(HttpActionNone, WithoutAModule) {
  TestDeployment d;
  std::promise<HttpActionResponse> made;
  HttpActionRequest request;
  request.client_gone = std::make_shared<OneShot>();
  d.runner().http_action(std::move(request),
                         [&](HttpActionResponse response) { made.set_value(std::move(response)); });
  EXPECT_EQ(made.get_future().get().status, 404);
}

}  // namespace
}  // namespace hull::testing
