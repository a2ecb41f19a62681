#include "services/scheduler.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/log.h"
#include "base/random.h"
#include "functions/lookup.h"
#include "functions/scheduled_jobs.h"
#include "services/due_queue.h"
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
    failed = &metrics::counters(registry, "hull_scheduled_jobs_failed_total", "Jobs that failed").Add({});
    retried = &metrics::counters(registry, "hull_scheduled_jobs_retried_total",
                                 "Attempts after conflicts and system errors")
                   .Add({});
    lateness = &metrics::histograms(registry, "hull_scheduled_job_lateness_seconds",
                                    "From a job's time to its start")
                    .Add({}, metrics::seconds_buckets());
  }
  prometheus::Registry registry;
  prometheus::Counter *mutations, *actions, *failed, *retried;
  prometheus::Histogram* lateness;
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

  void stop() {
    stopped_ = true;
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
    counters_.lateness->Observe(
        static_cast<double>(std::max<int64_t>(0, env_.unix_nanos() - *handed->job.next_ts)) / 1e9);
    if (*kind == UdfType::kMutation) {
      run_mutation(handed, *std::move(call));
    } else {
      begin_action(handed, *std::move(call));
    }
  }

  void remove_finished() {
    auto more = std::make_shared<bool>(false);
    const int64_t before = env_.unix_nanos() - static_cast<int64_t>(options_.knobs->job_retention_s * 1e9);
    commit(
        [this, more, before](Transaction& transaction) -> Result<bool> {
          const size_t batch = std::max<size_t>(1, options_.knobs->job_removal_batch);
          SnapshotPtr snapshot = transaction.snapshot();
          const TableInfo& table = *snapshot->catalog()->table(std::string_view(kTable));
          HULL_TRY(auto rows, snapshot->scan(*table.find_index("by_completed_ts"), finished_before(before),
                                             Order::kAsc, batch));
          *more = rows.size() == batch;
          for (const auto& row : rows) HULL_CHECK_OK(remove_job(transaction, row.document->id));
          return !rows.empty();
        },
        [self = shared_from_this(), more](Result<bool> removed) {
          const bool at_once = removed.ok() && *removed && *more;
          const double delay_s = at_once ? 0 : self->options_.knobs->job_removal_delay_s;
          self->after(static_cast<int64_t>(delay_s * 1e9), [self] { self->remove_finished(); });
        });
  }

  void sample_lag(const std::function<int64_t()>& lag_ns) {
    lag_.record(env_.unix_nanos(), static_cast<double>(lag_ns()) / 1e9);
    after(kSampleNs, [this, lag_ns] { sample_lag(lag_ns); });
  }

  bool may_run() { return !stopped_ && !options_.runner->stopped(); }
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

  void run_mutation(const HandedPtr& handed, FunctionCall call) {
    counters_.mutations->Increment();
    MutationFrame frame;
    frame.before = [handed, request_id = call.context.request_id](Transaction& transaction) -> Result<bool> {
      HULL_TRY(auto job, still(transaction, handed->job));
      if (!job) return false;
      job->state = State::kInProgress;
      job->request_id = request_id;
      HULL_CHECK_OK(store_job(transaction, *job));
      return true;
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
    if (result.ok() || result.skipped) return handed->done();
    post([self = shared_from_this(), this, handed, result = std::move(result)] {
      if (result.system_error) return again(handed, *result.system_error);
      if (was_stopped(result)) return handed->done();
      end(handed, State::kFailed, result.error->message);
    });
  }

  void begin_action(const HandedPtr& handed, FunctionCall call) {
    auto begin = [handed, request_id = call.context.request_id](Transaction& transaction) -> Result<bool> {
      HULL_TRY(auto job, still(transaction, handed->job));
      if (!job) return false;
      job->state = State::kInProgress;
      job->request_id = request_id;
      HULL_CHECK_OK(store_job(transaction, *job));
      return true;
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
    post([self = shared_from_this(), this, begin, run = std::move(run)] { commit(begin, run); });
  }

  void action_done(const HandedPtr& handed, const FunctionResult& result) {
    if (result.ok()) return end(handed, State::kSuccess, "");
    // Neither has run at all.
    if (was_stopped(result)) return again(handed, Error::overloaded("DeploymentPaused", "paused"));
    if (result.system_error && result.system_error->kind == ErrorKind::kRateLimited)
      return again(handed, *result.system_error);
    end(handed, State::kFailed,
        result.error ? result.error->message : std::string(result.system_error->public_message()) + "\n");
  }

  // Refused because the deployment was stopped meanwhile.
  bool was_stopped(const FunctionResult& result) {
    auto stopped = options_.runner->stopped();
    return stopped && result.error && result.error->message == *stopped + "\n";
  }

  // --- ends

  // Again until it is stored, or the job is not what it was any more.
  void end(const HandedPtr& handed, State state, std::string error) {
    if (state == State::kFailed) counters_.failed->Increment();
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
      const int64_t wait =
          conflict ? backoff(knobs.job_occ_initial_backoff_ms, knobs.job_occ_max_backoff_ms, job.occ_errors)
                   : backoff(knobs.job_initial_backoff_ms, knobs.job_max_backoff_s * 1000, job.system_errors);
      ++(conflict ? job.occ_errors : job.system_errors);
      job.state = State::kPending;
      job.request_id.clear();
      job.next_ts = env_.unix_nanos() + wait;
      return store_job(transaction, job);
    });
  }

  // Full jitter, in nanoseconds.
  static int64_t backoff(double initial_ms, double max_ms, int64_t earlier) {
    const double bound = std::min(max_ms, initial_ms * std::pow(2.0, static_cast<double>(earlier)));
    const double uniform = static_cast<double>(random_u64() >> 11) / 9007199254740992.0;
    return static_cast<int64_t>(bound * uniform * 1e6);
  }

  using Change = std::function<Result<void>(Transaction&, ScheduledJob)>;
  void change(const HandedPtr& handed, Change change_job) {
    post([self = shared_from_this(), this, handed, change_job = std::move(change_job)]() mutable {
      commit(
          [handed, change_job](Transaction& transaction) -> Result<bool> {
            HULL_TRY(auto job, still(transaction, handed->job));
            if (!job) return false;
            HULL_CHECK_OK(change_job(transaction, *std::move(job)));
            return true;
          },
          [self, this, handed, change_job](Result<bool> stored) {
            if (stored.ok()) return handed->done();
            after(kRetryStoreNs, [self, this, handed, change_job] { change(handed, change_job); });
          });
    });
  }

  // --- transactions: on the thread of the tasks; `then` on any

  using Body = std::function<Result<bool>(Transaction&)>;  // false: there is nothing to do
  using Then = std::function<void(Result<bool>)>;
  void commit(Body body, Then then) {
    env_.pause("scheduler.commit");
    Transaction::Options settings;
    settings.access = TableAccess::kSystem;
    settings.writable = true;
    settings.knobs = options_.knobs;
    settings.now_ms = env_.unix_millis();
    Transaction transaction(engine_.snapshot(), settings);
    auto wanted = body(transaction);
    if (!wanted.ok() || !*wanted || !transaction.has_writes()) return then(std::move(wanted));
    engine_.submit(
        transaction.commit_request(kSource), [self = shared_from_this(), this, body = std::move(body),
                                              then = std::move(then)](const CommitOutcome& outcome) mutable {
          if (outcome.ts) return then(true);
          if (outcome.error) return then(*outcome.error);
          engine_.when_published(outcome.conflict->conflicting, [self, this, body = std::move(body),
                                                                 then = std::move(then)]() mutable {
            post([self, this, body = std::move(body), then = std::move(then)]() mutable {
              commit(std::move(body), std::move(then));
            });
          });
        });
  }

  // Nothing happens after stop().
  void after(int64_t delay_ns, TimedTasks::Task task) {
    inbox_->at(env_.monotonic_nanos() + delay_ns, std::move(task));
  }

  static Interval finished_before(int64_t ns) {
    Interval interval;
    append_int64_key(INT64_MIN, interval.start);
    interval.end.emplace();
    append_int64_key(ns, *interval.end);
    return interval;
  }

  const SchedulerOptions options_;
  Engine& engine_;
  Env& env_;
  Counters counters_;
  JobLag lag_;
  std::atomic<bool> stopped_{false};
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

  void stop() override { core_->stop(); }

  metrics::Families metric_families() const override {
    metrics::Families out = core_->counters().registry.Collect();
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
