#include "deploy/cron_rows.h"

#include <algorithm>
#include <map>

#include "services/cron_schedule.h"
#include "services/cron_tables.h"
#include "services/json_fields.h"

namespace hull {
namespace {

// A job that runs again within this time keeps its next run when its schedule changes: the push would
// conflict with its runs.
constexpr int64_t kHotNs = 30'000'000'000;

Result<void> add_job(Transaction& transaction, const CronSpec& spec, const CronSchedule& schedule,
                     int64_t now_ns) {
  HULL_TRY(DocumentId id, transaction.system_insert("_cron_jobs", spec.row()));
  CronNextRun run;
  run.cron_job = id.text();
  run.next_ts = schedule.first(now_ns);
  HULL_TRY([[maybe_unused]] auto run_id, transaction.system_insert(kCronNextRun, run.row()));
  return {};
}

Result<void> reschedule(Transaction& transaction, const Document& job, const CronSchedule& schedule,
                        int64_t now_ns, double splay_s) {
  HULL_TRY(DocumentPtr row, find_cron_next_run(transaction, job.id.text()));
  CronNextRun run;
  run.cron_job = job.id.text();
  if (row) {
    HULL_TRY(auto stored, CronNextRun::from_row(row->value));
    HULL_TRY(auto old, CronSpec::from_row(job.value));
    HULL_TRY(auto old_schedule, CronSchedule::parse(old.schedule, splay_s));
    if (old_schedule.after(stored.next_ts, stored.next_ts).ts - now_ns <= kHotNs) return {};
    run.previous_ts = stored.previous_ts;
  }
  run.next_ts = schedule.first(now_ns);
  if (row) return transaction.system_replace(row->id, run.row());
  HULL_TRY([[maybe_unused]] auto id, transaction.system_insert(kCronNextRun, run.row()));
  return {};
}

Result<void> remove_job(Transaction& transaction, const Document& job, const std::string& name) {
  HULL_TRY(DocumentPtr run, find_cron_next_run(transaction, job.id.text()));
  if (run) HULL_CHECK_OK(transaction.system_remove(run->id));
  HULL_CHECK_OK(remove_cron_logs(transaction, name));
  return transaction.system_remove(job.id);
}

}  // namespace

Result<CronDiff> write_crons(Transaction& transaction, const std::vector<CronSpec>& specs, int64_t now_ns,
                             double splay_s) {
  CronDiff diff;
  std::map<std::string, DocumentPtr> jobs;
  for (const auto& row : transaction.system_rows("_cron_jobs"))
    jobs[json::text_or_empty(row->value, "name")] = row;
  for (const CronSpec& spec : specs) {
    HULL_TRY(auto schedule, CronSchedule::parse(spec.schedule, splay_s));
    auto job = jobs.find(spec.identifier);
    if (job == jobs.end()) {
      diff.added.push_back(spec.identifier);
      HULL_CHECK_OK(add_job(transaction, spec, schedule, now_ns));
      continue;
    }
    const Value fields = spec.row();
    const Document& stored = *job->second;
    auto stored_spec = stored.value->find("cronSpec");
    if (!stored_spec || !equal(*stored_spec, *fields->find("cronSpec"))) {
      diff.updated.push_back(spec.identifier);
      auto stored_schedule = stored.value->find_path({"cronSpec", "cronSchedule"});
      if (!stored_schedule || !equal(*stored_schedule, spec.schedule))
        HULL_CHECK_OK(reschedule(transaction, stored, schedule, now_ns, splay_s));
      HULL_CHECK_OK(transaction.system_replace(stored.id, fields));
    }
    jobs.erase(job);
  }
  for (const auto& [name, job] : jobs) {
    diff.deleted.push_back(name);
    HULL_CHECK_OK(remove_job(transaction, *job, name));
  }
  std::sort(diff.added.begin(), diff.added.end());
  std::sort(diff.updated.begin(), diff.updated.end());
  return diff;
}

}  // namespace hull
