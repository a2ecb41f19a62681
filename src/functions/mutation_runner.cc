#include "functions/mutation_runner.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/log.h"
#include "base/random.h"
#include "functions/lookup.h"
#include "value/json.h"

namespace hull {

struct MutationRunner::Request {
  FunctionCall call;
  std::optional<SessionRequest> session;
  MutationFrame frame;
  FunctionCallback done;
  std::shared_ptr<void> inflight;
  double started_ms = unix_millis(), attempt_started_ms = 0;
  size_t conflicts = 0;        // attempts lost to a commit
  size_t overtaken = 0;        // attempts lost because it was the turn of somebody else
  std::shared_ptr<Turn> turn;  // from the last lost attempt until the outcome of the next
  int losses = 0;
};

namespace {

// Waiting for a turn is not failing; this only bounds it.
constexpr size_t kMaxOvertaken = 200;
// Who holds the turn before may be slow; after this the retry goes ahead without it.
constexpr double kTurnPatienceMs = 3000;

constexpr std::string_view kSessionTable = "_session_requests";
constexpr std::string_view kSessionIndex = "by_session_id_and_request_id";

Error conflict_error(const OccConflict& conflict, const FunctionCall& call) {
  Error error;
  error.kind = ErrorKind::kOcc;
  error.code = "OptimisticConcurrencyControlFailure";
  if (conflict.system_table) {
    error.message =
        "Data read or written in this mutation changed while it was being run. Consider reducing the amount "
        "of data read "
        "by using indexed queries with selective index range expressions "
        "(https://docs.convex.dev/database/indexes/).";
    return error;
  }
  std::string table = conflict.table.empty() ? "some table" : fmt::format("the \"{}\" table", conflict.table);
  std::string source;
  if (!conflict.source.empty() && !conflict.document_id.empty()) {
    std::string writer = conflict.source == call.path.display()
                             ? std::string("Another call to this mutation")
                             : fmt::format("A call to \"{}\"", conflict.source);
    source = fmt::format("{} changed the document with ID \"{}\". ", writer, conflict.document_id);
  }
  error.message = fmt::format(
      "Documents read from or written to {} changed while this mutation was being run and on every "
      "subsequent retry. {}"
      "See https://docs.convex.dev/error#1",
      table, source);
  return error;
}

// "[LOG] text" as the stored lines are.
LogLine parse_pretty(std::string_view text) {
  LogLine line;
  line.level = "LOG";
  if (text.starts_with('[')) {
    size_t close = text.find("] ");
    if (close != std::string_view::npos) {
      line.level = text.substr(1, close - 1);
      text.remove_prefix(close + 2);
    }
  }
  line.messages.emplace_back(text);
  return line;
}

void count_writes(const CommitRequest& commit, const Catalog& catalog, FunctionLogEntry& entry) {
  for (const PendingWrite& write : commit.writes) {
    const TableInfo* table = catalog.table(write.tablet);
    if (!table || table->system) continue;
    auto it = std::find_if(entry.tables.begin(), entry.tables.end(),
                           [&](const auto& each) { return each.name == table->name; });
    if (it == entry.tables.end()) it = entry.tables.insert(it, {table->name});
    ++it->written;
  }
}

Value resolve_tokens(const Value& value, Timestamp ts) {
  return contains_commit_ts(value) ? resolve_commit_ts(value, ts.ns) : value;
}

}  // namespace

void MutationRunner::run(FunctionCall call, std::optional<SessionRequest> session, FunctionCallback done) {
  auto request = std::make_shared<Request>();
  request->call = std::move(call);
  request->session = std::move(session);
  request->done = std::move(done);
  request->inflight = parts_.inflight.enter();
  start(std::move(request));
}

void MutationRunner::run_framed(FunctionCall call, MutationFrame frame, FunctionCallback done) {
  auto request = std::make_shared<Request>();
  request->call = std::move(call);
  request->frame = std::move(frame);
  request->done = std::move(done);
  request->inflight = parts_.inflight.enter();
  start(std::move(request));
}

void MutationRunner::start(RequestPtr request) {
  auto without_worker = [this, request] {
    parts_.tasks->post([this, request] { execute(request, nullptr, nullptr); });
  };
  if (is_system_call(request->call)) return without_worker();
  SnapshotPtr snapshot = parts_.engine->snapshot();
  auto code = parts_.loader->load(*snapshot->catalog());
  if (!code.ok()) {
    FunctionResult result;
    result.system_error = code.error();
    answer(request, std::move(result));
    return;
  }
  if (!admit_call(parts_, request->call, UdfType::kMutation, **code, *snapshot->catalog()).ok()) {
    return without_worker();
  }
  schedule(std::move(request), *std::move(code));
}

void MutationRunner::schedule(RequestPtr request, std::shared_ptr<const Code> code) {
  PoolJob job;
  job.type = UdfType::kMutation;
  job.function = request->call.path.canonical();
  job.caller = request->call.caller_name();
  job.code = code;
  job.run = [this, request, code, ticket = queue_call(parts_, UdfType::kMutation)](WorkerProcess& worker) {
    start_call(parts_, UdfType::kMutation, *ticket);
    return execute(request, &worker, code);
  };
  job.refuse = [this, request](Error error) {
    parts_.metrics.refused(UdfType::kMutation, OutstandingCalls::Runtime::kIsolate);
    FunctionResult result;
    result.system_error = std::move(error);
    answer(request, std::move(result));
  };
  parts_.pool->submit(std::move(job));
}

bool MutationRunner::execute(const RequestPtr& request, WorkerProcess* worker,
                             const std::shared_ptr<const Code>& worker_code) {
  SnapshotPtr snapshot = parts_.engine->snapshot();
  double now_ms = unix_millis();
  request->attempt_started_ms = now_ms;
  request->call.context.execution_id = random_uuid();
  auto transaction = begin_call(parts_, request->call, UdfType::kMutation, snapshot, now_ms);
  auto fail = [&](const Error& error) {
    commit(request, *transaction, failed_outcome(error));
    return true;
  };
  auto replayed = replay(request, *transaction);
  if (!replayed.ok()) return fail(replayed.error());
  if (*replayed) return true;
  if (request->frame.before) {
    auto wanted = request->frame.before(*transaction);
    if (!wanted.ok()) return fail(wanted.error());
    if (!*wanted) {
      FunctionResult result;
      result.skipped = true;
      result.ts = snapshot->ts();
      answer(request, std::move(result));
      return true;
    }
  }

  if (is_system_call(request->call)) {
    CallOutcome outcome =
        run_system_function(parts_, request->call, UdfType::kMutation, *transaction, std::nullopt);
    commit(request, *transaction, std::move(outcome));
    return true;
  }
  auto code = parts_.loader->load(*snapshot->catalog());
  if (!code.ok()) return fail(code.error());
  auto function = admit_call(parts_, request->call, UdfType::kMutation, **code, transaction->catalog());
  if (!function.ok()) return fail(function.error());
  if (!worker || worker_code->key() != (*code)->key()) {
    schedule(request, *std::move(code));
    return true;
  }
  CallOutcome outcome = run_on_worker(parts_, *worker, **code, request->call, UdfType::kMutation, **function,
                                      *transaction, std::nullopt, now_ms);
  bool keep = !outcome.retire && outcome.loss == CallOutcome::Loss::kNone;
  if (request->losses++ < outcome.other_workers()) {
    schedule(request, *std::move(code));
    return keep;
  }
  commit(request, *transaction, std::move(outcome));
  return keep;
}

Result<bool> MutationRunner::replay(const RequestPtr& request, Transaction& transaction) {
  if (!request->session) return false;
  HULL_TRY(DocumentPtr row,
           transaction.system_find(kSessionTable, kSessionIndex,
                                   {Value::string(request->session->session_id),
                                    Value::int64(static_cast<int64_t>(request->session->request_id))}));
  if (!row) return false;
  auto outcome = row->value->find("outcome");
  auto json = outcome ? outcome->find("result") : std::nullopt;
  if (!json || !json->is_string()) return Error::internal("malformed _session_requests row");
  HULL_TRY(Value value, parse_convex_json(json->as_string(), {.allow_commit_ts = true}));
  FunctionResult result;
  result.value = resolve_tokens(value, row->ts);
  result.ts = row->ts;
  if (auto lines = outcome->find("logLines"); lines && lines->is_array()) {
    for (size_t i = 0; i < lines->count(); ++i) {
      if (lines->element(i).is_string())
        result.log_lines.push_back(parse_pretty(lines->element(i).as_string()));
    }
  }
  answer(request, std::move(result));
  return true;
}

Result<void> MutationRunner::remember(const Request& request, Transaction& transaction,
                                      const CallOutcome& outcome) {
  if (!request.session) return {};
  ValueBuilder row;
  row.begin_object();
  row.key("sessionId").string(request.session->session_id);
  row.key("requestId").int64(static_cast<int64_t>(request.session->request_id));
  row.key("identity").string(request.call.identity->log_type());
  row.key("outcome").begin_object();
  row.key("type").string("mutation");
  row.key("result").string(to_json(*outcome.value));
  row.key("logLines").begin_array();
  for (const LogLine& line : outcome.log_lines) row.string(line.pretty());
  row.end().end().end();
  HULL_TRY([[maybe_unused]] DocumentId id, transaction.system_insert(kSessionTable, row.finish()));
  return {};
}

void MutationRunner::commit(const RequestPtr& request, Transaction& transaction, CallOutcome outcome) {
  FunctionLogEntry entry = completion_entry(request->call, UdfType::kMutation, request->attempt_started_ms);
  entry.user_execution_time_s = outcome.user_ms / 1000;
  entry.read_bytes = transaction.usage().bytes_read;
  entry.read_documents = transaction.usage().documents_read;
  entry.write_bytes = transaction.usage().bytes_written;
  entry.write_documents = transaction.usage().documents_written;
  entry.tables = tables_read(transaction);
  Timestamp snapshot_ts = transaction.snapshot()->ts();

  if (outcome.value) {
    Result<void> ready = remember(*request, transaction, outcome);
    if (ready.ok() && request->frame.after)
      ready = request->frame.after(transaction, *outcome.value, outcome.log_lines);
    if (ready.ok() && transaction.has_writes()) ready = transaction.finish();
    if (!ready.ok()) {
      std::vector<LogLine> lines = std::move(outcome.log_lines);
      outcome = failed_outcome(ready.error());
      outcome.log_lines = std::move(lines);
    }
  }
  if (!outcome.value) {
    log(std::move(entry), *request, outcome);
    answer_failure(request, outcome, snapshot_ts);
    return;
  }
  if (!transaction.has_writes()) {
    CommitOutcome nothing;
    nothing.ts = snapshot_ts;
    committed(request, std::move(outcome), std::move(entry), std::move(nothing));
    return;
  }
  std::shared_ptr<const Catalog> catalog = transaction.catalog_ptr();
  CommitRequest commit = transaction.commit_request(request->call.path.display());
  count_writes(commit, *catalog, entry);
  commit.queues = true;
  commit.turn = request->turn;
  parts_.engine->submit(
      std::move(commit), [this, request, outcome = std::move(outcome), entry = std::move(entry),
                          submitted_ns = monotonic_nanos()](CommitOutcome commit) mutable {
        parts_.metrics.commit_ended(commit.ts.has_value(),
                                    static_cast<double>(monotonic_nanos() - submitted_ns) / 1e9);
        committed(request, std::move(outcome), std::move(entry), std::move(commit));
      });
}

void MutationRunner::committed(const RequestPtr& request, CallOutcome outcome, FunctionLogEntry entry,
                               CommitOutcome commit) {
  // The place in the queue was for this attempt: the next in line may go on.
  request->turn = commit.conflict ? std::move(commit.conflict->turn) : nullptr;
  if (commit.ts) {
    FunctionResult result;
    result.value = resolve_tokens(*outcome.value, *commit.ts);
    result.ts = *commit.ts;
    log(std::move(entry), *request, outcome);
    result.log_lines = std::move(outcome.log_lines);
    answer(request, std::move(result));
    return;
  }
  if (commit.conflict) {
    const bool overtaken = commit.conflict->overtaken;
    bool again = overtaken ? request->overtaken < kMaxOvertaken
                           : request->conflicts < parts_.options.knobs->occ_max_retries;
    Error error = conflict_error(*commit.conflict, request->call);
    entry.occ = commit.conflict;
    entry.occ_retry_count = request->conflicts + request->overtaken;
    entry.will_retry = again;
    CallOutcome failed;
    failed.system_error = error;
    failed.log_lines = std::move(outcome.log_lines);
    log(std::move(entry), *request, failed);
    if (again) {
      ++(overtaken ? request->overtaken : request->conflicts);
      retry(request, commit.conflict->conflicting);
    } else {
      answer_failure(request, failed, Timestamp{});
    }
    return;
  }
  std::vector<LogLine> lines = std::move(outcome.log_lines);
  CallOutcome failed = failed_outcome(commit.error.value_or(Error::internal("commit without outcome")));
  failed.log_lines = std::move(lines);
  log(std::move(entry), *request, failed);
  answer_failure(request, failed, Timestamp{});
}

void MutationRunner::retry(RequestPtr request, Timestamp conflicting) {
  auto started = std::make_shared<std::atomic<bool>>(false);
  auto go = [this, request, conflicting, started] {
    if (started->exchange(true)) return;
    parts_.engine->when_published(
        conflicting, [this, request] { parts_.tasks->post([this, request] { start(request); }); });
  };
  // The next attempt may be over, and give its turn up, before when_ready() returns.
  if (std::shared_ptr<Turn> turn = request->turn) {
    turn->when_ready(go);
    if (!started->load()) parts_.timers->after(kTurnPatienceMs, go);
    return;
  }
  // The queue is full: the documented backoff, from the second retry on.
  const Knobs& knobs = *parts_.options.knobs;
  const size_t earlier = request->conflicts + request->overtaken - 1;
  double delay_ms = 0;
  if (earlier > 0) {
    double backoff = knobs.occ_initial_backoff_ms * std::pow(2.0, static_cast<double>(earlier - 1));
    double uniform = static_cast<double>(random_u64() >> 11) / 9007199254740992.0;
    delay_ms = std::min(backoff, knobs.occ_max_backoff_ms) * uniform;
  }
  if (delay_ms < 1) {
    go();
  } else {
    parts_.timers->after(delay_ms, go);
  }
}

void MutationRunner::answer(const RequestPtr& request, FunctionResult result) {
  if (!is_system_call(request->call)) {
    parts_.metrics.mutation_answered(result.ok(), (unix_millis() - request->started_ms) / 1000,
                                     request->conflicts + request->overtaken);
  }
  // The next in line may go on now: the timer of retry() may keep the request alive for longer.
  request->turn = nullptr;
  request->done(std::move(result));
}

void MutationRunner::answer_failure(const RequestPtr& request, const CallOutcome& outcome, Timestamp ts) {
  FunctionResult result;
  result.error = outcome.error;
  result.system_error = outcome.system_error;
  result.log_lines = outcome.log_lines;
  result.ts = ts;
  answer(request, std::move(result));
}

void MutationRunner::log(FunctionLogEntry entry, const Request& request, const CallOutcome& outcome) {
  if (is_system_call(request.call)) return;
  entry.log_lines = outcome.log_lines;
  if (outcome.value) entry.return_bytes = convex_size(*outcome.value);
  if (outcome.error) entry.error = outcome.error->message;
  if (outcome.system_error) entry.error = std::string(outcome.system_error->public_message());
  entry.system_error = outcome.system_error.has_value();
  parts_.log->append(std::move(entry));
}

}  // namespace hull
