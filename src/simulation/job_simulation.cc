#include "simulation/job_simulation.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/random.h"
#include "functions/stopped_text.h"
#include "services/scheduler.h"
#include "simulation/job_world.h"
#include "simulation/sim_vfs.h"
#include "storage/sqlite/sqlite_store.h"

namespace hull::simulation {
namespace {

using State = ScheduledJob::State;

constexpr int64_t kSecond = 1'000'000'000;
constexpr size_t kTransactions = 10;
constexpr std::string_view kInterrupted = "Transient error while executing action\n";

class JobRun {
 public:
  explicit JobRun(uint64_t seed)
      : random_(seed),
        seed_(random_.next()),
        disk_(random_.next()),
        vfs_(disk_, "hull-job-simulation", random_.next()),
        env_({.seed = random_.next()}),
        world_{env_} {
    world_.knobs.scheduled_parallelism = 1 + random_.below(4);
    world_.knobs.scheduled_action_parallelism = 1 + random_.below(4);
    world_.knobs.job_max_backoff_s = 5;
    world_.knobs.job_occ_max_backoff_ms = 2000;
  }

  JobRunReport run() {
    auto stuck = env_.run([this] { main(); });
    report_.failure = stuck ? stuck : world_.failure;
    report_.digest = env_.digest();
    report_.steps = env_.steps();
    report_.retries = world_.retries;
    return report_;
  }

 private:
  void main() {
    if (!disk_.create_directory("data").ok() || !disk_.sync_directory("").ok())
      return world_.fail("the directory cannot be made");
    const size_t lives = 2 + random_.below(3);
    for (size_t life = 0; life <= lives && !world_.failure; ++life) {
      disk_.heal();  // of what the life before has left
      SqliteOptions options;
      options.path = "data/hull.sqlite3";
      options.disk = &disk_;
      options.vfs = vfs_.name();
      options.env = &env_;
      auto store = open_sqlite_store(options);
      if (!store.ok()) return world_.fail("the store cannot be opened: " + store.error().message);
      live(std::move(*store), life == lives);
      if (!disk_.running() || random_.chance(0.5)) {
        const bool power_cut = random_.chance(0.7);
        disk_.stop();
        disk_.heal();
        disk_.restart(power_cut ? SimDisk::Survives::kDurable : SimDisk::Survives::kWritten);
        ++report_.crashes;
      }
      ++report_.lives;
    }
  }

  // In the last life the faults end with the clients: everything comes to its end.
  void live(std::unique_ptr<Store> store, bool last) {
    auto engine = Engine::open(std::move(store), world_.knobs, env_);
    if (!engine.ok()) return world_.fail("the engine cannot be opened: " + engine.error().message);
    world_.engine = engine->get();
    world_.stopping = false;
    const size_t ending = last ? 0 : random_.below(4);  // 0: quiet, 1: killed, else a power cut
    disk_.cut_power_at(ending >= 2 ? disk_.operations() + 1 + random_.below(300) : UINT64_MAX);
    SimJobRunner runner(world_, random_.fork());
    auto scheduler = Scheduler::start({engine->get(), &world_.knobs, &runner, 1});
    {
      std::vector<std::unique_ptr<Thread>> threads;
      world_.clients = 2;
      for (size_t i = 0; i < world_.clients; ++i)
        threads.push_back(env_.start_thread("client", [this, r = random_.fork()] { client(r); }));
      while (world_.clients > 0 && disk_.running() && !world_.failure) {
        env_.sleep(random_.magnitude(2 * kSecond));
        disturb();
      }
      if (ending == 1) disk_.stop();
      world_.stopping = true;
    }
    if (ending == 0) come_to_rest();
    if (last)
      check_ends();
    else if (ending == 0)
      drain(*scheduler);
    scheduler.reset();
    runner.join();
    world_.engine = nullptr;
  }

  void disturb() {
    switch (random_.below(16)) {
      case 0:
        ++report_.pauses;
        return world_.set_paused(true);
      case 1:
      case 2:
        return world_.set_paused(false);
      case 3: {
        ++report_.jumps;
        const int64_t jump = random_.magnitude(20 * kSecond);
        world_.latest_wall_clock = std::max(world_.latest_wall_clock, env_.unix_nanos());
        return env_.jump_wall_clock(random_.chance(0.7) ? jump : -jump);
      }
      case 4:
        return disk_.set_error_rates({.sync = 0.2});
      case 5:
      case 6:
        return disk_.set_error_rates({});
      default:
        return;
    }
  }

