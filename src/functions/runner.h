// FunctionRunner: runs queries, mutations and actions (database.md §5, runtime.md §6-§12). The one entrance
// for HTTP, sync sessions and functions calling functions. Thread-safe; callbacks run on a worker-driver or
// committer thread and must not block.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/envelope.h"
#include "base/knobs.h"
#include "base/metrics.h"
#include "database/engine.h"
#include "database/transaction.h"
#include "functions/call.h"
#include "functions/code.h"
#include "functions/fetch.h"
#include "functions/function_log.h"
#include "functions/function_statistics.h"
#include "functions/http_exchange.h"
#include "functions/query_cache.h"
#include "functions/system_function.h"
#include "functions/test_query.h"
#include "storage/blob_store.h"

namespace hull {

class FileStore;

struct RunnerOptions {
  Engine* engine = nullptr;
  BlobStore* blobs = nullptr;
  FileStore* files = nullptr;
  const Knobs* knobs = nullptr;
  const InstanceSecret* secret = nullptr;
  std::string instance_name;
  std::string lib_dir;                    // node, worker.node, runtime.js, node_executor.mjs
  std::string scratch_dir;                // snapshots, unpacked Node.js modules
  std::string node_packages_dir;          // external packages of Node.js actions
  std::string node_executable;            // the Node.js that runs them, "" = found by itself
  std::string cloud_origin, site_origin;  // CONVEX_CLOUD_URL, CONVEX_SITE_URL
  bool redact_logs = false;
  bool log_to_stdout = false;  // what functions print also goes to the server's log
};

class FunctionRunner {
 public:
  static Result<std::unique_ptr<FunctionRunner>> start(RunnerOptions options);
  virtual ~FunctionRunner() = default;  // waits for running calls, stops the workers

  // Runs or reuses a query at a snapshot >= `min_ts` (0 = latest). With `exactly`, at exactly that snapshot,
  // uncached if need be.
  virtual void query(FunctionCall call, std::optional<std::string> journal, Timestamp min_ts, bool exactly,
                     std::function<void(QueryOutcome)> done) = 0;
  // To be told of `call` when it was answered by CachedQuery::successor() instead of query(), so that the
  // function log has it like every other call.
  virtual void took_result(const FunctionCall& call, const CachedQuery& result) = 0;
  virtual void mutation(FunctionCall call, std::optional<SessionRequest> session, FunctionCallback done) = 0;
  virtual void framed_mutation(FunctionCall call, MutationFrame frame, FunctionCallback done) = 0;
  virtual void action(FunctionCall call, FunctionCallback done) = 0;
  virtual void http_action(HttpActionRequest request, OnHttpResponse respond) = 0;
  // Looks the kind up first (/api/function, /api/run): query, mutation or action.
  virtual void any(FunctionCall call, FunctionCallback done) = 0;

  // Gives fetch() of actions a way to the deployment's own origins that needs no network. Call before the
  // first action.
  virtual void answer_fetch_locally(FetchService::Local local) = 0;
  // For a shutdown: ends the actions that run and refuses new ones. Their callers are answered.
  virtual void cancel_actions() = 0;

  virtual FunctionLog& log() = 0;
  virtual const FunctionStatistics& statistics() = 0;
  virtual metrics::Families metric_families() = 0;  // as they are now

  struct Stats {
    size_t workers = 0, running_calls = 0, worker_rss_bytes = 0, query_cache_bytes = 0;
  };
  virtual Stats stats() = 0;
  virtual SystemFunctions& system_functions() = 0;
  virtual CodeLoader& code() = 0;
  virtual Engine& engine() = 0;

  // Analysis and snapshot-making happen in short-lived workers; used by pushes. Blocking, call from a worker
  // thread.
  virtual Result<AnalysisOutcome> analyze(const AnalysisRequest& request) = 0;
  // Makes sure that code with these settings can run; may install packages for minutes. Blocking. Errors are
  // for whoever pushes: 400 DeploymentNotConfiguredForNodeActions, InvalidExternalModules, ModulesTooLarge.
  virtual Result<void> prepare_node(const NodeSettings& settings) = 0;
  // Makes the snapshot for `code` and starts workers with it, so that the switch costs callers nothing.
  // Blocking.
  virtual Result<void> prepare(std::shared_ptr<const Code> code) = 0;

  // Runs a query whose source comes with the call: read-only, uncached, against the latest data (http-api.md
  // §7.2). Blocking. Errors are for the caller: 400 InvalidModules, InvalidTestQuery, UnsupportedTestQuery.
  virtual Result<FunctionResult> test_query(TestQuery query) = 0;
};

}  // namespace hull
