#include "services/scheduler.h"

#include <algorithm>
#include <atomic>

#include "base/log.h"
#include "base/random.h"
#include "database/transact_async.h"
#include "functions/lookup.h"
#include "functions/scheduled_jobs.h"
#include "services/due_queue.h"
#include "services/job_results.h"
#include "services/timed_tasks.h"
#include "value/json.h"
#include "value/key.h"

namespace hull {
namespace {

using State = ScheduledJob::State;
using Done = std::function<void()>;

constexpr const char* kTable = "_scheduled_jobs";
constexpr const char* kSource = "_system/scheduler";
constexpr std::string_view kInterrupted = "Transient error while executing action";
constexpr int64_t kRetryStoreNs = 1'000'000'000;
constexpr int64_t kSampleNs = 5'000'000'000;
// Between looks for jobs whose retention is over.
constexpr double kMinRemovalDelayS = 0.1, kMaxRemovalDelayS = 86400;
constexpr size_t kMinParallelism = 8, kParallelismPerCore = 4;

// A job as its handler was given it: what has changed since is not its business any more.
struct Handed {
  ScheduledJob job;
  FunctionPath path;
  Done done;
};
using HandedPtr = std::shared_ptr<Handed>;

struct Counters {
  Counters() {
    auto& started = metrics::counters(registry, "hull_scheduled_jobs_started_total", "Jobs started");
    mutations = &started.Add({{"type", "Mutation"}});
    actions = &started.Add({{"type", "Action"}});
    retried = &metrics::counters(registry, "hull_scheduled_jobs_retried_total",
                                 "Attempts after conflicts and system errors")
                   .Add({});
  }
  prometheus::Registry registry;
  prometheus::Counter *mutations, *actions, *retried;
  JobResults results{"scheduled_job"};
};

// Shared with the callbacks of running functions, which may come when the scheduler is gone.
class Core : public std::enable_shared_from_this<Core> {
 public:
  explicit Core(SchedulerOptions options)
      : options_(options),
        engine_(*options.engine),
        env_(engine_.env()),
        tasks_(std::make_unique<TimedTasks>(env_, "scheduler")),
        inbox_(tasks_->inbox()) {}

  void drain() { draining_ = true; }
  void stop() {
    drain();
    tasks_.reset();
  }

  bool is_action(const Document& row) {
    auto job = ScheduledJob::parse(row);
    if (!job.ok()) return false;
    auto path = FunctionPath::parse(job->udf_path);
    if (!path.ok()) return false;
    auto kind = options_.runner->kind(*path);
    return kind.ok() && *kind == UdfType::kAction;
  }

  void handle(const DocumentPtr& row, Done done) {
    auto job = ScheduledJob::parse(*row);
    if (!job.ok()) {
      spdlog::error("scheduled job {}: {}", row->id.text(), job.error().message);
      return done();
    }
    auto path = FunctionPath::parse(job->udf_path);
    auto handed = std::make_shared<Handed>(Handed{*std::move(job), {}, std::move(done)});
    if (!path.ok()) return end(handed, State::kFailed, path.error().message + "\n");
    handed->path = *std::move(path);
    if (handed->job.state == State::kInProgress)
      return end(handed, State::kFailed, std::string(kInterrupted) + "\n");
    auto kind = options_.runner->kind(handed->path);
    if (!kind.ok()) {
      if (!kind.error().is_deterministic()) return again(handed, kind.error());
      return end(handed, State::kFailed, kind.error().message + "\n");
    }
    if (*kind != UdfType::kMutation && *kind != UdfType::kAction) {
      return end(handed, State::kFailed,
                 "Unsupported function type. " + handed->path.canonical() + " is defined as a " +
                     std::string(udf_type_name(*kind)) + ". Only Mutation and Action can be scheduled.\n");
    }
    auto call = make_call(*handed);
    if (!call.ok()) return again(handed, call.error());
    counters_.results.started(*handed->job.next_ts, env_.unix_nanos());
    if (*kind == UdfType::kMutation) {
      run_mutation(handed, *std::move(call));
    } else {
      begin_action(handed, *std::move(call));
    }
  }

