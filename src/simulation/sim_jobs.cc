#include "simulation/sim_jobs.h"

#include "database/maintenance_jobs.h"
#include "functions/lookup.h"
#include "services/cron_tables.h"
#include "services/json_fields.h"

namespace hull::simulation {
namespace {

constexpr size_t kAttempts = 4;

std::string name_of(const FunctionCall& call) {
  return json::text_or_empty(call.args.view().element(0), "name");
}

// The next run of the job of this name, and the job's id.
Result<std::optional<std::pair<std::string, CronNextRun>>> next_run(Transaction& transaction,
                                                                    const std::string& name) {
  std::optional<std::pair<std::string, CronNextRun>> out;
  for (const auto& job : transaction.catalog().system_rows("_cron_jobs")) {
    if (json::text_or_empty(job->value, "name") != name) continue;
    HULL_TRY(DocumentPtr row, find_cron_next_run(transaction, job->id.text()));
    if (!row) continue;
    HULL_TRY(auto next, CronNextRun::from_row(row->value));
    out.emplace(job->id.text(), std::move(next));
  }
  return out;
}

FunctionResult failed(Error error) {
  FunctionResult result;
  if (error.is_deterministic())
    result.error = host_error(error);
  else
    result.system_error = std::move(error);
  return result;
}

FunctionResult stopped_result(const Catalog& catalog) {
  return failed(Error::bad_request("DeploymentPaused", *stopped_text(catalog)));
}

}  // namespace

Result<UdfType> SimJobs::kind(const FunctionPath& path) {
  return path.name == "mutate" ? UdfType::kMutation : UdfType::kAction;
}

std::optional<std::string> SimJobs::stopped() { return stopped_text(*world_.engine->snapshot()->catalog()); }

void SimJobs::mutation(FunctionCall call, MutationFrame frame, FunctionCallback done) {
  start(call, std::move(done), [this, call, frame = std::move(frame), random = random_.fork()]() mutable {
    return run_mutation(call, frame, random);
  });
}

void SimJobs::action(FunctionCall call, FunctionCallback done) {
  start(call, std::move(done),
        [this, call, random = random_.fork()]() mutable { return run_action(call, random); });
}

void SimJobs::start(const FunctionCall& call, FunctionCallback done, std::function<FunctionResult()> body) {
  calls_.push_back(
      world_.env.start_thread(("call of " + name_of(call)).c_str(),
                              [done = std::move(done), body = std::move(body)] { done(body()); }));
}

std::shared_ptr<void> SimJobs::note_running(const std::string& job) {
  if (++running_[job] > 1) world_.history.fail("two runs of the cron job " + job + " at the same time");
  return {nullptr, [this, job](void*) { --running_[job]; }};
}

void SimJobs::work(SimRandom& random) {
  if (slowest_ns > 0) world_.env.sleep(random.chance(0.2) ? random.magnitude(slowest_ns) : 1'000'000);
}

FunctionResult SimJobs::run_mutation(const FunctionCall& call, const MutationFrame& frame,
                                     SimRandom& random) {
  for (size_t attempt = 0; attempt < kAttempts; ++attempt) {
    world_.env.pause("sim_jobs.mutation");
    Transaction tx(world_.engine->snapshot(), world_.options(true, TableAccess::kUser));
    tx.depend_on_system_table("_backend_state");
    auto wanted = frame.before(tx);
    if (!wanted.ok()) return failed(wanted.error());
    FunctionResult result;
    if (!*wanted) {
      result.skipped = true;
      return result;
    }
    if (stopped_text(tx.catalog())) return stopped_result(tx.catalog());
    auto run = next_run(tx, name_of(call));
    if (!run.ok()) return failed(run.error());
    if (!*run) return failed(Error::internal("a run of a job that does not exist"));
    const auto running = note_running((*run)->first);
    ValueBuilder row;
    row.begin_object().key("job").string((*run)->first).key("due").int64((*run)->second.next_ts).end();
    if (auto id = tx.insert("runs", row.finish()); !id.ok()) return failed(id.error());
    work(random);
    if (faulty && random.chance(0.1)) return failed(Error::bad_request("Boom", "boom"));
    if (faulty && random.chance(0.05)) return failed(Error::overloaded("Busy", "busy"));
    if (auto after = frame.after(tx, Value(), {}); !after.ok()) return failed(after.error());
    if (auto finished = tx.finish(); !finished.ok()) return failed(finished.error());
    auto committed = submit_and_wait(*world_.engine, tx.commit_request("jobs:mutate"));
    if (!committed.ok()) return failed(committed.error());
    if (!*committed) continue;
    result.value = Value();
    return result;
  }
  return failed({ErrorKind::kOcc, "OptimisticConcurrencyControlFailure", "conflicts", std::nullopt});
}

FunctionResult SimJobs::run_action(const FunctionCall& call, SimRandom& random) {
  Transaction tx(world_.engine->snapshot(), world_.options(false, TableAccess::kUser));
  if (stopped_text(tx.catalog())) return stopped_result(tx.catalog());
  auto run = next_run(tx, name_of(call));
  if (!run.ok()) return failed(run.error());
  // Unless a push has changed the job since.
  std::shared_ptr<void> running;
  if (*run && (*run)->second.running && (*run)->second.running->request_id == call.context.request_id) {
    running = note_running((*run)->first);
    ++effects_[{(*run)->first, (*run)->second.next_ts}];
  }
  work(random);
  if (faulty && random.chance(0.1)) return failed(Error::bad_request("Boom", "boom"));
  if (faulty && random.chance(0.05)) return failed(Error::overloaded("Busy", "busy"));
  FunctionResult result;
  result.value = Value();
  return result;
}

}  // namespace hull::simulation
