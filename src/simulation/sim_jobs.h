// SimJobs: a JobRunner whose functions are made up. A mutation writes one row of the table `runs` that says
// which run of which cron job it was; an action leaves the same in memory, as an effect on the world outside.
// Both take their time, fail, lose conflicts and meet a stopped deployment as real ones do. One fiber per
// call.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "services/job_runner.h"
#include "simulation/client.h"

namespace hull::simulation {

// Id of a row of `_cron_jobs` and the time the run was due.
using CronSlot = std::pair<std::string, int64_t>;

class SimJobs final : public JobRunner {
 public:
  // "jobs.js:mutate" is a mutation, "jobs.js:act" an action; their argument is {name: of the job}.
  // `effects` outlives the process.
  SimJobs(World& world, SimRandom random, std::map<CronSlot, int>& effects)
      : world_(world), random_(random), effects_(effects) {}

  Result<UdfType> kind(const FunctionPath& path) override;
  std::optional<std::string> stopped() override;
  void mutation(FunctionCall call, MutationFrame frame, FunctionCallback done) override;
  void action(FunctionCall call, FunctionCallback done) override;
  // Waits for the calls.
  void join() { calls_.clear(); }

  int64_t slowest_ns = 4'000'000'000;
  bool faulty = true;

 private:
  void start(const FunctionCall& call, FunctionCallback done, std::function<FunctionResult()> body);
  FunctionResult run_mutation(const FunctionCall& call, const MutationFrame& frame, SimRandom& random);
  FunctionResult run_action(const FunctionCall& call, SimRandom& random);
  // Until what it returns is gone.
  std::shared_ptr<void> note_running(const std::string& job);
  void work(SimRandom& random);

  World& world_;
  SimRandom random_;
  std::map<CronSlot, int>& effects_;
  std::map<std::string, int> running_;  // per id of a job
  std::vector<std::unique_ptr<Thread>> calls_;
};

}  // namespace hull::simulation
