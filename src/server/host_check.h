// Warns once, per port, when requests come for another host than that of the configured origin: then links,
// storage URLs and CONVEX_*_URL point somewhere clients cannot reach (operations.md §10). Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <string>

#include "server/http_types.h"

namespace hull {

class HostCheck {
 public:
  // `origin`: that of the port the request came to; "" = not known yet.
  void look(const HttpRequest& request, const std::string& origin);

 private:
  std::array<std::atomic<bool>, 2> warned_{};  // by site port
};

}  // namespace hull
