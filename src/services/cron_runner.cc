#include "services/cron_runner.h"

#include <atomic>
#include <limits>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "database/transact.h"
#include "functions/lookup.h"
#include "services/cron_run.h"
#include "services/due_queue.h"
#include "services/job_results.h"
#include "services/json_fields.h"
#include "services/timed_tasks.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr const char* kSource = "_system/cron";
constexpr double kFirstBackoffMs = 500, kMaxBackoffMs = 15'000;
constexpr const char* kLostAction = "Transient error while executing action";

// A run while it is in this server's hands. Owned by the thread of the CronRunner, and by the mutation's
// frame while a mutation is running.
struct Active {
  DocumentPtr row;  // as the queue handed it out
  std::function<void()> done;
  int64_t failures = 0;
  CronRun run;
  UdfType type = UdfType::kMutation;
  FunctionCall call;
  int64_t started_ns = 0;  // monotonic, of this attempt
  int64_t skipped = 0;     // runs left out by the attempt that was committed
};
using ActivePtr = std::shared_ptr<Active>;

double seconds_since(Env& env, int64_t start_ns) {
  return static_cast<double>(env.monotonic_nanos() - start_ns) / 1e9;
}

class CronRunnerImpl final : public CronRunner {
 public:
  explicit CronRunnerImpl(CronRunnerOptions options) : options_(std::move(options)) {
    DueQueueOptions queue;
    queue.engine = options_.engine;
    queue.table = kCronNextRun;
    queue.parallelism = options_.knobs->max_running_crons;
    queue.may_run = [this] { return !draining_ && !options_.jobs->stopped(); };
    queue.handle = [this](DocumentPtr row, std::function<void()> done) {
      auto active = std::make_shared<Active>();
      active->row = std::move(row);
      active->done = std::move(done);
      inbox_->post([this, active] { attempt(active); });
    };
    queue_ = DueQueue::start(std::move(queue));
  }

  ~CronRunnerImpl() override { stop(); }

  void drain() override {
    draining_ = true;
    queue_->drain();
    inbox_->post([this] {
      for (const ActivePtr& active : std::exchange(waiting_, {})) active->done();
    });
  }
  bool wait_until_idle(int64_t deadline_ns) override { return queue_->wait_until_idle(deadline_ns); }

  void stop() override {
    draining_ = true;
    tasks_.reset();
  }

  metrics::Families metric_families() const override {
    metrics::Families out = results_.collect();
    out.push_back(metrics::gauge("hull_cron_lag_seconds", "How late the oldest due cron job is",
                                 static_cast<double>(queue_->lag_ns()) / 1e9));
    out.push_back(
        metrics::gauge("hull_crons_running", "Cron jobs that run", static_cast<double>(queue_->running())));
    return out;
  }

 private:
  Engine& engine() const { return *options_.engine; }
  Env& env() const { return engine().env(); }

  // Everything below runs on the thread of `tasks_`.

  void attempt(const ActivePtr& active) {
    if (draining_ || options_.jobs->stopped()) return active->done();
    auto run = CronRun::load(*engine().snapshot(), *active->row);
    if (!run.ok()) return retry(active, run.error());
    if (!*run) return active->done();  // a push was here
    active->run = **std::move(run);
    const CronSpec& spec = active->run.spec;
    FunctionCall& call = active->call;
    auto path = FunctionPath::parse(spec.udf_path);
    if (!path.ok()) return fail(active, path.error());
    call.path = *std::move(path);
    if (active->run.next.running) {
      active->type = UdfType::kAction;
      return conclude(active, CronStatus::failure(kLostAction), {}, 0);
    }
    auto args = parse_convex_json(spec.args_json);
    if (!args.ok()) return fail(active, args.error());
    call.args = *std::move(args);
    call.args_json = spec.args_json;
    call.allow_internal = true;
    call.public_not_found_text = false;
    call.context = {};
    call.context.caller = "Cron";
    call.context.request_id = random_hex(8);
    auto type = options_.jobs->kind(call.path);
    if (!type.ok()) return fail(active, type.error());
    active->type = *type;
    active->started_ns = env().monotonic_nanos();
    results_.started(active->run.next.next_ts, env().unix_nanos());
    if (*type == UdfType::kMutation) return run_mutation(active);
    if (*type == UdfType::kAction) return run_action(active);
    fail(active, Error::bad_request("UnsupportedFunctionType",
                                    "Unsupported function type. " + call.path.display() +
                                        " is defined as a " + std::string(udf_type_name(*type)) +
                                        ". Only Mutation and Action can be scheduled."));
  }

  void run_mutation(const ActivePtr& active) {
    MutationFrame frame;
    frame.before = [active, &env = env()](Transaction& transaction) -> Result<bool> {
      active->started_ns = env.monotonic_nanos();
      if (stopped_text(transaction.catalog())) return false;
      return active->run.holds(transaction);
    };
    frame.after = [active, &env = env(), splay = options_.knobs->cron_splay_s](
                      Transaction& transaction, const Value& value,
                      const std::vector<LogLine>& lines) -> Result<void> {
      HULL_TRY(active->skipped,
               active->run.conclude(
                   transaction, {CronStatus::success(value), &lines, seconds_since(env, active->started_ns)},
                   env.unix_nanos(), splay));
      return {};
    };
    options_.jobs->mutation(active->call, std::move(frame), result_callback(active));
  }

