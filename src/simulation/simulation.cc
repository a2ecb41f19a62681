#include "simulation/simulation.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/random.h"
#include "database/catalog_rows.h"
#include "database/maintenance.h"
#include "simulation/admin.h"
#include "simulation/client.h"
#include "simulation/live_query.h"
#include "simulation/sim_vfs.h"
#include "simulation/state_check.h"
#include "storage/sqlite/sqlite_store.h"

namespace hull::simulation {
namespace {

constexpr const char* kDatabase = "data/hull.sqlite3";
constexpr int64_t kSecond = 1'000'000'000;

class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options),
        random_(options.seed),
        seed_(random_.next()),
        disk_(random_.next()),
        vfs_(disk_, "hull-simulation", random_.next()),
        env_(env_options(options, random_.next())),
        world_{env_, history_} {}

  RunReport run() {
    auto stuck = env_.run([this] { main(); });
    report_.failure = stuck ? stuck : history_.failure();
    report_.digest = env_.digest();
    report_.steps = env_.steps();
    report_.disk_operations = disk_.operations();
    report_.virtual_nanos = env_.monotonic_nanos() - kSecond;
    report_.aborted = world_.aborted;
    report_.gave_up = world_.gave_up;
    report_.history = history_.stats();
    return report_;
  }

 private:
  enum class Ending { kQuiet, kKilled, kPowerCut };

  static SimEnv::Options env_options(const RunOptions& options, uint64_t seed) {
    SimEnv::Options out;
    out.seed = seed;
    out.trace = options.trace;
    return out;
  }

  void choose_knobs() {
    Knobs& knobs = world_.knobs;
    knobs.write_log_min_retention_s = random_.chance(0.5) ? 1 : 5;
    knobs.write_log_max_retention_s = knobs.write_log_min_retention_s * 2;
    knobs.recent_writes_bytes = random_.chance(0.3) ? 20'000 : 1 << 20;
    knobs.max_unapplied_bytes = random_.chance(0.3) ? 4'000 : 1 << 20;
    knobs.disk_reserve_bytes = random_.chance(0.5) ? 0 : 256 << 10;
    knobs.log_retention_hours = random_.chance(0.5) ? 5.0 / 3600 : 1;
    knobs.log_retention_bytes = random_.chance(0.3) ? 100'000 : 1 << 20;
    world_.take_turns = random_.chance(0.5);
    segment_bytes_ = random_.chance(0.5) ? 16 << 10 : 256 << 10;
  }

  bool failed() const { return history_.failure().has_value(); }

  Result<std::unique_ptr<Store>> open_store() {
    SqliteOptions options;
    options.path = kDatabase;
    options.page_cache_bytes = random_.chance(0.3) ? 64 << 10 : 1 << 20;
    options.disk = &disk_;
    options.vfs = vfs_.name();
    options.env = &env_;
    options.log_segment_bytes = segment_bytes_;
    return open_sqlite_store(options);
  }

  void main() {
    choose_knobs();
    if (!disk_.create_directory("data").ok() || !disk_.sync_directory("").ok())
      return history_.fail("the directory cannot be made");
    const size_t lives = 2 + random_.below(3);
    for (size_t life = 0; life <= lives && !failed(); ++life) {
      // Power cuts while the store is opened, as it recovers or is made.
      while (random_.chance(0.3)) {
        disk_.cut_power_at(disk_.operations() + 1 + random_.below(80));
        (void)open_store();
        end_machine(SimDisk::Survives::kDurable);
      }
      auto store = open_store();
      if (!store.ok()) return history_.fail("the store cannot be opened: " + store.error().message);
      history_.settle(**store);
      history_.verify();
      if (failed()) return;
      const Ending ending = live(std::move(*store), life == lives);
      if (ending != Ending::kQuiet || random_.chance(0.5))
        end_machine(ending == Ending::kKilled ? SimDisk::Survives::kWritten : SimDisk::Survives::kDurable);
      ++report_.lives;
    }
    check_schemas(history_);
  }

  void end_machine(SimDisk::Survives survives) {
    disk_.stop();
    disk_.heal();
    disk_.restart(survives);
    ++(survives == SimDisk::Survives::kDurable ? report_.power_cuts : report_.kills);
  }