  void remove_finished() {
    auto more = std::make_shared<bool>(false);
    const int64_t now = env_.unix_nanos();
    const double kept_ns = options_.knobs->job_retention_s * 1e9;
    const int64_t before = kept_ns < static_cast<double>(now) ? now - static_cast<int64_t>(kept_ns) : 0;
    commit(
        [this, more, before](Transaction& transaction) -> Result<bool> {
          const size_t batch = std::max<size_t>(1, options_.knobs->job_removal_batch);
          SnapshotPtr snapshot = transaction.snapshot();
          const TableInfo& table = *snapshot->catalog()->table(std::string_view(kTable));
          HULL_TRY(auto rows, snapshot->scan(*table.find_index("by_completed_ts"), finished_by(before),
                                             Order::kAsc, batch));
          *more = rows.size() == batch;
          for (const auto& row : rows) HULL_CHECK_OK(remove_job(transaction, row.document->id));
          return !rows.empty();
        },
        [self = shared_from_this(), more](Result<bool> removed) {
          const bool at_once = removed.ok() && *removed && *more;
          const double delay_s =
              std::clamp(self->options_.knobs->job_removal_delay_s, kMinRemovalDelayS, kMaxRemovalDelayS);
          self->after(at_once ? 0 : static_cast<int64_t>(delay_s * 1e9), [self] { self->remove_finished(); });
        });
  }

  void sample_lag(const std::function<int64_t()>& lag_ns) {
    lag_.record(env_.unix_nanos(), static_cast<double>(lag_ns()) / 1e9);
    after(kSampleNs, [this, lag_ns] { sample_lag(lag_ns); });
  }

  bool may_run() { return !draining_ && !options_.runner->stopped(); }
  void post(TimedTasks::Task task) { inbox_->post(std::move(task)); }
  const JobLag& lag() const { return lag_; }
  const Counters& counters() const { return counters_; }

 private:
  // --- running

  Result<FunctionCall> make_call(const Handed& handed) {
    FunctionCall call;
    HULL_TRY(call.args_json, job_args(*engine_.snapshot(), handed.job));
    HULL_TRY(call.args, parse_convex_json(call.args_json));
    call.path = handed.path;
    call.allow_internal = true;
    call.public_not_found_text = false;
    call.context.request_id = random_hex(8);
    call.context.caller = "Scheduler";
    call.context.scheduled_job = handed.job.id.text();
    return call;
  }

  // Whether the job is still what was handed out, and then as it is in this transaction.
  static Result<std::optional<ScheduledJob>> still(Transaction& transaction, const ScheduledJob& handed) {
    HULL_TRY(auto job, find_job(transaction, handed.id));
    if (!job || job->state != handed.state || job->next_ts != handed.next_ts)
      return std::optional<ScheduledJob>();
    return job;
  }

  // Records the job as running. False: it is not to run.
  static Result<bool> begin(Transaction& transaction, const ScheduledJob& handed,
                            const RequestContext& context) {
    if (stopped_text(transaction.catalog())) return false;
    HULL_TRY(auto job, still(transaction, handed));
    if (!job) return false;
    job->state = State::kInProgress;
    job->request_id = context.request_id;
    job->execution_id = context.execution_id;
    HULL_CHECK_OK(store_job(transaction, *job));
    return true;
  }

  void run_mutation(const HandedPtr& handed, FunctionCall call) {
    counters_.mutations->Increment();
    MutationFrame frame;
    frame.before = [handed, context = call.context](Transaction& transaction) {
      return begin(transaction, handed->job, context);
    };
    frame.after = [handed, &env = env_](Transaction& transaction, const Value&,
                                        const std::vector<LogLine>&) -> Result<void> {
      HULL_TRY(auto job, find_job(transaction, handed->job.id));
      if (!job) return Error::internal("a running job without a row");
      return end_job(transaction, *std::move(job), State::kSuccess, env.unix_nanos());
    };
    options_.runner->mutation(std::move(call), std::move(frame),
                              [self = shared_from_this(), handed](FunctionResult result) {
                                self->mutation_done(handed, std::move(result));
                              });
  }

