// One sync websocket: the socket side of SyncTransport (sync-protocol.md §1, §9, §10). Ping frames, silence,
// limits, the closing handshake and slow clients live here; frames in websocket_reader.h and
// websocket_outbox.h, the protocol in SyncSession. Everything runs on the socket's strand.
//
// An idle socket holds no buffers: reading uses a buffer of the thread, and what can be written at once never
// waits.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "server/http_session.h"
#include "server/http_types.h"

namespace hull {

// Called on the strand of `socket`. `request` is an upgrade request that Pipeline::refuse_upgrade() let pass;
// `early` are bytes that came after it.
void start_websocket_session(boost::asio::ip::tcp::socket socket, const HttpRequest& request,
                             std::string early, SyncClient client, const SessionEnvironment& environment);

}  // namespace hull
