#include "functions/query_runner.h"

#include "base/random.h"
#include "functions/lookup.h"

namespace hull {

namespace {

FunctionLogEntry entry_of(const FunctionCall& call, double started_ms, const CachedQuery& query,
                          bool cached) {
  FunctionLogEntry entry = completion_entry(call, UdfType::kQuery, started_ms);
  entry.log_lines = query.log_lines();
  entry.cached_result = cached;
  entry.paginated = query.journal().has_value();
  if (entry.execution_id.empty()) entry.execution_id = random_uuid();
  if (query.ok()) {
    entry.return_bytes = convex_size(*query.value());
  } else {
    entry.error = query.error().message;
  }
  return entry;
}

}  // namespace

struct QueryRunner::Request {
  FunctionCall call;
  std::optional<std::string> journal;
  Timestamp min_ts;
  bool exactly = false;
  std::function<void(QueryOutcome)> done;
  std::shared_ptr<void> inflight;
  QueryKey key;
  QueryKey flight;
  bool leads = false;
  Timestamp at;  // what a shared or cached result must be valid at
  double started_ms = 0;
  int losses = 0;    // of workers
  int restarts = 0;  // after shared runs that did not fit
};

void QueryRunner::run(FunctionCall call, std::optional<std::string> journal, Timestamp min_ts, bool exactly,
                      std::function<void(QueryOutcome)> done) {
  auto request = std::make_shared<Request>();
  request->key = {call.path.canonical(), call.args_json, journal.value_or(""), call.identity->cache_key(),
                  call.allow_internal};
  request->call = std::move(call);
  request->journal = std::move(journal);
  request->min_ts = min_ts;
  request->exactly = exactly;
  request->done = std::move(done);
  request->inflight = parts_.inflight.enter();
  request->started_ms = unix_millis();
  if (min_ts > parts_.engine->latest()) {
    parts_.engine->when_published(min_ts, [this, request] {
      // The committer calls this: go on elsewhere.
      parts_.tasks->post([this, request] { start(request); });
    });
    return;
  }
  start(std::move(request));
}

void QueryRunner::start(RequestPtr request) {
  request->at = request->exactly ? request->min_ts : parts_.engine->latest();
  bool accept_errors = request->call.context.caller == "SyncWorker";
  if (auto cached = parts_.cache->find(request->key, request->at, accept_errors)) {
    log_shared(request->call, request->started_ms, *cached);
    QueryOutcome outcome;
    outcome.query = std::move(cached);
    outcome.from_cache = true;
    request->done(std::move(outcome));
    return;
  }
  if (request->restarts <= 3) {
    request->flight = parts_.cache->flight_key(request->key);
    // A run that others wait for must not be at a snapshot too old for them: those who have agreed on one of
    // the past share among themselves.
    if (request->exactly && request->min_ts < parts_.engine->latest())
      request->flight.exactly_at = request->min_ts;
    request->leads = parts_.cache->take_off(
        request->flight,
        [this, request](const QueryOutcome& outcome, bool same_identity_only, const std::string& identity) {
          landed(request, outcome, same_identity_only, identity);
        });
    if (!request->leads) return;
  }
  lead(std::move(request));
}

void QueryRunner::landed(RequestPtr request, const QueryOutcome& outcome, bool same_identity_only,
                         const std::string& identity) {
  const CachedQueryPtr& query = outcome.query;
  if (query && same_identity_only && identity != request->key.identity) {
    ++request->restarts;
    start(std::move(request));
    return;
  }
  if (query) {
    bool fits = request->exactly ? query->valid_at(request->at)
                                 : query->ts() >= request->at || query->valid_at(request->at);
    if (!fits) {
      ++request->restarts;
      start(std::move(request));
      return;
    }
    log_shared(request->call, request->started_ms, *query);
  }
  QueryOutcome shared = outcome;
  shared.from_cache = true;
  request->done(std::move(shared));
}

void QueryRunner::lead(RequestPtr request) {
  if (is_system_call(request->call)) {
    parts_.tasks->post([this, request] { execute(request, nullptr, nullptr); });
    return;
  }
  SnapshotPtr snapshot = parts_.engine->snapshot();
  auto code = parts_.loader->load(*snapshot->catalog());
  if (!code.ok()) {
    fail(request, code.error());
    return;
  }
  auto admitted = admit_call(parts_, request->call, UdfType::kQuery, **code, *snapshot->catalog());
  if (!admitted.ok()) {
    parts_.tasks->post([this, request] { execute(request, nullptr, nullptr); });  // fails without a worker
    return;
  }
  schedule(std::move(request), *std::move(code));
}

void QueryRunner::schedule(RequestPtr request, std::shared_ptr<const Code> code) {
  PoolJob job;
  job.type = UdfType::kQuery;
  job.function = request->call.path.canonical();
  job.caller = request->call.caller_name();
  job.code = code;
  job.run = [this, request, code, ticket = queue_call(parts_, UdfType::kQuery)](WorkerProcess& worker) {
    start_call(parts_, UdfType::kQuery, *ticket);
    return execute(request, &worker, code);
  };
  job.refuse = [this, request](Error error) {
    parts_.metrics.refused(UdfType::kQuery, OutstandingCalls::Runtime::kIsolate);
    fail(request, std::move(error));
  };
  parts_.pool->submit(std::move(job));
}

bool QueryRunner::execute(const RequestPtr& request, WorkerProcess* worker,
                          const std::shared_ptr<const Code>& worker_code) {
  SnapshotPtr snapshot;
  if (request->exactly) {
    auto at = parts_.engine->snapshot_at(request->min_ts);
    if (!at.ok()) {
      fail(request, at.error());
      return true;
    }
    snapshot = *std::move(at);
  } else {
    snapshot = parts_.engine->snapshot();
  }
  double now_ms = unix_millis();
  auto transaction = begin_call(parts_, request->call, UdfType::kQuery, snapshot, now_ms);
  std::optional<std::string> journal_end;
  if (request->journal) {
    // A journal that is not ours goes on as a cursor that is not ours, which the query reports.
    journal_end = open_journal(parts_.settings.cursors, *request->journal).value_or("invalid journal");
  }
  if (is_system_call(request->call)) {
    finish(request, *transaction,
           run_system_function(parts_, request->call, UdfType::kQuery, *transaction, std::move(journal_end)));
    return true;
  }
  auto code = parts_.loader->load(*snapshot->catalog());
  if (!code.ok()) {
    fail(request, code.error());
    return true;
  }
  auto function = admit_call(parts_, request->call, UdfType::kQuery, **code, transaction->catalog());
  if (!function.ok()) {
    finish(request, *transaction, failed_outcome(function.error()));
    return true;
  }
  if (!worker || worker_code->key() != (*code)->key()) {  // the code changed since the call was queued
    schedule(request, *std::move(code));
    return true;
  }
  request->call.context.execution_id = random_uuid();
  CallOutcome outcome = run_on_worker(parts_, *worker, **code, request->call, UdfType::kQuery, **function,
                                      *transaction, std::move(journal_end), now_ms);
  bool keep = !outcome.retire && outcome.loss == CallOutcome::Loss::kNone;
  if (request->losses++ < outcome.other_workers()) {
    schedule(request, *std::move(code));
    return keep;
  }
  finish(request, *transaction, std::move(outcome));
  return keep;
}

void QueryRunner::finish(const RequestPtr& request, Transaction& transaction, CallOutcome outcome) {
  if (outcome.system_error) {
    fail(request, *outcome.system_error);
    return;
  }
  QueryRun run;
  run.ts = transaction.snapshot()->ts();
  run.value = outcome.value;
  if (outcome.error) run.error = *outcome.error;
  run.log_lines = outcome.log_lines;
  run.request_id = request->call.context.request_id;
  run.observed_identity = outcome.observed_identity;
  run.observed_time = outcome.observed_time;
  if (auto end = transaction.journal()) {
    // Sealing is random: the same end keeps the text the client already has.
    bool same = request->journal && open_journal(parts_.settings.cursors, *request->journal) == end;
    run.journal = same ? request->journal : seal_journal(parts_.settings.cursors, *end);
  }
  run.reads = std::make_shared<const ReadSet>(transaction.take_reads());
  QueryOutcome result;
  result.query = parts_.cache->insert(request->key, std::move(run));
  log_run(*request, *result.query, outcome, transaction);
  deliver(request, result, outcome.observed_identity);
}

void QueryRunner::fail(const RequestPtr& request, Error error) {
  if (!is_system_call(request->call)) {
    FunctionLogEntry entry = completion_entry(request->call, UdfType::kQuery, request->started_ms);
    entry.error = std::string(error.public_message());
    entry.system_error = true;
    parts_.log->append(std::move(entry));
  }
  QueryOutcome outcome;
  outcome.system_error = std::move(error);
  deliver(request, outcome, false);
}

void QueryRunner::deliver(const RequestPtr& request, const QueryOutcome& outcome, bool observed_identity) {
  if (request->leads) {
    request->leads = false;
    parts_.cache->land(request->flight, outcome, observed_identity, request->key.identity);
  }
  request->done(outcome);
}

void QueryRunner::log_shared(const FunctionCall& call, double started_ms, const CachedQuery& query) {
  if (is_system_call(call)) return;
  parts_.log->append(entry_of(call, started_ms, query, true));
}

void QueryRunner::log_run(const Request& request, const CachedQuery& query, const CallOutcome& outcome,
                          const Transaction& transaction) {
  if (is_system_call(request.call)) return;
  FunctionLogEntry entry = entry_of(request.call, request.started_ms, query, false);
  entry.user_execution_time_s = outcome.user_ms / 1000;
  entry.read_bytes = transaction.usage().bytes_read;
  entry.read_documents = transaction.usage().documents_read;
  entry.tables = tables_read(transaction);
  parts_.log->append(std::move(entry));
}

}  // namespace hull