  void mutation_done(const HandedPtr& handed, FunctionResult result) {
    if (result.ok()) counters_.results.ended(true);
    if (result.ok() || result.skipped) return handed->done();
    post([self = shared_from_this(), this, handed, result = std::move(result)] {
      if (result.system_error) return again(handed, *result.system_error);
      end(handed, State::kFailed, result.error->message);
    });
  }

  void begin_action(const HandedPtr& handed, FunctionCall call) {
    call.context.execution_id = random_uuid();
    auto record = [this, handed, context = call.context](Transaction& transaction) -> Result<bool> {
      if (draining_) return false;
      transaction.depend_on_system_table("_backend_state");
      return begin(transaction, handed->job, context);
    };
    auto run = [self = shared_from_this(), this, handed, call = std::move(call)](Result<bool> begun) mutable {
      // Not begun: done by somebody else, or the queue hands it out again.
      if (!begun.ok() || !*begun) return handed->done();
      post([self, this, handed, call = std::move(call)]() mutable {
        handed->job.state = State::kInProgress;
        counters_.actions->Increment();
        options_.runner->action(std::move(call), [self, handed](FunctionResult result) {
          self->post([self, handed, result = std::move(result)] { self->action_done(handed, result); });
        });
      });
    };
    commit(std::move(record), std::move(run));
  }

  void action_done(const HandedPtr& handed, const FunctionResult& result) {
    if (result.ok()) return end(handed, State::kSuccess, "");
    // Neither has run at all.
    if (was_stopped(result)) return give_back(handed);
    if (result.system_error && result.system_error->kind == ErrorKind::kRateLimited)
      return again(handed, *result.system_error);
    end(handed, State::kFailed,
        result.error ? result.error->message : std::string(result.system_error->public_message()) + "\n");
  }

  // --- ends

  // Again until it is stored, or the job is not what it was any more.
  void end(const HandedPtr& handed, State state, std::string error) {
    counters_.results.ended(state == State::kSuccess);
    change(handed,
           [state, error = std::move(error), &env = env_](Transaction& transaction, ScheduledJob job) {
             return end_job(transaction, std::move(job), state, env.unix_nanos(), error);
           });
  }

  // The job waits for its next attempt.
  void again(const HandedPtr& handed, const Error& error) {
    counters_.retried->Increment();
    const bool conflict = error.kind == ErrorKind::kOcc;
    if (!conflict) {
      spdlog::warn("scheduled job {} is tried again function={}: {}", handed->job.id.text(),
                   handed->job.udf_path, error.message);
    }
    change(handed, [this, conflict](Transaction& transaction, ScheduledJob job) {
      const Knobs& knobs = *options_.knobs;
      const int64_t wait = conflict ? job_backoff_ns(knobs.job_occ_initial_backoff_ms,
                                                     knobs.job_occ_max_backoff_ms, job.occ_errors)
                                    : job_backoff_ns(knobs.job_initial_backoff_ms,
                                                     knobs.job_max_backoff_s * 1000, job.system_errors);
      ++(conflict ? job.occ_errors : job.system_errors);
      return wait_again(transaction, std::move(job), env_.unix_nanos() + wait);
    });
  }

  // The job was not started after all.
  void give_back(const HandedPtr& handed) {
    change(handed, [&env = env_](Transaction& transaction, ScheduledJob job) {
      return wait_again(transaction, std::move(job), env.unix_nanos());
    });
  }

  static Result<void> wait_again(Transaction& transaction, ScheduledJob job, int64_t next_ts) {
    job.state = State::kPending;
    job.request_id.clear();
    job.execution_id.clear();
    job.next_ts = next_ts;
    return store_job(transaction, job);
  }

