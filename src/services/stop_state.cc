#include "services/stop_state.h"

#include "database/transact.h"
#include "services/audit_log.h"
#include "services/json_fields.h"

namespace hull {
namespace {

constexpr std::string_view kTable = "_backend_state";

Result<void> write(Transaction& transaction, const StopState& state) {
  auto rows = transaction.system_rows(kTable);
  if (!rows.empty()) return transaction.system_replace(rows.front()->id, state.row());
  auto id = transaction.system_insert(kTable, state.row());
  if (!id.ok()) return std::move(id).error();
  return {};
}

Value no_metadata() { return ValueBuilder().begin_object().end().finish(); }

}  // namespace

std::string_view StopState::summary() const {
  for (const std::string* each : {&system, &usage_limit, &user}) {
    if (*each != "none") return *each;
  }
  return "running";
}

Value StopState::row() const {
  ValueBuilder b;
  b.begin_object();
  b.key("system").string(system);
  b.key("usage_limit").string(usage_limit);
  b.key("user").string(user);
  b.end();
  return b.finish();
}

StopState StopState::of(const Catalog& catalog) {
  StopState state;
  for (const DocumentPtr& row : catalog.system_rows(kTable)) {
    auto read = [&row](std::string_view name, std::string& into) {
      std::string text = json::text_or_empty(row->value, name);
      if (!text.empty()) into = std::move(text);
    };
    read("system", state.system);
    read("usage_limit", state.usage_limit);
    read("user", state.user);
  }
  return state;
}

Result<void> pause_deployment(FunctionRunner& runner, const Knobs& knobs) {
  auto done =
      transact(runner.engine(), knobs, "_system/pause_deployment", [](Transaction& t) -> Result<void> {
        t.depend_on_system_table(kTable);
        StopState state = StopState::of(t.catalog());
        if (state.user == "paused") return {};
        state.user = "paused";
        HULL_CHECK_OK(write(t, state));
        return append_audit_row(t, "pause_deployment", no_metadata());
      });
  if (!done.ok()) return std::move(done).error();
  return {};
}

Result<void> unpause_deployment(FunctionRunner& runner, const Knobs& knobs) {
  auto done =
      transact(runner.engine(), knobs, "_system/unpause_deployment", [](Transaction& t) -> Result<void> {
        t.depend_on_system_table(kTable);
        StopState state = StopState::of(t.catalog());
        if (state.user != "paused") {
          return Error::bad_request("UnpauseDeploymentFailed", "Deployment is not currently paused.");
        }
        state.user = "none";
        HULL_CHECK_OK(write(t, state));
        return append_audit_row(t, "unpause_deployment", no_metadata());
      });
  if (!done.ok()) return std::move(done).error();
  return {};
}

Result<void> stop_for_usage(FunctionRunner& runner, const Knobs& knobs, bool stop) {
  auto done = transact(runner.engine(), knobs, "_system/usage_limit", [stop](Transaction& t) -> Result<void> {
    t.depend_on_system_table(kTable);
    StopState state = StopState::of(t.catalog());
    StopState next = state;
    next.usage_limit = stop ? "disabled" : "none";
    if (next == state) return {};
    HULL_CHECK_OK(write(t, next));
    ValueBuilder metadata;
    metadata.begin_object();
    metadata.key("old_state").string(state.usage_limit);
    metadata.key("new_state").string(next.usage_limit);
    metadata.end();
    return append_audit_row(t, "change_usage_limit_stop_state", metadata.finish());
  });
  if (!done.ok()) return std::move(done).error();
  return {};
}

}  // namespace hull