  void come_to_rest() {
    disk_.set_error_rates({});
    while (world_.engine->read_only() && disk_.running()) env_.sleep(kSecond);
    world_.set_paused(false);
  }

  // A server that stops well: what it says is over is recorded as over.
  void drain(Scheduler& scheduler) {
    scheduler.drain();
    if (!scheduler.wait_until_idle(env_.monotonic_nanos() + random_.magnitude(5 * kSecond))) return;
    ++report_.drains;
    for (const ScheduledJob& job : all_jobs(*world_.engine->snapshot()))
      if (job.state == State::kInProgress) world_.fail(job.id.text() + " is in progress after the drain");
  }

  void client(SimRandom random) {
    for (size_t i = 0; i < kTransactions && !world_.stopping; ++i) {
      env_.sleep(random.magnitude(2 * kSecond));
      Transaction transaction(world_.engine->snapshot(), world_.options());
      std::vector<std::string> scheduled;
      bool sound = true;
      for (size_t jobs = 1 + random.below(3); jobs > 0 && sound; --jobs) {
        const bool undone = random.chance(0.2);
        if (undone) transaction.begin_nested();
        auto id = world_.schedule(transaction, random, std::nullopt);
        sound = id.ok();
        if (undone) transaction.rollback_nested();
        if (sound && !undone) scheduled.push_back(*id);
      }
      std::optional<std::string> canceled, spared;
      if (sound && !world_.scheduled.empty() && random.chance(0.5)) {
        auto chosen = std::next(world_.scheduled.begin(),
                                static_cast<std::ptrdiff_t>(random.below(world_.scheduled.size())));
        const DocumentId id = *DocumentId::parse(*chosen);
        auto job = find_job(transaction, id);
        sound = job.ok() && cancel_job(transaction, id, env_.unix_nanos()).ok();
        if (sound && !*job) world_.fail("job " + *chosen + " is lost");
        if (sound && *job && !(*job)->finished()) canceled = *chosen;
        if (canceled && (*job)->state == State::kPending) spared = *chosen;
      }
      if (!sound || !transaction.has_writes() || !world_.commit(transaction)) continue;
      world_.scheduled.insert(scheduled.begin(), scheduled.end());
      if (canceled) world_.canceled.insert(*canceled);
      if (spared) world_.spared.insert(*spared);
    }
    --world_.clients;
  }

