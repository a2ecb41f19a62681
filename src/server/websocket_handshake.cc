#include "server/websocket_handshake.h"

#include <boost/beast/http/rfc7230.hpp>

#include "base/digest.h"
#include "base/encoding.h"

namespace hull {
namespace {

namespace http = boost::beast::http;

std::string_view view(boost::beast::string_view s) { return {s.data(), s.size()}; }

// One item of the offer. Declines what would bind us to smaller windows or is unknown (RFC 7692 §5.1).
bool acceptable(std::string_view name, const http::param_list& params) {
  if (!equals_ignoring_case(name, "permessage-deflate")) return false;
  HeaderList seen;
  for (const auto& [raw_key, raw_value] : params) {
    const std::string_view key = view(raw_key), value = view(raw_value);
    if (find_header(seen, key)) return false;
    seen.emplace_back(std::string(key), "");
    if (equals_ignoring_case(key, "server_no_context_takeover") ||
        equals_ignoring_case(key, "client_no_context_takeover")) {
      if (!value.empty()) return false;
    } else if (!equals_ignoring_case(key, "client_max_window_bits")) {
      return false;
    }
  }
  return true;
}

bool offers_deflate(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (!equals_ignoring_case(name, "Sec-WebSocket-Extensions")) continue;
    for (const auto& [extension, params] : http::ext_list(value)) {
      if (acceptable(view(extension), params)) return true;
    }
  }
  return false;
}

}  // namespace

WebsocketHandshake answer_websocket_upgrade(const HttpRequest& request) {
  WebsocketHandshake out;
  out.deflate = offers_deflate(request);
  std::string key(trim(request.header("Sec-WebSocket-Key").value_or("")));
  out.response =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Accept: ";
  out.response += base64_encode(sha1(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
  if (out.deflate) {
    out.response +=
        "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
        "client_no_context_takeover";
  }
  out.response += "\r\n\r\n";
  return out;
}

}  // namespace hull
