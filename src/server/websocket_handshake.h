// The answer to a websocket upgrade (RFC 6455 §4.2.2, RFC 7692 §7.1; sync-protocol.md §1). Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "server/http_types.h"

namespace hull {

struct WebsocketHandshake {
  std::string response;  // the whole head of the 101
  bool deflate = false;  // permessage-deflate was agreed on
};

// `request` is an upgrade that Pipeline::refuse_upgrade() let pass.
//
// Compression is agreed on with client_no_context_takeover, which a server may ask for unasked: no inflate
// state has to be kept between messages. server_no_context_takeover is announced as well, because our
// messages refer to nothing before them (base/deflate.h) and a client then need not keep state either.
WebsocketHandshake answer_websocket_upgrade(const HttpRequest& request);

}  // namespace hull
