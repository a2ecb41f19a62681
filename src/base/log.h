// The server's own log (spdlog) on stdout: UTC time, level, target, message with key=value fields. Never pass
// secrets, keys, tokens, function arguments or query strings here. Thread-safe. RUST_LOG, LOG_FORMAT,
// NO_COLOR and CONVEX_TRACE_FILE: operations.md §5, §13.1.
#pragma once

#include <spdlog/spdlog.h>

#include <string>

namespace hull {

// Reads the variables; call once from main. `file`: where the lines also go ("" = nowhere); it is begun anew
// when it has 4 MiB, and the one before is kept beside it.
void init_logging(const std::string& file = "");

// Loggers with a target of their own; the default one until init_logging() has run.
spdlog::logger& http_log();      // "convex-cloud-http": access lines
spdlog::logger& function_log();  // "functions": what functions print (FUNCTION_LOGS_TO_STDOUT)

}  // namespace hull
