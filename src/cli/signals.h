// SIGINT and SIGTERM: the first asks for a graceful stop, the second ends the process at once. Install once,
// from main.
#pragma once

namespace hull {

void install_stop_signals();
// Blocks until the first signal; returns its number.
int wait_for_stop_signal();

}  // namespace hull