  std::vector<ScheduledJob> all_jobs(const Snapshot& snapshot) {
    const TableInfo& table = *snapshot.catalog()->table(std::string_view("_scheduled_jobs"));
    auto rows = snapshot.scan(*table.find_index("by_id"), Interval{"", std::nullopt}, Order::kAsc, 100'000);
    std::vector<ScheduledJob> jobs;
    if (!rows.ok()) world_.fail("the jobs cannot be read: " + rows.error().message);
    for (size_t i = 0; rows.ok() && i < rows->size(); ++i) {
      auto job = ScheduledJob::parse(*(*rows)[i].document);
      if (job.ok()) jobs.push_back(*std::move(job));
    }
    return jobs;
  }

  std::string unfinished(const std::vector<ScheduledJob>& jobs) {
    std::string out = "jobs never end:";
    for (const ScheduledJob& job : jobs) {
      if (job.finished()) continue;
      out += " " + job.id.text() + " " + job.udf_path +
             (job.state == State::kPending ? " pending, due since " : " in progress, due since ") +
             std::to_string((env_.unix_nanos() - *job.next_ts) / kSecond) + " s";
    }
    return out;
  }

  std::map<std::string, int> all_effects(const Snapshot& snapshot) {
    std::map<std::string, int> effects;
    const TableInfo* table = snapshot.catalog()->table(std::string_view("effects"));
    if (!table) return effects;
    auto rows = snapshot.scan(*table->find_index("by_id"), Interval{"", std::nullopt}, Order::kAsc, 100'000);
    if (!rows.ok()) world_.fail("the effects cannot be read: " + rows.error().message);
    for (size_t i = 0; rows.ok() && i < rows->size(); ++i)
      ++effects[std::string((*rows)[i].document->value.view().find("job")->as_string())];
    return effects;
  }

  void check_ends() {
    const int64_t give_up_at = env_.monotonic_nanos() + 3600 * kSecond;
    std::vector<ScheduledJob> jobs;
    SnapshotPtr snapshot;
    for (bool resting = false; !resting && !world_.failure;) {
      env_.sleep(kSecond);
      snapshot = world_.engine->snapshot();
      jobs = all_jobs(*snapshot);
      resting = std::all_of(jobs.begin(), jobs.end(), [](const auto& job) { return job.finished(); });
      if (!resting && env_.monotonic_nanos() > give_up_at) return world_.fail(unfinished(jobs));
    }
    if (world_.failure) return;
    auto effects = all_effects(*snapshot);
    std::set<std::string> known;
    for (const ScheduledJob& job : jobs) {
      known.insert(job.id.text());
      if (auto wrong = check_job(job, effects[job.id.text()])) world_.fail(job.id.text() + *wrong);
    }
    for (const std::string& id : world_.scheduled)
      if (!known.contains(id)) world_.fail("job " + id + " is lost");
    report_.jobs = jobs.size();
  }

  // What is wrong with a job that has ended and left so many effects.
  std::optional<std::string> check_job(const ScheduledJob& job, int effects) {
    const std::string id = job.id.text();
    const int starts = world_.action_starts[id];
    const bool mutation = job.udf_path == "jobs.js:mutation", action = job.udf_path == "jobs.js:action";
    if (!job.completed_ts) return " has no time of its end";
    if (effects > 1) return " happened " + std::to_string(effects) + " times";
    if (world_.canceled.contains(id) && job.state != State::kCanceled) return " is not canceled any more";
    if (world_.spared.contains(id) && (effects > 0 || starts > 0))
      return " runs though it was canceled before";
    switch (job.state) {
      case State::kSuccess:
        ++(mutation ? report_.mutations_done : report_.actions_done);
        if (effects != 1) return " succeeded without effect";
        return std::nullopt;
      case State::kFailed:
        ++report_.failed;
        if (mutation && effects > 0) return " failed with an effect";
        if (mutation && job.error != "thrown\n") return " failed with: " + job.error;
        if (action && job.error.starts_with(kStoppedText)) return " failed because of a pause";
        if (action && job.error == kInterrupted) ++report_.interrupted;
        return std::nullopt;
      case State::kCanceled:
        ++report_.canceled;
        if (mutation && effects > 0) return " was canceled with an effect";
        return std::nullopt;
      default:
        return " has not ended";
    }
  }

  SimRandom random_;
  ScopedRandomSeed seed_;
  SimDisk disk_;
  SimVfs vfs_;
  SimEnv env_;
  JobWorld world_;
  JobRunReport report_;
};

}  // namespace

JobRunReport& JobRunReport::operator+=(const JobRunReport& other) {
  steps += other.steps;
  lives += other.lives;
  crashes += other.crashes;
  jobs += other.jobs;
  mutations_done += other.mutations_done;
  actions_done += other.actions_done;
  canceled += other.canceled;
  failed += other.failed;
  interrupted += other.interrupted;
  retries += other.retries;
  pauses += other.pauses;
  jumps += other.jumps;
  drains += other.drains;
  return *this;
}

std::string JobRunReport::summary() const {
  auto text = [](const char* name, uint64_t value) { return ", " + std::to_string(value) + " " + name; };
  return std::to_string(jobs) + " jobs" + text("mutations", mutations_done) + text("actions", actions_done) +
         text("canceled", canceled) + text("failed", failed) + text("of them interrupted", interrupted) +
         text("conflicts", retries) + text("lives", lives) + text("crashes", crashes) +
         text("pauses", pauses) + text("jumps of the clock", jumps) + text("drains", drains);
}

JobRunReport run_job_simulation(uint64_t seed) { return JobRun(seed).run(); }

}  // namespace hull::simulation