  // From opening the engine to the end of the process. The last life only checks.
  Ending live(std::unique_ptr<Store> store, bool last) {
    auto opened = Engine::open(std::move(store), world_.knobs, env_);
    if (!opened.ok()) {
      history_.fail("the engine cannot be opened: " + opened.error().message);
      return Ending::kQuiet;
    }
    RecordingEngine engine(std::move(*opened), history_);
    world_.engine = &engine;
    check_state(engine, history_);
    if (last || failed()) return Ending::kQuiet;

    const size_t ending = random_.below(4);  // 0: quiet, 1: killed, else a power cut
    if (ending >= 2) disk_.cut_power_at(disk_.operations() + 1 + random_.below(400));
    auto maintenance = Maintenance::start(engine, world_.knobs);
    world_.stopping = false;
    std::vector<LiveQuery> live(2);
    {
      std::vector<std::unique_ptr<Thread>> threads;
      const size_t clients = 2 + random_.below(3);
      world_.running = clients;
      for (size_t i = 0; i < clients; ++i)
        threads.push_back(
            env_.start_thread(("client " + std::to_string(i)).c_str(),
                              [this, r = random_.fork()] { run_client(world_, r, options_.transactions); }));
      for (LiveQuery& query : live)
        threads.push_back(env_.start_thread(
            "watcher", [this, &query, r = random_.fork()] { run_watcher(world_, r, query); }));
      threads.push_back(env_.start_thread("admin", [this, r = random_.fork()] { run_admin(world_, r); }));
      disturb(engine);
      if (ending == 1) disk_.stop();
      world_.stopping = true;
    }
    if (disk_.running()) quiesce(engine, live);
    if (ending == 1 || !disk_.running()) disk_.stop();
    maintenance.reset();
    live.clear();
    world_.engine = nullptr;
    // The engine goes with this scope; what it did not finish is settled at the next opening.
    return disk_.running() ? Ending::kQuiet : ending == 1 ? Ending::kKilled : Ending::kPowerCut;
  }

  // Faults come and go until the clients are done or the machine is gone.
  void disturb(const Engine& engine) {
    const bool faulty = random_.chance(0.5);
    bool was_read_only = false;
    while (world_.running > 0 && disk_.running() && !failed()) {
      env_.sleep(random_.magnitude(400'000'000));
      const bool read_only = engine.read_only().has_value();
      report_.read_only_times += read_only && !was_read_only;
      was_read_only = read_only;
      if (random_.chance(0.05)) {
        const int64_t jump = random_.magnitude(20 * kSecond);
        env_.jump_wall_clock(random_.chance(0.5) ? jump : -jump);
        env_.note("the wall clock jumps");
      }
      if (!faulty) continue;
      switch (random_.below(10)) {
        case 0:
          disk_.set_error_rates({.sync = 0.3});
          break;
        case 1:
          disk_.set_error_rates({.write = 0.1});
          break;
        case 2:
          disk_.set_error_rates({.read = 0.02, .write = 0.02, .sync = 0.02});
          break;
        case 3:
          disk_.set_quota(disk_.used() + random_.below(200'000));
          break;
        case 4:
          disk_.fail_at(disk_.operations() + 1 + random_.below(20));
          break;
        case 5:
        case 6:
          break;
        default:
          disk_.set_error_rates({});
          disk_.set_quota(1 << 30);
      }
    }
  }

  // Everything is well again and nobody writes: the engine must come to rest and be right.
  void quiesce(RecordingEngine& engine, const std::vector<LiveQuery>& live) {
    disk_.heal();
    const int64_t give_up_at = env_.monotonic_nanos() + 1200 * kSecond;
    auto resting = [&] {
      if (engine.read_only() || engine.store().applied() < engine.latest()) return false;
      const SnapshotPtr snapshot = engine.snapshot();
      for (const auto& [name, table] : snapshot->catalog()->tables())
        for (const auto& index : table->indexes)
          if (index->state == IndexState::kBackfilling) return false;
      return true;
    };
    while (disk_.running() && !resting()) {
      if (env_.monotonic_nanos() > give_up_at) return history_.fail("the engine does not come to rest");
      env_.sleep(kSecond);
    }
    if (!disk_.running()) return;
    check_state(engine, history_);
    for (const LiveQuery& query : live)
      if (query.subscription) query.claim(world_);
  }

  const RunOptions options_;
  SimRandom random_;
  ScopedRandomSeed seed_;
  SimDisk disk_;
  SimVfs vfs_;
  SimEnv env_;
  History history_;
  World world_;
  RunReport report_;
  uint64_t segment_bytes_ = 0;
};

}  // namespace

RunReport& RunReport::operator+=(const RunReport& other) {
  steps += other.steps;
  disk_operations += other.disk_operations;
  lives += other.lives;
  power_cuts += other.power_cuts;
  kills += other.kills;
  read_only_times += other.read_only_times;
  aborted += other.aborted;
  gave_up += other.gave_up;
  virtual_nanos += other.virtual_nanos;
  history += other.history;
  return *this;
}

std::string RunReport::summary() const {
  auto text = [](const char* name, uint64_t value) { return ", " + std::to_string(value) + " " + name; };
  return std::to_string(virtual_nanos / kSecond) + " s of virtual time" + text("steps", steps) +
         text("disk operations", disk_operations) + text("lives", lives) + text("power cuts", power_cuts) +
         text("kills", kills) + text("times read-only", read_only_times) + text("commits", history.commits) +
         text("conflicts", history.conflicts) + text("refused", history.refused) +
         text("out of retention", history.out_of_retention) + text("aborted", aborted) +
         text("gave up", gave_up) + text("in doubt", history.in_doubt) +
         text("of them found", history.in_doubt_found) + text("answers checked", history.observations) +
         text("claims", history.claims) + text("of them valid", history.claims_valid) +
         text("commits compared with the log", history.log_groups);
}

RunReport run_simulation(const RunOptions& options) {
  RandomData::reset_unique();
  return Run(options).run();
}

}  // namespace hull::simulation
