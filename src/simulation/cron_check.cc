#include "simulation/cron_check.h"

#include <set>

#include "services/cron_expression.h"
#include "services/cron_tables.h"
#include "services/json_fields.h"
#include "value/json.h"

namespace hull::simulation {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

class CronCheck {
 public:
  CronCheck(History& history, const std::map<CronSlot, int>& effects)
      : history_(history), effects_(effects) {}

  CronCounts run() {
    for (const auto& [ts, writes] : history_.model().commits()) {
      ts_ = ts;
      Commit commit = sort(writes);
      for (const auto& [id, after] : commit.next_runs) next_run_changed(id, after, commit);
      counts_.pushes += !commit.jobs.empty();
      if (!commit.logs.empty())
        fail("a log row that belongs to no run: " + to_json(commit.logs.begin()->second));
      if (!commit.runs.empty()) fail("a mutation that belongs to no run");
      for (const auto& [id, job] : commit.jobs) set(jobs_, id, job);
      for (const auto& [id, run] : commit.next_runs) set(next_runs_, id, run);
      check_logs(writes);
    }
    for (const auto& [slot, count] : effects_)
      if (count > 1) fail("an action ran " + std::to_string(count) + " times for one run of " + slot.first);
    if (jobs_.size() != next_runs_.size()) fail("jobs and next runs do not match");
    return counts_;
  }

 private:
  using Rows = std::map<std::string, Value>;  // by document id
  using Changes = std::map<std::string, std::optional<Value>>;
  struct Commit {
    Changes jobs, next_runs;
    std::multimap<std::string, Value> logs;  // inserted ones, by name
    std::map<CronSlot, int> runs;
  };

  void fail(const std::string& what) { history_.fail("at " + std::to_string(ts_.ns) + ": " + what); }

  static void set(Rows& rows, const std::string& id, const std::optional<Value>& value) {
    rows.erase(id);
    if (value) rows.emplace(id, *value);
  }

  Commit sort(const ModelWrites& writes) const {
    Commit commit;
    for (const auto& [key, value] : writes) {
      auto in = [&, tablet = key.tablet](std::string_view table) {
        return tablet == Catalog::system_tablet(table);
      };
      const std::string id(key.id.view());
      if (in("_cron_jobs")) commit.jobs.emplace(id, value);
      if (in(kCronNextRun)) commit.next_runs.emplace(id, value);
      if (in(kCronJobLogs) && value) commit.logs.emplace(json::text_or_empty(*value, "name"), *value);
      if (auto due = value ? value->view().find("due") : std::nullopt; due && due->is_int64())
        ++commit.runs[{json::text_or_empty(*value, "job"), due->as_int64()}];
    }
    return commit;
  }

  void next_run_changed(const std::string& id, const std::optional<Value>& after_row, Commit& commit) {
    auto known = next_runs_.find(id);
    if (known == next_runs_.end()) {
      auto after = CronNextRun::from_row(*after_row);
      if (after->running || after->previous_ts) fail("a new job that is not pending");
      if (!pushed(after->cron_job, commit)) fail("a next run without a push");
      return;
    }
    auto before = CronNextRun::from_row(known->second);
    const bool by_push = pushed(before->cron_job, commit);
    if (!after_row) {
      if (!by_push) fail("a next run was removed without a push");
      return;
    }
    auto after = CronNextRun::from_row(*after_row);
    if (by_push) {
      if (after->running) fail("a push left a job in progress at a new time");
      return;
    }
    if (after->running) {
      if (before->running || after->next_ts != before->next_ts) fail("an action began in a wrong state");
      return;
    }
    const bool given_back =
        before->running && after->next_ts == before->next_ts && after->previous_ts == before->previous_ts;
    if (given_back) return;  // refused, since the deployment was paused; that it had no effect is seen later
    concluded(*before, *after, commit);
  }

