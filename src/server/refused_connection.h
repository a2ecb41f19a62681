// A connection that is over a limit: it gets an answer that explains it, and is closed.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "server/http_types.h"

namespace hull {

// Few are answered at a time; beyond that they are closed without a word.
void refuse_connection(boost::asio::ip::tcp::socket socket, const HttpResponse& answer);

}  // namespace hull
