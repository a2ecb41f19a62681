#include "server/response_coding.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "server/body_codec.h"
#include "server/pipeline_fixture.h"

namespace hull {
namespace {

TEST(ResponseCoding, WhatTheClientPrefers) {
  const struct {
    const char* accept;
    ContentCoding coding;
  } cases[] = {
      {"", ContentCoding::kIdentity},
      {"gzip", ContentCoding::kGzip},
      {"x-gzip", ContentCoding::kGzip},
      {"deflate", ContentCoding::kIdentity},
      {"gzip, deflate, br, zstd", ContentCoding::kZstd},
      {"gzip, deflate, br", ContentCoding::kBrotli},
      {"gzip;q=1.0, br;q=0.8", ContentCoding::kGzip},
      {"GZIP ; Q=0.5 , br;q=0.4", ContentCoding::kGzip},
      {"*", ContentCoding::kZstd},
      {"zstd;q=0, *", ContentCoding::kBrotli},
      {"gzip;q=0", ContentCoding::kIdentity},
      {"gzip;q=0.000, *;q=0", ContentCoding::kIdentity},
      {"identity, gzip;q=0.5", ContentCoding::kIdentity},
      {"identity;q=0.5, gzip;q=0.6", ContentCoding::kGzip},
      {"identity;q=0, gzip", ContentCoding::kGzip},
      {"gzip;q=x", ContentCoding::kIdentity},
      {"gzip;q=5", ContentCoding::kIdentity},
      {"gzip;level=3;q=0.2", ContentCoding::kGzip},
      {",, ;q=1, gzip", ContentCoding::kGzip},
  };
  for (const auto& each : cases) EXPECT_EQ(choose_coding(each.accept), each.coding) << each.accept;
}

TEST(ResponseCoding, WhatIsWorthIt) {
  std::string long_text(1024, 'a');
  EXPECT_TRUE(is_compressible(HttpResponse::json(long_text)));
  EXPECT_TRUE(is_compressible(HttpResponse::text(404, long_text)));
  EXPECT_FALSE(is_compressible(HttpResponse::json(long_text.substr(1))));
  HttpResponse image = HttpResponse::json(long_text);
  image.headers[0].second = "image/png";
  EXPECT_FALSE(is_compressible(image));
  HttpResponse coded = HttpResponse::json(long_text);
  coded.headers.emplace_back("content-encoding", "br");
  EXPECT_FALSE(is_compressible(coded));
  HttpResponse streamed = HttpResponse::json(long_text);
  streamed.stream = std::make_shared<BytePipe>();
  EXPECT_FALSE(is_compressible(streamed));
}

TEST(ResponseCoding, BodiesComeBackAndNoneGrows) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "{\"n\":" + std::to_string(i) + "},";
  for (auto [coding, name] :
       {std::pair(ContentCoding::kGzip, "gzip"), std::pair(ContentCoding::kBrotli, "br"),
        std::pair(ContentCoding::kZstd, "zstd")}) {
    HttpResponse response = HttpResponse::json(text);
    compress(response, coding);
    EXPECT_EQ(find_header(response.headers, "Content-Encoding"), name);
    EXPECT_LT(response.body.size(), text.size() / 2);
    EXPECT_EQ(*decode_body(name, response.body, text.size()), text);
    std::string noise = random_bytes(2000);
    HttpResponse incompressible = HttpResponse::json(noise);
    compress(incompressible, coding);
    EXPECT_EQ(incompressible.body, noise);
    EXPECT_FALSE(find_header(incompressible.headers, "Content-Encoding"));
  }
}

TEST_F(PipelineTest, CompressedAnswers) {
  std::string value = "\"" + std::string(4000, 'v') + "\"";
  runner_.data["tasks:long"] = value;
  std::string call = "{\"path\":\"tasks:long\",\"args\":{}}";
  std::string plain = "{\"status\":\"success\",\"value\":" + value + "}";
  HttpResponse coded = post("/api/query", call, {{"Accept-Encoding", "br"}});
  EXPECT_EQ(find_header(coded.headers, "Content-Encoding"), "br");
  EXPECT_EQ(*decode_body("br", coded.body, 10'000), plain);
  constexpr std::string_view kVary =
      "origin, access-control-request-method, access-control-request-headers, accept-encoding";
  EXPECT_EQ(find_header(coded.headers, "Vary"), kVary);
  HttpResponse as_is = post("/api/query", call);
  EXPECT_EQ(as_is.body, plain);
  EXPECT_EQ(find_header(as_is.headers, "Vary"), kVary);
  HttpResponse short_one =
      post("/api/query", "{\"path\":\"tasks:get\",\"args\":{}}", {{"Accept-Encoding", "br"}});
  EXPECT_FALSE(find_header(short_one.headers, "Content-Encoding"));
}

}  // namespace
}  // namespace hull
