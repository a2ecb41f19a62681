#include "services/cron_tables.h"

#include "database/metadata_keys.h"
#include "services/json_fields.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr size_t kMaxResultBytes = 1000, kMaxLogBytes = 1000;

// The longest start of at most `bytes` bytes that ends between two characters.
std::string_view cut(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

void put_lines(ValueBuilder& b, const std::vector<LogLine>* lines) {
  bool truncated = false;
  size_t left = kMaxLogBytes;
  b.begin_object().key("logLines").begin_array();
  for (size_t i = 0; lines && i < lines->size() && !truncated; ++i) {
    const std::string text = (*lines)[i].pretty();
    const std::string_view kept = cut(text, left);
    truncated = kept.size() < text.size();
    left -= kept.size();
    if (!kept.empty() || !truncated) b.string(kept);
  }
  b.end().key("isTruncated").boolean(truncated).end();
}

Value log_row(const CronSpec& cron, const CronLog& log) {
  ValueBuilder b;
  b.begin_object();
  b.key("name").string(cron.identifier);
  b.key("ts").int64(log.ts);
  b.key("udfPath").string(cron.udf_path);
  b.key("udfArgs").bytes(cron.args_json);
  b.key("status").value(log.status);
  put_lines(b.key("logLines"), log.lines);
  b.key("executionTime").float64(log.execution_s);
  b.end();
  return b.finish();
}

}  // namespace

Value CronNextRun::row() const {
  ValueBuilder b;
  b.begin_object();
  b.key("cronJobId").string(cron_job);
  b.key("state").begin_object().key("type").string(running ? "inProgress" : "pending");
  if (running)
    b.key("request_id").string(running->request_id).key("execution_id").string(running->execution_id);
  b.end();
  b.key("prevTs");
  if (previous_ts)
    b.int64(*previous_ts);
  else
    b.null();
  b.key("nextTs").int64(next_ts);
  b.end();
  return b.finish();
}

Result<CronNextRun> CronNextRun::from_row(ValueView row) {
  auto next = row.find("nextTs"), previous = row.find("prevTs"), state = row.find("state");
  if (!next || !next->is_int64() || !state) return Error::internal("malformed _cron_next_run row");
  CronNextRun run;
  run.cron_job = json::text_or_empty(row, "cronJobId");
  if (json::text_or_empty(*state, "type") == "inProgress")
    run.running = {json::text_or_empty(*state, "request_id"), json::text_or_empty(*state, "execution_id")};
  if (previous && previous->is_int64()) run.previous_ts = previous->as_int64();
  run.next_ts = next->as_int64();
  return run;
}

Result<DocumentPtr> find_cron_next_run(Transaction& transaction, std::string_view cron_job) {
  return transaction.system_find(kCronNextRun, "by_cron_job", {Value::string(cron_job)});
}

Value CronStatus::success(ValueView result) {
  const std::string json = to_json(result);
  const bool whole = json.size() <= kMaxResultBytes;
  ValueBuilder b;
  b.begin_object().key("type").string("success").key("result").begin_object();
  b.key("type").string(whole ? "default" : "truncated");
  b.key(whole ? "value" : "truncated_log").string(cut(json, kMaxResultBytes));
  b.end().end();
  return b.finish();
}

Value CronStatus::failure(std::string_view error) {
  ValueBuilder b;
  b.begin_object().key("type").string("err").key("error").string(error).end();
  return b.finish();
}

Value CronStatus::canceled(int64_t runs) {
  ValueBuilder b;
  b.begin_object().key("type").string("canceled").key("num_canceled").int64(runs).end();
  return b.finish();
}

Result<void> add_cron_logs(Transaction& transaction, const CronSpec& cron, const std::vector<CronLog>& logs) {
  // As they are without this transaction, and unrecorded: see the header.
  const TableInfo& table = *transaction.catalog().table(kCronJobLogs);
  HULL_TRY(auto older, transaction.snapshot()->scan(*table.find_index(kCronLogIndex),
                                                    prefix_interval({Value::string(cron.identifier)}),
                                                    Order::kAsc, 1000));
  for (size_t i = 0; i < older.size() && older.size() - i + logs.size() > kCronLogsKept; ++i)
    HULL_CHECK_OK(transaction.system_remove(older[i].document->id));
  for (const CronLog& log : logs) {
    HULL_TRY([[maybe_unused]] auto id, transaction.system_insert(kCronJobLogs, log_row(cron, log)));
  }
  return {};
}

Result<void> remove_cron_logs(Transaction& transaction, std::string_view name) {
  while (true) {
    HULL_TRY(DocumentPtr row, transaction.system_find(kCronJobLogs, kCronLogIndex, {Value::string(name)}));
    if (!row) return {};
    HULL_CHECK_OK(transaction.system_remove(row->id));
  }
}

}  // namespace hull
