#include "database/transaction.h"
#include "database/virtual_tables.h"
#include "value/json.h"

namespace hull {
namespace {

double to_millis(int64_t ns) {
  return static_cast<double>(ns / 1'000'000) + static_cast<double>(ns % 1'000'000) / 1e6;
}

Result<Value> read_args(Transaction& transaction, ValueView row) {
  auto args_id = row.find("argsId");
  if (!args_id || !args_id->is_string()) return Error::internal("malformed _scheduled_jobs row");
  HULL_TRY(DocumentId id, DocumentId::parse(args_id->as_string()));
  HULL_TRY(DocumentPtr stored, transaction.system_get(id));
  auto args = stored ? stored->value->find("args") : std::nullopt;
  if (!args || !args->is_bytes()) return Error::internal("a scheduled job without arguments");
  return parse_convex_json(args->as_string());
}

}  // namespace

Result<DocumentPtr> show_scheduled_job(Transaction& transaction, const DocumentPtr& row) {
  ValueView job = row->value;
  auto path = job.find("udfPath"), scheduled = job.find("originalScheduledTs"), state = job.find("state");
  auto completed = job.find("completedTs");
  auto type = state ? state->find("type") : std::nullopt;
  if (!path || !scheduled || !scheduled->is_int64() || !type) {
    return Error::internal("malformed _scheduled_jobs row");
  }
  HULL_TRY(Value args, read_args(transaction, job));
  ValueBuilder shown;
  shown.begin_object();
  shown.key("_id").value(*job.find("_id"));
  shown.key("_creationTime").value(*job.find("_creationTime"));
  shown.key("name").value(*path);
  shown.key("args").value(args);
  shown.key("scheduledTime").float64(to_millis(scheduled->as_int64()));
  if (completed && completed->is_int64())
    shown.key("completedTime").float64(to_millis(completed->as_int64()));
  shown.key("state").begin_object().key("kind").value(*type);
  if (auto error = state->find("error")) shown.key("error").value(*error);
  shown.end().end();
  return std::make_shared<const Document>(Document{row->id, row->tablet, row->ts, shown.finish()});
}

}  // namespace hull
