// One HTTP/1.1 connection: reads requests, hands them to the Pipeline, writes answers, keeps alive; hands the
// socket over to a websocket session on upgrade. All work runs on the connection's strand; answers may come
// from any thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "server/address_limiter.h"
#include "server/connections.h"
#include "server/pipeline.h"
#include "server/sync_transport.h"

namespace hull {

// What connections share; outlives them.
struct SessionEnvironment {
  const Pipeline* pipeline = nullptr;
  Connections* connections = nullptr;
  const SyncServices* sync = nullptr;
  AddressLimiter* limiter = nullptr;
};

// `socket` must be bound to a strand of its own. `permit` is held as long as the connection lives.
void start_http_session(boost::asio::ip::tcp::socket socket, bool site_port,
                        const SessionEnvironment& environment, AddressLimiter::Permit permit);

}  // namespace hull
