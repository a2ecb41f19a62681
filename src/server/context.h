// What the routes share: the services of the server, options and metrics. One per Server, outlives every
// request.
//
// The backend pointers are set once by Server::attach() before `ready` becomes true; until then only the few
// routes that need no backend answer. Everything reachable from here is thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/knobs.h"
#include "deploy/deploy.h"
#include "functions/runner.h"
#include "server/address_limiter.h"
#include "server/blocking_pool.h"
#include "server/client_version.h"
#include "server/host_check.h"
#include "server/http_types.h"
#include "server/io_timers.h"
#include "server/metrics.h"
#include "services/auth.h"

namespace hull {

class FileStore;
class LogStreams;
class CronRunner;
class Scheduler;
class UsageMeter;

// Requests that are parked without a thread; ended when the server stops so that clients reconnect.
// Thread-safe.
class ParkedRequests {
 public:
  uint64_t add(std::function<void()> end);
  void remove(uint64_t id);
  // Ends all, and every later one at once.
  void end_all();

 private:
  std::mutex mutex_;
  std::map<uint64_t, std::function<void()>> ends_;
  uint64_t next_ = 1;
  bool ended_ = false;
};

struct ServerContext {
  std::atomic<bool> ready{false};
  FunctionRunner* runner = nullptr;
  Deploy* deploy = nullptr;
  const Authenticator* auth = nullptr;
  FileStore* files = nullptr;
  LogStreams* log_streams = nullptr;
  UsageMeter* usage = nullptr;
  Scheduler* scheduler = nullptr;
  CronRunner* crons = nullptr;
  const Knobs* knobs = nullptr;
  std::string instance_name, cloud_origin, site_origin, version;
  bool redact_logs = false;
  bool metrics_endpoint = true;
  bool not_found_is_404 = false;  // a missing function is an HTTP error (http-api.md §4.4)

  std::atomic<bool> stopping{false};
  AddressLimiter* limiter = nullptr;
  Metrics metrics;
  HostCheck host_check;
  ParkedRequests parked;
  BlockingPool* pool = nullptr;
  BlockingPool* compressor = nullptr;  // for large answers; nothing else may hold them up
  IoTimers* timers = nullptr;

  std::shared_ptr<const Catalog> catalog() const { return runner->engine().snapshot()->catalog(); }
  // Public addresses: canonical URLs where they are set, else the configured origins.
  std::string cloud_url() const;
  std::string site_url() const;
};

// --- Steps many routes share (request_steps.cc) ---

// The identity of the Authorization header or adminKey parameter. `done` runs before this returns, unless the
// keys for a user's token have to be fetched: then it runs on another thread.
void authenticate(ServerContext& context, const HttpRequest& request,
                  std::function<void(Result<IdentityPtr>)> done);
// As above, and the identity must be allowed `operation` ("" = any admin key); otherwise the error is the
// response.
void with_admin(ServerContext& context, RequestPtr request, Responder respond, std::string_view operation,
                std::function<void(IdentityPtr, Responder)> next);

// http-api.md §1.3: content type, size and syntax. The value is plain JSON, an object.
Result<Value> json_body(const HttpRequest& request);
// Content type and size only.
Result<void> check_json_body(const HttpRequest& request);
bool is_json_content_type(std::optional<std::string_view> content_type);
// A string member; BadJsonBody if absent (unless optional) or of another type. JSON null = absent.
Result<std::string> string_field(ValueView object, std::string_view name);
Result<std::optional<std::string>> optional_string_field(ValueView object, std::string_view name);

}  // namespace hull
