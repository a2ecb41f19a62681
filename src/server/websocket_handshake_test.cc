#include "server/websocket_handshake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hull {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

WebsocketHandshake answer(const std::vector<std::string>& offers) {
  HttpRequest request;
  request.headers = {{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  for (const auto& offer : offers) request.headers.emplace_back("Sec-WebSocket-Extensions", offer);
  return answer_websocket_upgrade(request);
}

TEST(WebsocketHandshake, AcceptKeyOfTheRfc) {
  EXPECT_EQ(answer({}).response,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

TEST(WebsocketHandshake, OffersThatAreAccepted) {
  for (const char* offer :
       {"permessage-deflate", "permessage-deflate; client_max_window_bits", "x-unknown, permessage-deflate",
        "permessage-deflate; server_max_window_bits=10, permessage-deflate; client_max_window_bits=15",
        "Permessage-Deflate; server_no_context_takeover; client_no_context_takeover"}) {
    WebsocketHandshake handshake = answer({offer});
    EXPECT_TRUE(handshake.deflate) << offer;
    EXPECT_THAT(handshake.response,
                HasSubstr("\r\nSec-WebSocket-Extensions: permessage-deflate; "
                          "server_no_context_takeover; client_no_context_takeover\r\n\r\n"));
  }
  EXPECT_TRUE(answer({"x-other", "permessage-deflate"}).deflate) << "in a second header";
}

TEST(WebsocketHandshake, OffersThatAreNot) {
  for (const char* offer : {"", "x-webkit-deflate-frame", "permessage-deflate; server_max_window_bits=10",
                            "permessage-deflate; unknown",
                            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
                            "permessage-deflate; client_no_context_takeover=1"}) {
    WebsocketHandshake handshake = answer({offer});
    EXPECT_FALSE(handshake.deflate) << offer;
    EXPECT_THAT(handshake.response, Not(HasSubstr("Extensions")));
  }
}

}  // namespace
}  // namespace hull
