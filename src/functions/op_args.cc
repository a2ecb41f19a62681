#include "functions/op_args.h"

#include <cmath>

#include "functions/function_handles.h"
#include "functions/lookup.h"

namespace hull {

namespace {

constexpr std::string_view kFunctionReference = "_reference/function/";

}  // namespace

Result<OpArgs> OpArgs::parse(std::string_view json, std::string_view method) {
  OpArgs args;
  args.method_ = method;
  auto members = split_json_object(json);
  if (!members.ok()) {
    return Error::bad_request("SyscallArgsInvalidJson", "Received invalid json: " + members.error().message);
  }
  args.members_ = *std::move(members);
  return args;
}

Error OpArgs::invalid(std::string_view cause) const {
  return Error::bad_request("InvalidArgument",
                            "Invalid arguments for `" + method_ + "`: " + std::string(cause));
}

Error OpArgs::invalid(std::string_view argument, std::string_view cause) const {
  return Error::bad_request("InvalidArgument", argument_error(argument, method_, cause));
}

std::optional<std::string_view> OpArgs::raw(std::string_view name) const {
  for (const auto& [member, json] : members_) {
    if (member == name) return json == "null" ? std::nullopt : std::optional<std::string_view>(json);
  }
  return std::nullopt;
}

Result<std::optional<std::string>> OpArgs::optional_string(std::string_view name) const {
  auto json = raw(name);
  if (!json) return std::optional<std::string>();
  auto value = parse_plain_json(*json);
  if (!value.ok() || !value->view().is_string())
    return invalid("`" + std::string(name) + "` must be a string");
  return std::optional<std::string>(value->view().as_string());
}

Result<std::string> OpArgs::string(std::string_view name) const {
  HULL_TRY(auto text, optional_string(name));
  if (!text) return invalid("missing field `" + std::string(name) + "`");
  return *std::move(text);
}

Result<std::optional<size_t>> OpArgs::optional_count(std::string_view name) const {
  auto json = raw(name);
  if (!json) return std::optional<size_t>();
  double n = number(name, -1);
  if (n < 0 || n != std::floor(n) || n > 9007199254740992.0) {
    return invalid("`" + std::string(name) + "` must be a non-negative integer");
  }
  return std::optional<size_t>(static_cast<size_t>(n));
}

Result<size_t> OpArgs::count(std::string_view name) const {
  HULL_TRY(auto n, optional_count(name));
  if (!n) return invalid("missing field `" + std::string(name) + "`");
  return *n;
}

double OpArgs::number(std::string_view name, double otherwise) const {
  auto json = raw(name);
  if (!json) return otherwise;
  auto value = parse_plain_json(*json);
  if (!value.ok() || !value->view().is_float64()) return otherwise;
  return value->view().as_float64();
}

Result<Value> OpArgs::value(std::string_view name, JsonParseOptions options) const {
  auto json = raw(name);
  auto value = parse_convex_json(json.value_or("null"), options);
  if (!value.ok()) return invalid(name, value.error().message);
  return value;
}

Result<TransactionBudget> OpArgs::transaction_budget(std::string_view name) const {
  TransactionBudget budget;
  auto json = raw(name);
  if (!json) return budget;
  auto limits = OpArgs::parse(*json, method_);
  if (!limits.ok()) return invalid("`" + std::string(name) + "` must be an object");
  HULL_TRY(budget.documents_read, limits->optional_count("documentsRead"));
  HULL_TRY(budget.bytes_read, limits->optional_count("bytesRead"));
  HULL_TRY(budget.intervals, limits->optional_count("databaseQueries"));
  HULL_TRY(budget.documents_written, limits->optional_count("documentsWritten"));
  HULL_TRY(budget.bytes_written, limits->optional_count("bytesWritten"));
  HULL_TRY(budget.jobs_scheduled, limits->optional_count("functionsScheduled"));
  HULL_TRY(budget.job_args_bytes, limits->optional_count("scheduledFunctionArgsBytes"));
  for (std::string_view uncounted : {"filesWritten", "fileWriteBytes", "filesRead", "fileReadBytes"}) {
    HULL_CHECK_OK(limits->optional_count(uncounted));
  }
  return budget;
}

Result<FunctionPath> OpArgs::address(Transaction& transaction) const {
  HULL_TRY(auto handle, optional_string("functionHandle"));
  if (handle) return resolve_function_handle(transaction, *handle, method_);
  HULL_TRY(auto name, optional_string("name"));
  if (name) {
    auto path = FunctionPath::parse(*name);
    if (!path.ok()) return invalid("name", path.error().message);
    return path;
  }
  HULL_TRY(auto reference, optional_string("reference"));
  if (!reference) return invalid("Missing required argument 'name'");
  std::string_view text = *reference;
  if (text.starts_with(kFunctionReference)) {
    auto path = FunctionPath::parse(text.substr(kFunctionReference.size()));
    if (!path.ok()) return Error::bad_request("InvalidReference", "Invalid reference: " + *reference);
    return path;
  }
  if (text.starts_with("_reference/componentArgument/")) {
    return Error::bad_request("InvalidReference", "Can't use an argument reference in the app");
  }
  if (text.starts_with("_reference/childComponent/")) {
    std::string_view child = text.substr(std::string_view("_reference/childComponent/").size());
    return Error::bad_request(
        "InvalidReference",
        "Child component \"" + std::string(child.substr(0, child.find('/'))) + "\" not found");
  }
  return Error::bad_request("InvalidReference", "Invalid reference: " + *reference);
}

}  // namespace hull
