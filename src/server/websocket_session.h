// One sync websocket: the Beast side of SyncTransport (sync-protocol.md §1, §9). Compression, ping frames,
// silence, limits and the order of outgoing messages live here; the protocol lives in SyncSession.
#pragma once

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "server/http_session.h"

namespace hull {

// `request` is an upgrade request that Pipeline::refuse_upgrade() let pass.
void start_websocket_session(boost::beast::tcp_stream stream,
                             boost::beast::http::request<boost::beast::http::string_body> request,
                             SyncClient client, const SessionEnvironment& environment);

}  // namespace hull
