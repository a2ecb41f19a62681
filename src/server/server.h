// The network side of a deployment: the main port, the site port, the routes and the sync sessions.
//
// Life: open() binds both ports and starts to answer /version and /ready; everything else answers 503 until
// attach() hands in the backend. stop() ends it: no new connections, parked polls end, websockets close with
// 1012, running requests get up to BACKEND_REQUEST_DRAIN_TIMEOUT seconds, actions two; no more jobs start,
// and those that run have as long as actions. After stop() the server calls the backend no more, but results
// may still be delivered to it, so it must outlive the FunctionRunner: destroy in the order stop(), runner,
// Server, engine. Thread-safe: open, attach, stop and the destructor belong to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/knobs.h"
#include "base/result.h"
#include "deploy/deploy.h"
#include "functions/runner.h"
#include "server/network_limits.h"
#include "services/auth.h"

namespace hull {

class FileStore;
class LogStreams;
class CronRunner;
class Scheduler;
class UsageMeter;

struct ServerOptions {
  std::string address = "0.0.0.0";
  uint16_t port = 3210;       // 0 = any
  uint16_t site_port = 3211;  // 0 = any
  const Knobs* knobs = nullptr;
  std::string version;  // answer of /version; "" = "unknown"
  bool redact_logs = false;
  bool metrics_endpoint = true;
  bool not_found_is_404 = false;  // UDF_404_ON_BAD_PATH
  double drain_timeout_s = 15;
  NetworkLimits limits;
  size_t io_threads = 0;  // 0 = min(2, cores)
};

struct ServerBackend {
  FunctionRunner* runner = nullptr;
  Deploy* deploy = nullptr;
  Authenticator* auth = nullptr;
  FileStore* files = nullptr;
  LogStreams* log_streams = nullptr;
  UsageMeter* usage = nullptr;
  // Starts what calls functions by itself. Called by attach() once functions may be called (their fetch() of
  // the deployment's own origins needs the server), before requests are answered. Empty = nothing does.
  struct Jobs {
    Scheduler* scheduler = nullptr;
    CronRunner* crons = nullptr;
  };
  std::function<Jobs()> start_jobs;
  std::string instance_name, cloud_origin, site_origin;
};

class Server {
 public:
  static Result<std::unique_ptr<Server>> open(ServerOptions options);
  virtual ~Server() = default;

  virtual uint16_t port() const = 0;
  virtual uint16_t site_port() const = 0;
  virtual void attach(ServerBackend backend) = 0;
  virtual void stop() = 0;
};

}  // namespace hull
