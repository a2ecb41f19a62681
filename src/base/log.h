// The server's own log (spdlog) on stdout: UTC time, level, message with key=value fields. Never pass
// secrets, keys, tokens, function arguments or query strings here. Thread-safe. LOG_FORMAT=json and RUST_LOG
// levels: operations.md §13.1.
#pragma once

#include <spdlog/spdlog.h>

namespace hull {

void init_logging();  // reads RUST_LOG, LOG_FORMAT, NO_COLOR; call once from main

}  // namespace hull
