#include "services/document_fetcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "services/test_origin.h"

namespace hull {
namespace {

using ::testing::ElementsAre;

class DocumentFetcherTest : public ::testing::Test {
 protected:
  DocumentFetcherTest() { fetcher_.answer_locally(origin_.local()); }

  std::future<Result<FetchedDocument>> begin(const std::string& url) {
    auto promise = std::make_shared<std::promise<Result<FetchedDocument>>>();
    fetcher_.get(url,
                 [promise](Result<FetchedDocument> document) { promise->set_value(std::move(document)); });
    return promise->get_future();
  }
  // "200 body", or what went wrong.
  std::string get(const std::string& url) { return text(begin(url).get()); }
  static std::string text(const Result<FetchedDocument>& document) {
    return document.ok() ? std::to_string(document->status) + " " + document->body : document.error().message;
  }

  TestOrigin origin_;
  DocumentFetcher fetcher_{60'000};
};

TEST_F(DocumentFetcherTest, AsksForJsonWithoutCredentials) {
  origin_.set("https://a.dev/x", {200, {{"content-type", "application/json"}}, "{}"});
  auto document = begin("https://a.dev/x").get();
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(document->content_type, "application/json");
  EXPECT_EQ(document->fresh_for_s, std::nullopt);
  auto request = origin_.last_request();
  EXPECT_EQ(request.method, "GET");
  EXPECT_THAT(request.headers, ElementsAre(std::pair<std::string, std::string>("Accept", "application/json"),
                                           std::pair<std::string, std::string>("User-Agent", "Convex/1.0")));
}

TEST_F(DocumentFetcherTest, FollowsRedirects) {
  origin_.set("https://a.dev/x/y", {302, {{"location", "../z?q=1#part"}}, "gone"});
  origin_.set("https://a.dev/z?q=1", {308, {{"location", "//b.dev/end"}}, ""});
  origin_.set("https://b.dev/end", {404, {}, "nothing"});
  EXPECT_EQ(get("https://a.dev/x/y"), "404 nothing");
  EXPECT_THAT(origin_.requested(),
              ElementsAre("https://a.dev/x/y", "https://a.dev/z?q=1", "https://b.dev/end"));
  origin_.set("https://a.dev/file", {301, {{"location", "file:///etc/passwd"}}, ""});
  EXPECT_EQ(get("https://a.dev/file"), "a redirect to no http or https URL");
  origin_.set("https://a.dev/nowhere", {304, {}, ""});
  EXPECT_EQ(get("https://a.dev/nowhere"), "304 ");
}

TEST_F(DocumentFetcherTest, TenRedirectsAreEnough) {
  for (int i = 0; i < 12; ++i)
    origin_.set("https://a.dev/" + std::to_string(i), {307, {{"location", std::to_string(i + 1)}}, ""});
  origin_.set("https://a.dev/12", {200, {}, "end"});
  EXPECT_EQ(get("https://a.dev/2"), "200 end");
  EXPECT_EQ(get("https://a.dev/1"), "too many redirects");
}

TEST_F(DocumentFetcherTest, LimitsOfSize) {
  origin_.set("https://a.dev/large", {200, {}, std::string((1 << 20) + 1, 'x')});
  EXPECT_EQ(get("https://a.dev/large"), "the answer is too large");
  origin_.set("https://a.dev/largest", {200, {}, std::string(1 << 20, 'x')});
  EXPECT_EQ(get("https://a.dev/largest").size(), 4u + (1 << 20));
}

TEST_F(DocumentFetcherTest, LimitOfTime) {
  DocumentFetcher hasty(200);
  hasty.answer_locally(origin_.local());
  origin_.set("https://a.dev/slow", {200, {}, "late", true});
  std::promise<Result<FetchedDocument>> promise;
  hasty.get("https://a.dev/slow",
            [&](Result<FetchedDocument> document) { promise.set_value(std::move(document)); });
  EXPECT_EQ(text(promise.get_future().get()), "no complete answer in time");
  EXPECT_TRUE(origin_.last_request().aborted->fired());
  origin_.release();
}

TEST_F(DocumentFetcherTest, ErrorsOfTheConnection) {
  EXPECT_EQ(get("https://down.dev/"), "connection refused");
}

TEST_F(DocumentFetcherTest, StopEndsWhatIsUnderWay) {
  origin_.set("https://a.dev/slow", {200, {}, "late", true});
  auto waiting = begin("https://a.dev/slow");
  fetcher_.stop();
  EXPECT_EQ(text(waiting.get()), "the server is shutting down");
  EXPECT_EQ(get("https://a.dev/slow"), "the server is shutting down");
  origin_.release();
}

TEST_F(DocumentFetcherTest, GoesToTheNetworkOtherwise) {
  DocumentFetcher fetcher;
  std::promise<Result<FetchedDocument>> promise;
  // Nothing listens on port 1.
  fetcher.get("http://127.0.0.1:1/",
              [&](Result<FetchedDocument> document) { promise.set_value(std::move(document)); });
  EXPECT_THAT(text(promise.get_future().get()), ::testing::HasSubstr("Couldn't connect to server"));
}

TEST(FreshnessTest, FollowsTheHeaders) {
  auto of = [](const HeaderPairs& headers) { return freshness_s(headers); };
  EXPECT_EQ(of({}), std::nullopt);
  EXPECT_EQ(of({{"cache-control", "public"}}), std::nullopt);
  EXPECT_EQ(of({{"cache-control", "public, Max-Age=15"}}), 15);
  EXPECT_EQ(of({{"cache-control", "max-age=100,must-revalidate"}, {"age", "30"}}), 70);
  EXPECT_EQ(of({{"cache-control", "max-age=10"}, {"age", "30"}}), 0);
  EXPECT_EQ(of({{"cache-control", "no-store, max-age=100"}}), 0);
  EXPECT_EQ(of({{"cache-control", "no-cache"}}), 0);
  EXPECT_EQ(of({{"expires", "Thu, 26 Nov 2026 10:00:30 GMT"}, {"date", "Thu, 26 Nov 2026 10:00:00 GMT"}}),
            30);
  EXPECT_EQ(of({{"expires", "0"}}), 0);
  EXPECT_EQ(of({{"cache-control", "max-age=5"}, {"expires", "0"}}), 5);
}

}  // namespace
}  // namespace hull
