// What the fibers of one job simulation share, and a JobRunner whose functions are transactions on the
// simulated engine. Everything is written down beside the engine, so that it survives crashes. Not
// thread-safe (one OS thread).
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "functions/scheduled_jobs.h"
#include "services/job_runner.h"
#include "simulation/sim_env.h"

namespace hull::simulation {

struct JobWorld {
  SimEnv& env;
  Engine* engine = nullptr;
  Knobs knobs;
  bool stopping = false;
  size_t clients = 0;

  std::set<std::string> scheduled;  // ids whose commit was acknowledged
  std::set<std::string> canceled;   // canceled before their end, acknowledged
  std::set<std::string> spared;     // of them: while they were pending
  std::map<std::string, int> action_starts;
  int64_t latest_wall_clock = 0;  // before it was set back
  std::optional<std::string> failure;
  uint64_t retries = 0;

  void fail(std::string what) {
    if (!failure) failure = std::move(what);
  }
  Transaction::Options options() const;
  // Commits and waits; nullopt if there was a conflict, or an error that leaves it open.
  std::optional<Timestamp> commit(Transaction& transaction, bool* conflict = nullptr);
  // Stops or resumes the deployment, if that can be committed.
  void set_paused(bool paused);
  // A new job for one of the functions, due soon; its id.
  Result<std::string> schedule(Transaction& transaction, SimRandom& random,
                               const std::optional<std::string>& parent);
};

// Functions: "jobs:mutation" adds a document to `effects`, sometimes fails, sometimes schedules a child;
// "jobs:action" sleeps and does so in a transaction of its own; "jobs:query" cannot be run.
class SimJobRunner final : public JobRunner {
 public:
  SimJobRunner(JobWorld& world, SimRandom random) : world_(world), random_(random) {}

  Result<UdfType> kind(const FunctionPath& path) override;
  std::optional<std::string> stopped() override;
  void mutation(FunctionCall call, MutationFrame frame, FunctionCallback done) override;
  void action(FunctionCall call, FunctionCallback done) override;
  // Waits for what runs.
  void join() { threads_.clear(); }

 private:
  FunctionResult run_mutation(const FunctionCall& call, const MutationFrame& frame, SimRandom random);
  FunctionResult run_action(const FunctionCall& call, SimRandom random);
  void note_start(const FunctionCall& call);

  JobWorld& world_;
  SimRandom random_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace hull::simulation
