#include "simulation/cron_simulation.h"

#include <utility>

#include "base/random.h"
#include "database/maintenance_jobs.h"
#include "deploy/cron_rows.h"
#include "services/cron_runner.h"
#include "services/cron_tables.h"
#include "services/json_fields.h"
#include "simulation/sim_vfs.h"
#include "storage/sqlite/sqlite_store.h"
#include "value/json.h"

namespace hull::simulation {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kSlowest = 4 * kSecond;
// A retry waits up to 15 s, and all jobs may wait for one that is slow.
constexpr int64_t kMaxLateness = 45 * kSecond;

class Run {
 public:
  explicit Run(uint64_t seed)
      : random_(seed),
        seed_(random_.next()),
        disk_(random_.next()),
        vfs_(disk_, "hull-cron-simulation", random_.next()),
        env_({.seed = random_.next()}),
        world_{env_, history_} {}

  CronReport run() {
    auto stuck = env_.run([this] { main(); });
    if (!stuck && !history_.failure()) report_.counts = check_crons(history_, effects_);
    report_.failure = stuck ? stuck : history_.failure();
    report_.digest = env_.digest();
    return report_;
  }

 private:
  bool over() const { return !disk_.running() || history_.failure().has_value(); }

  Result<std::unique_ptr<Store>> open_store() {
    SqliteOptions options;
    options.path = "data/hull.sqlite3";
    options.page_cache_bytes = 1 << 20;
    options.disk = &disk_;
    options.vfs = vfs_.name();
    options.env = &env_;
    return open_sqlite_store(options);
  }

  void main() {
    world_.knobs.cron_splay_s = 0;
    world_.knobs.max_running_crons = 1 + random_.below(4);
    if (!disk_.create_directory("data").ok() || !disk_.sync_directory("").ok())
      return history_.fail("the directory cannot be made");
    const size_t lives = 2 + random_.below(3);
    for (size_t life = 0; life <= lives && !history_.failure(); ++life) {
      auto store = open_store();
      if (!store.ok()) return history_.fail("the store cannot be opened: " + store.error().message);
      history_.settle(**store);
      live(std::move(*store), life == lives);
      const bool killed = random_.chance(0.5);
      disk_.stop();
      disk_.heal();
      disk_.restart(killed ? SimDisk::Survives::kWritten : SimDisk::Survives::kDurable);
      ++(killed ? report_.kills : report_.power_cuts);
      ++report_.lives;
      // How long the server is down.
      if (random_.chance(0.5)) env_.sleep(random_.magnitude(30 * kSecond));
    }
    auto store = open_store();
    if (!store.ok()) return history_.fail("the store cannot be opened: " + store.error().message);
    history_.settle(**store);
  }

  void live(std::unique_ptr<Store> store, bool last) {
    auto opened = Engine::open(std::move(store), world_.knobs, env_);
    if (!opened.ok()) return history_.fail("the engine cannot be opened: " + opened.error().message);
    RecordingEngine engine(std::move(*opened), history_);
    world_.engine = &engine;
    SimJobs jobs(world_, random_.fork(), effects_);
    jobs.slowest_ns = kSlowest;
    if (!last) disk_.cut_power_at(disk_.operations() + 20 + random_.below(400));
    {
      auto crons = CronRunner::start({&engine, &world_.knobs, &jobs, [](FunctionLogEntry) {}});
      const int64_t end = env_.monotonic_nanos() + (last ? 40 : 300) * kSecond;
      while (!over() && env_.monotonic_nanos() < end) {
        env_.sleep(random_.magnitude(8 * kSecond));
        disturb();
      }
      if (last && !over()) come_to_rest(jobs);
    }
    disk_.stop();
    jobs.join();
    world_.engine = nullptr;
  }

  void disturb() {
    switch (random_.below(8)) {
      case 0:
      case 1:
      case 2:
        return push();
      case 3:
        ++report_.pauses;
        return set_paused(true);
      case 4:
      case 5:
        return set_paused(false);
      case 6: {
        ++report_.jumps;
        const int64_t jump = random_.magnitude(20 * kSecond);
        return env_.jump_wall_clock(random_.chance(0.7) ? jump : -jump);
      }
      default:
        disk_.set_error_rates({.sync = random_.chance(0.5) ? 0.2 : 0});
    }
  }