  static std::string internal(const std::string& id) {
    return std::string(DocumentId::parse(id)->internal.view());
  }
  static bool pushed(const std::string& job, const Commit& commit) {
    return commit.jobs.contains(internal(job));
  }

  void concluded(const CronNextRun& before, const CronNextRun& after, Commit& commit) {
    auto job = jobs_.find(internal(before.cron_job));
    if (job == jobs_.end()) return fail("a run of a job that does not exist");
    auto spec = CronSpec::from_row(job->second);
    if (after.previous_ts != before.next_ts) fail("the run is not the one that was due");
    std::optional<Value> log;
    int64_t left_out = 0;
    auto [first, last] = commit.logs.equal_range(spec->identifier);
    for (auto row = first; row != last; ++row) {
      auto canceled = row->second->find_path({"status", "num_canceled"});
      if (canceled)
        left_out += canceled->as_int64();
      else if (log)
        fail("two log rows for one run");
      if (!canceled) log = row->second;
    }
    commit.logs.erase(first, last);
    if (!log || log->view().find("ts")->as_int64() != before.next_ts) return fail("no log row for a run");
    counts_.skipped += static_cast<uint64_t>(left_out);
    check_time(*spec, before.next_ts, after.next_ts, left_out);

    const std::string status = json::text_or_empty(*log->view().find("status"), "type");
    const CronSlot slot{before.cron_job, before.next_ts};
    const int writes = commit.runs[slot];
    commit.runs.erase(slot);
    if (before.running) {
      const std::string error = json::text_or_empty(*log->view().find("status"), "error");
      if (writes != 0) fail("a mutation in the run of an action");
      if (status == "success" && !effects_.contains(slot)) fail("an action succeeded that did not run");
      ++(error == "Transient error while executing action" ? counts_.lost_actions : counts_.actions);
    } else if (writes != (status == "success" ? 1 : 0)) {
      fail("a run of a mutation that says " + status + " has " + std::to_string(writes) + " writes");
    } else {
      ++(status == "success" ? counts_.mutations : counts_.failures);
    }
  }

  void check_time(const CronSpec& spec, int64_t due, int64_t next, int64_t left_out) {
    if (json::text_or_empty(spec.schedule, "type") == "interval") {
      const int64_t step = spec.schedule->find("seconds")->as_int64() * kSecond;
      if (next != due + (1 + left_out) * step)
        fail("an interval of " + std::to_string(step) + " went from " + std::to_string(due) + " to " +
             std::to_string(next) + " over " + std::to_string(left_out));
      return;
    }
    auto expression = CronExpression::parse(json::text_or_empty(spec.schedule, "cronExpr"));
    if (next <= due || left_out != 0 || expression->next(next / kSecond - 1) * kSecond != next)
      fail("a clock schedule went from " + std::to_string(due) + " to " + std::to_string(next));
  }

  // The logs that are kept at this commit.
  void check_logs(const ModelWrites& writes) {
    for (const auto& [key, value] : writes) {
      if (key.tablet != Catalog::system_tablet(kCronJobLogs)) continue;
      set(logs_, std::string(key.id.view()), value);
    }
    std::map<std::string, size_t> kept;
    for (const auto& [id, row] : logs_) ++kept[json::text_or_empty(row, "name")];
    std::set<std::string> names;
    for (const auto& [id, row] : jobs_) names.insert(json::text_or_empty(row, "name"));
    for (const auto& [name, count] : kept) {
      if (count > kCronLogsKept) fail("more logs than are to be kept");
      if (!names.contains(name)) fail("logs of a job that was removed");
    }
  }

  History& history_;
  const std::map<CronSlot, int>& effects_;
  Timestamp ts_;
  Rows jobs_, next_runs_, logs_;
  CronCounts counts_;
};

}  // namespace

CronCounts check_crons(History& history, const std::map<CronSlot, int>& effects) {
  return CronCheck(history, effects).run();
}

}  // namespace hull::simulation