  using Change = std::function<Result<void>(Transaction&, ScheduledJob)>;
  void change(const HandedPtr& handed, Change change_job) {
    commit(
        [handed, change_job](Transaction& transaction) -> Result<bool> {
          HULL_TRY(auto job, still(transaction, handed->job));
          if (!job) return false;
          HULL_CHECK_OK(change_job(transaction, *std::move(job)));
          return true;
        },
        [self = shared_from_this(), this, handed, change_job](Result<bool> stored) {
          if (stored.ok()) return handed->done();
          after(kRetryStoreNs, [self, this, handed, change_job] { change(handed, change_job); });
        });
  }

  // On the thread of the tasks; `done` on any.
  void commit(std::function<Result<bool>(Transaction&)> body, std::function<void(Result<bool>)> done) {
    transact_async({&engine_, options_.knobs, kSource, std::move(body),
                    [inbox = inbox_](TimedTasks::Task attempt) { inbox->post(std::move(attempt)); },
                    std::move(done)});
  }

  // Nothing happens after stop().
  void after(int64_t delay_ns, TimedTasks::Task task) {
    inbox_->at(env_.monotonic_nanos() + delay_ns, std::move(task));
  }

  static Interval finished_by(int64_t ns) {
    Interval interval;
    append_int64_key(INT64_MIN, interval.start);
    interval.end.emplace();
    append_int64_key(ns + 1, *interval.end);
    return interval;
  }

  const SchedulerOptions options_;
  Engine& engine_;
  Env& env_;
  Counters counters_;
  JobLag lag_;
  std::atomic<bool> draining_{false};
  std::unique_ptr<TimedTasks> tasks_;  // the scheduler's owner alone ends it
  const std::shared_ptr<TimedTasks::Inbox> inbox_;
};

class SchedulerImpl final : public Scheduler {
 public:
  explicit SchedulerImpl(const SchedulerOptions& options) : core_(std::make_shared<Core>(options)) {
    DueQueueOptions queue;
    queue.engine = options.engine;
    queue.table = kTable;
    const size_t wanted = options.knobs->scheduled_parallelism;
    queue.parallelism = wanted ? wanted : std::max(kMinParallelism, kParallelismPerCore * options.cores);
    queue.apart = [core = core_](const Document& row) { return core->is_action(row); };
    queue.apart_parallelism = std::max<size_t>(1, options.knobs->scheduled_action_parallelism);
    queue.may_run = [core = core_] { return core->may_run(); };
    queue.handle = [core = core_](const DocumentPtr& row, Done done) { core->handle(row, std::move(done)); };
    queue_ = DueQueue::start(std::move(queue));
    core_->post([core = core_.get()] { core->remove_finished(); });
    core_->post([core = core_.get(), queue = queue_.get()] {
      core->sample_lag([queue] { return queue->lag_ns(); });
    });
  }
  // The tasks first: one of them reads the queue's lag.
  ~SchedulerImpl() override {
    stop();
    queue_.reset();
  }

  void drain() override {
    core_->drain();
    queue_->drain();
  }
  bool wait_until_idle(int64_t deadline_ns) override { return queue_->wait_until_idle(deadline_ns); }
  void stop() override { core_->stop(); }

  metrics::Families metric_families() const override {
    metrics::Families out = core_->counters().registry.Collect();
    for (auto& family : core_->counters().results.collect()) out.push_back(std::move(family));
    out.push_back(metrics::gauge("hull_scheduled_job_lag_seconds", "How late the oldest due job is",
                                 static_cast<double>(queue_->lag_ns()) / 1e9));
    out.push_back(metrics::gauge("hull_scheduled_jobs_running", "Jobs that run",
                                 static_cast<double>(queue_->running())));
    out.push_back(metrics::gauge("hull_scheduled_jobs_waiting", "Due jobs that wait for a free slot",
                                 static_cast<double>(queue_->waiting())));
    return out;
  }
  const JobLag& lag() const override { return core_->lag(); }

 private:
  const std::shared_ptr<Core> core_;
  std::unique_ptr<DueQueue> queue_;
};

}  // namespace

std::unique_ptr<Scheduler> Scheduler::start(SchedulerOptions options) {
  return std::make_unique<SchedulerImpl>(options);
}

}  // namespace hull