  // Nothing disturbs any more: no job may be kept waiting.
  void come_to_rest(SimJobs& jobs) {
    disk_.set_error_rates({});
    while (world_.engine->read_only() && !over()) env_.sleep(kSecond);
    set_paused(false);
    jobs.faulty = false;
    // In steps: time may leap to the next deadline while others could run.
    for (int64_t slept = 0; slept < 2 * kMaxLateness; slept += kSecond) env_.sleep(kSecond);
    const SnapshotPtr snapshot = world_.engine->snapshot();
    const TableInfo& table = *snapshot->catalog()->table(kCronNextRun);
    auto rows = snapshot->scan(*table.find_index("by_next_ts"), Interval{"", std::nullopt}, Order::kAsc, 100);
    if (!rows.ok()) return history_.fail(rows.error().message);
    for (const IndexRow& row : *rows) {
      const int64_t late = env_.unix_nanos() - CronNextRun::from_row(row.document->value)->next_ts;
      if (late > kMaxLateness)
        history_.fail("a job is " + std::to_string(late / kSecond) +
                      " s late at rest: " + to_json(row.document->value));
    }
  }

  void transact(const std::function<Result<void>(Transaction&)>& body) {
    for (int attempt = 0; attempt < 5 && !over(); ++attempt) {
      Transaction tx(world_.engine->snapshot(), world_.options(true, TableAccess::kSystem));
      auto written = body(tx);
      if (!written.ok()) return;
      if (!tx.has_writes()) return;
      auto committed = submit_and_wait(*world_.engine, tx.commit_request("push"));
      if (!committed.ok() || *committed) return;
    }
  }

  void push() {
    std::string json = "{";
    for (const char* name : {"a", "b", "c", "d"}) {
      if (random_.chance(0.25)) continue;
      static const char* const kSchedules[] = {
          R"({"type":"interval","seconds":1})",    R"({"type":"interval","seconds":2})",
          R"({"type":"interval","seconds":7})",    R"({"type":"interval","minutes":1})",
          R"({"type":"cron","cron":"* * * * *"})", R"({"type":"cron","cron":"*/2 * * * *"})"};
      json += (json.size() > 1 ? ",\"" : "\"") + std::string(name) + R"(":{"name":"jobs:)" +
              (random_.chance(0.5) ? "mutate" : "act") + R"(","args":[{"name":")" + name +
              R"("}],"schedule":)" + kSchedules[random_.below(6)] + "}";
    }
    auto specs = parse_crons(json + "}");
    if (!specs.ok()) return history_.fail(specs.error().message);
    transact([&](Transaction& tx) -> Result<void> {
      HULL_CHECK_OK(tx.ensure_table("runs"));
      HULL_TRY([[maybe_unused]] auto diff, write_crons(tx, *specs, env_.unix_nanos(), 0));
      return {};
    });
  }

  void set_paused(bool paused) {
    transact([&](Transaction& tx) -> Result<void> {
      ValueBuilder b;
      b.begin_object().key("system").string("none").key("usage_limit").string("none");
      b.key("user").string(paused ? "paused" : "none").end();
      const Value row = b.finish();
      auto rows = tx.system_rows("_backend_state");
      if (!rows.empty()) return tx.system_replace(rows.front()->id, row);
      HULL_TRY([[maybe_unused]] auto id, tx.system_insert("_backend_state", row));
      return {};
    });
  }

  SimRandom random_;
  ScopedRandomSeed seed_;
  SimDisk disk_;
  SimVfs vfs_;
  SimEnv env_;
  History history_;
  World world_;
  std::map<CronSlot, int> effects_;
  CronReport report_;
};

}  // namespace

CronReport& CronReport::operator+=(const CronReport& other) {
  lives += other.lives;
  power_cuts += other.power_cuts;
  kills += other.kills;
  pauses += other.pauses;
  jumps += other.jumps;
  counts.mutations += other.counts.mutations;
  counts.actions += other.counts.actions;
  counts.failures += other.counts.failures;
  counts.lost_actions += other.counts.lost_actions;
  counts.skipped += other.counts.skipped;
  counts.pushes += other.counts.pushes;
  return *this;
}

std::string CronReport::summary() const {
  auto text = [](const char* name, uint64_t value) { return ", " + std::to_string(value) + " " + name; };
  return std::to_string(counts.mutations) + " mutations" + text("actions", counts.actions) +
         text("failures", counts.failures) + text("lost actions", counts.lost_actions) +
         text("left out", counts.skipped) + text("pushes", counts.pushes) + text("lives", lives) +
         text("power cuts", power_cuts) + text("kills", kills) + text("pauses", pauses) +
         text("jumps of the clock", jumps);
}

CronReport run_cron_simulation(uint64_t seed) {
  RandomData::reset_unique();
  return Run(seed).run();
}

}  // namespace hull::simulation
