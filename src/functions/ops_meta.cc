#include "functions/ops_meta.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "functions/function_handles.h"
#include "functions/transaction_call.h"

namespace hull {

namespace {

Error not_available(std::string_view what) {
  return Error::bad_request("NotAvailable",
                            std::string(what) + " is not available in this version of Hull yet");
}

Result<std::string> request_metadata(const MetaContext& context) {
  if (context.type == UdfType::kQuery) {
    return Error::bad_request("RequestMetadataNotAllowed", "Cannot get request metadata in a Query");
  }
  auto or_null = [](const std::string& text) {
    return text.empty() ? std::string("null") : json_string(text);
  };
  const RequestContext& request = context.call->context;
  return fmt::format(R"({{"ip":{},"userAgent":{},"requestId":{},"scheduledFunctionId":{},"authToken":{}}})",
                     or_null(request.client_ip), or_null(request.user_agent), json_string(request.request_id),
                     or_null(request.scheduled_job.value_or("")),
                     or_null(context.call->identity->user_token()));
}

std::optional<std::string_view> unbuilt(std::string_view name, UdfType type) {
  bool action = type == UdfType::kAction || type == UdfType::kHttpAction;
  if (action && name == "1.0/actions/vectorSearch") return "Vector search";
  return std::nullopt;
}

}  // namespace

std::optional<Result<std::string>> shared_op(const MetaContext& context, std::string_view name) {
  if (name == "1.0/getFunctionMetadata") {
    return R"({"name":)" + json_string(context.path->display()) + R"(,"componentPath":""})";
  }
  if (name == "1.0/getDeploymentMetadata") {
    return R"({"name":)" + json_string(context.instance_name) + R"(,"region":null,"class":"s16"})";
  }
  if (name == "1.0/getRequestMetadata") return request_metadata(context);
  if (name == "1.0/componentArgument") {
    return Error::bad_request("NoComponentArgs", "Component arguments are not available within the app");
  }
  if (name == "1.0/auditLog") {
    if (context.type == UdfType::kQuery || context.type == UdfType::kMutation) return std::string("null");
    return Error::bad_request("AuditLogNotSupportedInAction",
                              "Audit logging is not yet supported in actions");
  }
  if (auto what = unbuilt(name, context.type)) return not_available(*what);
  return std::nullopt;
}

std::optional<Result<std::string>> TransactionCall::meta_op(Level& level, const wire::Op& op) {
  const std::string& name = op.name();
  if (name == "1.0/getUserIdentity") {
    outcome_.observed_identity = true;
    return call_.identity->user_json();
  }
  if (name == "1.0/getTransactionMetrics") return op_metrics(level);
  if (name == "1.0/getSnapshotTs") {
    outcome_.observed_time = true;
    return to_json(Value::int64(level.transaction->snapshot()->ts().ns));
  }
  if (name == "1.0/createFunctionHandle") return create_function_handle(*level.transaction, op.args_json());
  MetaContext context{&call_, &level.path, level.type, settings_.instance_name};
  return shared_op(context, name);
}

Result<std::string> TransactionCall::op_metrics(Level& level) {
  const TransactionUsage& usage = level.transaction->usage();
  const TransactionLimits& limits = level.transaction->limits();
  std::string out = "{";
  auto add = [&out](std::string_view name, size_t used, size_t limit) {
    if (out.size() > 1) out += ',';
    out += fmt::format(R"("{}":{{"used":{},"remaining":{}}})", name, used, limit - std::min(used, limit));
  };
  add("bytesRead", usage.bytes_read, limits.bytes_read);
  add("bytesWritten", usage.bytes_written, limits.bytes_written);
  add("databaseQueries", level.transaction->reads().user_intervals(), limits.intervals);
  add("documentsRead", usage.documents_read, limits.documents_read);
  add("documentsWritten", usage.documents_written, limits.documents_written);
  add("functionsScheduled", usage.jobs_scheduled, limits.jobs_scheduled);
  add("scheduledFunctionArgsBytes", usage.job_args_bytes, limits.job_args_bytes);
  add("filesWritten", files_.written, 1000);
  add("fileWriteBytes", files_.bytes_written, 1 << 24);
  add("filesRead", files_.read, 1000);
  add("fileReadBytes", files_.bytes_read, 1 << 24);
  return out + "}";
}

}  // namespace hull
