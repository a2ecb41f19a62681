// Pushes (deploy-and-cli.md §2-§4): JSON in, JSON out; the HTTP layer only checks size, encoding and routes.
// All calls block (they run workers and wait for commits): call them from the blocking pool, never from an
// I/O thread. Thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/knobs.h"
#include "base/result.h"
#include "database/maintenance.h"
#include "deploy/wait.h"
#include "functions/runner.h"
#include "services/auth.h"
#include "storage/blob_store.h"

namespace hull {

struct DeployOptions {
  FunctionRunner* runner = nullptr;
  BlobStore* blobs = nullptr;
  Maintenance* maintenance = nullptr;
  const Authenticator* auth = nullptr;
  const Knobs* knobs = nullptr;
  std::string instance_name;
};

class Deploy {
 public:
  static std::unique_ptr<Deploy> create(DeployOptions options);
  virtual ~Deploy() = default;

  // `body` is the decoded request body, freed as soon as it is parsed; `header_identity` is set when a valid
  // admin Authorization header came along (used when the body has no adminKey). Each answers the response
  // body.
  virtual Result<std::string> get_config_hashes(std::string body, IdentityPtr header_identity) = 0;
  virtual Result<std::string> start_push(std::string body, IdentityPtr header_identity) = 0;
  virtual Result<std::string> evaluate_push(std::string body, IdentityPtr header_identity) = 0;
  virtual Result<std::string> evaluate_schema(std::string body, IdentityPtr header_identity) = 0;
  virtual Result<std::string> finish_push(std::string body, IdentityPtr header_identity) = 0;
  virtual Result<std::string> report_push_completed(std::string body, IdentityPtr header_identity) = 0;

  // The one that waits does so outside, where no thread is held meanwhile.
  struct SchemaWait {
    SchemaWatch watch;
    std::chrono::milliseconds timeout;
  };
  virtual Result<SchemaWait> wait_for_schema(std::string body, IdentityPtr header_identity) = 0;
};

}  // namespace hull