  void run_action(const ActivePtr& active) {
    active->call.context.execution_id = random_uuid();
    const CronRun before = active->run;
    auto begun = commit([&](Transaction& transaction) -> Result<bool> {
      active->run = before;
      transaction.depend_on_system_table("_backend_state");
      HULL_TRY(bool holds, active->run.holds(transaction));
      if (!holds || stopped_text(transaction.catalog())) return false;
      HULL_CHECK_OK(active->run.begin(transaction,
                                      {active->call.context.request_id, active->call.context.execution_id}));
      return true;
    });
    if (!begun.ok()) return retry(active, begun.error());
    if (!*begun) return active->done();
    options_.jobs->action(active->call, result_callback(active));
  }

  FunctionCallback result_callback(const ActivePtr& active) {
    return [this, active, inbox = inbox_](FunctionResult result) {
      inbox->post([this, active, result = std::move(result)] { finish(active, result); });
    };
  }

  void finish(const ActivePtr& active, const FunctionResult& result) {
    const double seconds = seconds_since(env(), active->started_ns);
    const bool refused = result.system_error && result.system_error->kind == ErrorKind::kRateLimited;
    if (active->type == UdfType::kAction && (refused || was_stopped(result))) return give_back(active);
    if (active->type == UdfType::kMutation) {
      if (result.system_error) return retry(active, *result.system_error);
      if (result.value) {
        report_skipped(*active);
        results_.ended(true);
      }
      if (!result.error) return active->done();  // its frame has recorded it, or it was not to run
    }
    Value status;
    if (result.value)
      status = CronStatus::success(*result.value);
    else if (result.error)
      status = CronStatus::failure(result.error->message);
    else
      status = CronStatus::failure(result.system_error ? result.system_error->public_message() : kLostAction);
    conclude(active, std::move(status), result.log_lines, seconds);
  }

  void give_back(const ActivePtr& active) {
    const CronRun before = active->run;
    auto given = commit([&](Transaction& transaction) -> Result<bool> {
      active->run = before;
      HULL_TRY(bool mine, active->run.is_present(transaction));
      if (mine) HULL_CHECK_OK(active->run.give_back(transaction));
      return mine;
    });
    if (given.ok()) return active->done();
    again(active, given.error(), [this, active] { give_back(active); });
  }

  // The run failed before its function began.
  void fail(const ActivePtr& active, const Error& error) {
    if (!error.is_deterministic()) return retry(active, error);
    conclude(active, CronStatus::failure(error.message), {}, 0);
  }

  // Records the outcome of a run that is over, until that is done.
  void conclude(const ActivePtr& active, Value status, std::vector<LogLine> lines, double seconds) {
    auto recorded = commit([&](Transaction& transaction) -> Result<bool> {
      active->skipped = 0;
      HULL_TRY(bool mine, active->run.next.running ? active->run.is_present(transaction)
                                                   : active->run.holds(transaction));
      if (!mine) return false;
      HULL_TRY(active->skipped, active->run.conclude(transaction, {status, &lines, seconds},
                                                     env().unix_nanos(), options_.knobs->cron_splay_s));
      return true;
    });
    if (recorded.ok()) {
      if (*recorded) {
        report_skipped(*active);
        results_.ended(json::text_or_empty(status, "type") == "success");
      }
      return active->done();
    }
    again(active, recorded.error(),
          [this, active, status = std::move(status), lines = std::move(lines), seconds] {
            conclude(active, status, lines, seconds);
          });
  }

  void retry(const ActivePtr& active, const Error& error) {
    if (draining_) return active->done();
    waiting_.insert(active);
    again(active, error, [this, active] {
      if (waiting_.erase(active) > 0) attempt(active);
    });
  }

  void again(const ActivePtr& active, const Error& error, TimedTasks::Task task) {
    if (!engine().read_only())
      spdlog::warn("A cron job could not run, trying again: {}: {}", error.code, error.message);
    const int64_t wait_ns = job_backoff_ns(kFirstBackoffMs, kMaxBackoffMs, active->failures++);
    inbox_->at(env().monotonic_nanos() + wait_ns, std::move(task));
  }

  // Commits what `body` does; what it returned.
  Result<bool> commit(const std::function<Result<bool>(Transaction&)>& body) {
    bool answer = false;
    auto write = [&](Transaction& transaction) -> Result<void> {
      HULL_TRY(answer, body(transaction));
      return {};
    };
    auto done = transact(engine(), *options_.knobs, kSource, write, std::numeric_limits<int>::max());
    if (!done.ok()) return std::move(done).error();
    return answer;
  }

  void report_skipped(const Active& active) {
    if (active.skipped == 0) return;
    FunctionLogEntry entry;
    entry.udf_type = active.type;
    entry.identifier = active.call.path.display();
    entry.timestamp_s = entry.execution_timestamp_s = env().unix_millis() / 1000;
    entry.request_id = active.call.context.request_id;
    entry.execution_id = random_uuid();
    entry.caller = "Cron";
    entry.identity_type = Identity::anonymous()->log_type();
    entry.error = "Skipping " + std::to_string(active.skipped) + " run(s) of job " +
                  active.run.job_id.text() + " because multiple scheduled runs are in the past";
    entry.system_error = true;
    options_.log(std::move(entry));
  }

  const CronRunnerOptions options_;
  JobResults results_{"cron_job"};
  std::set<ActivePtr> waiting_;  // for their next attempt
  std::atomic<bool> draining_{false};
  std::unique_ptr<TimedTasks> tasks_ = std::make_unique<TimedTasks>(env(), "crons");
  const std::shared_ptr<TimedTasks::Inbox> inbox_ = tasks_->inbox();
  std::unique_ptr<DueQueue> queue_;
};

}  // namespace

std::unique_ptr<CronRunner> CronRunner::start(CronRunnerOptions options) {
  return std::make_unique<CronRunnerImpl>(std::move(options));
}

}  // namespace hull
