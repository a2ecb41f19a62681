#include "services/cron_run.h"

namespace hull {

Result<std::optional<CronRun>> CronRun::load(const Snapshot& snapshot, const Document& row) {
  CronRun run;
  HULL_TRY(DocumentPtr current, snapshot.get(row.tablet, row.id.internal));
  if (!current || !equal(current->value, row.value)) return std::optional<CronRun>();
  run.selected = row.value;
  run.id = row.id;
  HULL_TRY(run.next, CronNextRun::from_row(row.value));
  HULL_TRY(run.job_id, DocumentId::parse(run.next.cron_job));
  HULL_TRY(DocumentPtr job, snapshot.get(Catalog::system_tablet("_cron_jobs"), run.job_id.internal));
  if (!job) return Error::internal("a cron job without its row: " + run.job_id.text());
  run.job = job->value;
  HULL_TRY(run.spec, CronSpec::from_row(job->value));
  return std::optional(std::move(run));
}

Result<bool> CronRun::is_present(Transaction& transaction) const {
  HULL_TRY(DocumentPtr current, transaction.system_get(id));
  return current && equal(current->value, selected);
}

Result<bool> CronRun::holds(Transaction& transaction) const {
  HULL_TRY(DocumentPtr current_job, transaction.system_get(job_id));
  if (!current_job || !equal(current_job->value, job)) return false;
  return is_present(transaction);
}

Result<void> CronRun::begin(Transaction& transaction, CronNextRun::InProgress ids) {
  next.running = std::move(ids);
  const Value fields = next.row();
  HULL_CHECK_OK(transaction.system_replace(id, fields));
  HULL_TRY(DocumentPtr written, transaction.system_get(id));
  selected = written->value;
  return {};
}

Result<void> CronRun::give_back(Transaction& transaction) {
  next.running.reset();
  return transaction.system_replace(id, next.row());
}

Result<int64_t> CronRun::conclude(Transaction& transaction, const Outcome& outcome, int64_t now_ns,
                                  double splay_s) const {
  HULL_TRY(DocumentPtr current_job, transaction.system_get(job_id));
  if (!current_job) return Error::internal("a cron job without its row: " + job_id.text());
  HULL_TRY(auto current, CronSpec::from_row(current_job->value));
  HULL_TRY(auto schedule, CronSchedule::parse(current.schedule, splay_s));
  const CronSchedule::Next following = schedule.after(next.next_ts, now_ns);

  std::vector<CronLog> logs{{next.next_ts, outcome.status, outcome.lines, outcome.execution_s}};
  if (following.skipped > 0)
    logs.push_back({following.first_skipped_ts, CronStatus::canceled(following.skipped), nullptr, 0});
  HULL_CHECK_OK(add_cron_logs(transaction, spec, logs));

  CronNextRun row;
  row.cron_job = next.cron_job;
  row.previous_ts = next.next_ts;
  row.next_ts = following.ts;
  HULL_CHECK_OK(transaction.system_replace(id, row.row()));
  return following.skipped;
}

}  // namespace hull
