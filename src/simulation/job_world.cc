#include "simulation/job_world.h"

#include <algorithm>

#include "functions/lookup.h"
#include "functions/stopped_text.h"
#include "value/json.h"

namespace hull::simulation {
namespace {

constexpr int64_t kMilli = 1'000'000;
constexpr int64_t kSecond = 1000 * kMilli;
constexpr size_t kAttempts = 3;

Value effect_of(const std::string& job) {
  ValueBuilder b;
  return b.begin_object().key("job").string(job).end().finish();
}

FunctionResult failed(std::string text) {
  FunctionResult result;
  result.error = FunctionError{std::move(text), std::nullopt};
  return result;
}
FunctionResult system_failure(Error error) {
  FunctionResult result;
  result.system_error = std::move(error);
  return result;
}

}  // namespace

Transaction::Options JobWorld::options() const {
  Transaction::Options options;
  options.writable = true;
  options.knobs = &knobs;
  options.now_ms = env.unix_millis();
  return options;
}

std::optional<Timestamp> JobWorld::commit(Transaction& transaction, bool* conflict) {
  struct Waiting {
    std::shared_ptr<Event> answered;
    CommitOutcome outcome;
  };
  auto waiting = std::make_shared<Waiting>();
  waiting->answered = env.make_event();
  engine->submit(transaction.commit_request("simulation"), [waiting](CommitOutcome outcome) {
    waiting->outcome = std::move(outcome);
    waiting->answered->notify();
  });
  waiting->answered->wait();
  if (conflict) *conflict = waiting->outcome.conflict.has_value();
  return waiting->outcome.ts;
}

void JobWorld::set_paused(bool paused) {
  Transaction::Options how = options();
  how.access = TableAccess::kSystem;
  Transaction transaction(engine->snapshot(), how);
  ValueBuilder b;
  b.begin_object().key("system").string("none").key("usage_limit").string("none");
  b.key("user").string(paused ? "paused" : "none").end();
  const Value row = b.finish();
  auto rows = transaction.system_rows("_backend_state");
  const bool written = rows.empty() ? transaction.system_insert("_backend_state", row).ok()
                                    : transaction.system_replace(rows.front()->id, row).ok();
  if (written) commit(transaction);
}

Result<std::string> JobWorld::schedule(Transaction& transaction, SimRandom& random,
                                       const std::optional<std::string>& parent) {
  static const std::vector<std::string> kNames{"jobs:mutation", "jobs:mutation", "jobs:action",
                                               "jobs:action",   "jobs:mutation", "jobs:query"};
  JobRequest request;
  request.path = *FunctionPath::parse(kNames[random.below(kNames.size())]);
  ValueBuilder args;
  args.begin_array().begin_object().end().end();
  request.args = args.finish();
  const int64_t now = env.unix_nanos();
  request.at = now + (random.chance(0.3) ? -kSecond : random.magnitude(5 * kSecond));
  HULL_TRY(DocumentId id, insert_job(transaction, request, parent, now));
  return id.text();
}

Result<UdfType> SimJobRunner::kind(const FunctionPath& path) {
  if (path.name == "mutation") return UdfType::kMutation;
  if (path.name == "action") return UdfType::kAction;
  return UdfType::kQuery;
}

std::optional<std::string> SimJobRunner::stopped() {
  return stopped_text(*world_.engine->snapshot()->catalog());
}

void SimJobRunner::note_start(const FunctionCall& call) {
  const std::string& job = *call.context.scheduled_job;
  SnapshotPtr snapshot = world_.engine->snapshot();
  auto id = DocumentId::parse(job);
  auto row = snapshot->get(snapshot->catalog()->table(id->table)->tablet, id->internal);
  if (!row.ok() || !*row) return;
  auto parsed = ScheduledJob::parse(**row);
  const int64_t now = std::max(world_.latest_wall_clock, world_.env.unix_nanos());
  if (parsed.ok() && parsed->original_ts > now) world_.fail(job + " starts before its time");
}

void SimJobRunner::mutation(FunctionCall call, MutationFrame frame, FunctionCallback done) {
  note_start(call);
  threads_.push_back(world_.env.start_thread(
      "mutation", [this, call = std::move(call), frame = std::move(frame), done = std::move(done),
                   random = random_.fork()] { done(run_mutation(call, frame, random)); }));
}

void SimJobRunner::action(FunctionCall call, FunctionCallback done) {
  if (stopped()) return done(failed(std::string(kStoppedText) + "\n"));
  note_start(call);
  const std::string& job = *call.context.scheduled_job;
  if (++world_.action_starts[job] > 1) world_.fail("the action of " + job + " starts twice");
  threads_.push_back(
      world_.env.start_thread("action", [this, call = std::move(call), done = std::move(done),
                                         random = random_.fork()] { done(run_action(call, random)); }));
}

FunctionResult SimJobRunner::run_mutation(const FunctionCall& call, const MutationFrame& frame,
                                          SimRandom random) {
  const std::string& job = *call.context.scheduled_job;
  for (size_t attempt = 0; attempt < kAttempts; ++attempt) {
    Transaction transaction(world_.engine->snapshot(), world_.options());
    transaction.depend_on_system_table("_backend_state");
    auto wanted = frame.before(transaction);
    if (!wanted.ok()) return system_failure(wanted.error());
    if (!*wanted) {
      FunctionResult skipped;
      skipped.skipped = true;
      return skipped;
    }
    if (stopped_text(transaction.catalog())) return failed(std::string(kStoppedText) + "\n");
    world_.env.sleep(random.magnitude(300 * kMilli));
    if (random.chance(0.1)) return failed("thrown\n");
    if (random.chance(0.1)) return system_failure(Error::internal("simulated"));
    auto inserted = transaction.insert("effects", effect_of(job));
    if (!inserted.ok()) return system_failure(inserted.error());
    if (random.chance(0.2)) {
      auto child = world_.schedule(transaction, random, job);
      if (!child.ok()) return system_failure(child.error());
    }
    auto after = frame.after(transaction, Value(), {});
    if (!after.ok()) return system_failure(after.error());
    bool conflict = false;
    if (world_.commit(transaction, &conflict)) {
      FunctionResult result;
      result.value = Value();
      return result;
    }
    if (!conflict) return system_failure(Error::internal("the commit failed"));
    ++world_.retries;
  }
  Error error = Error::internal("conflicts");
  error.kind = ErrorKind::kOcc;
  return system_failure(std::move(error));
}

FunctionResult SimJobRunner::run_action(const FunctionCall& call, SimRandom random) {
  const std::string& job = *call.context.scheduled_job;
  world_.env.sleep(random.magnitude(2 * kSecond));
  if (random.chance(0.1)) return failed("thrown\n");
  Transaction transaction(world_.engine->snapshot(), world_.options());
  auto inserted = transaction.insert("effects", effect_of(job));
  auto child = world_.schedule(transaction, random, job);
  if (!inserted.ok() || !child.ok() || !world_.commit(transaction)) return failed("not stored\n");
  world_.env.sleep(random.magnitude(kSecond));
  FunctionResult result;
  result.value = Value();
  return result;
}

}  // namespace hull::simulation
