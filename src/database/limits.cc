#include "database/limits.h"

#include <algorithm>

#include "value/value.h"

namespace hull {
namespace {

constexpr std::string_view kHelp =
    "Consider using smaller limits in your queries, paginating your queries, or using indexed queries with a "
    "selective index range expressions.";

Error read_limit(std::string_view code, std::string_view what, size_t limit, std::string_view unit) {
  return Error::limit(code, "Too many " + std::string(what) + " in a single function execution (limit: " +
                                std::to_string(limit) + std::string(unit) + "). " + std::string(kHelp));
}

bool above_four_fifths(size_t actual, size_t limit) {
  return actual <= limit && static_cast<double>(actual) > 0.8 * static_cast<double>(limit);
}

LimitWarning near_limit(std::string_view code, std::string_view message, size_t actual, size_t limit,
                        std::string_view unit, std::string_view help) {
  std::string text(message);
  text += " (actual: " + std::to_string(actual);
  text += unit;
  text += ", limit: " + std::to_string(limit);
  text += unit;
  text += ").";
  text += help;
  return {std::string(code), std::move(text)};
}

}  // namespace

TransactionLimits TransactionLimits::of(const Knobs& knobs) {
  return {knobs.max_documents_read,    knobs.max_bytes_read,    knobs.max_read_intervals,
          knobs.max_documents_written, knobs.max_bytes_written, knobs.max_jobs_scheduled,
          knobs.max_job_args_bytes};
}

TransactionLimits narrowed(const TransactionLimits& limits, const TransactionUsage& usage, size_t intervals,
                           const TransactionBudget& budget) {
  auto lower = [](size_t limit, size_t used, const std::optional<size_t>& more) {
    return more ? std::min(limit, used + *more) : limit;
  };
  return {lower(limits.documents_read, usage.documents_read, budget.documents_read),
          lower(limits.bytes_read, usage.bytes_read, budget.bytes_read),
          lower(limits.intervals, intervals, budget.intervals),
          lower(limits.documents_written, usage.documents_written, budget.documents_written),
          lower(limits.bytes_written, usage.bytes_written, budget.bytes_written),
          lower(limits.jobs_scheduled, usage.jobs_scheduled, budget.jobs_scheduled),
          lower(limits.job_args_bytes, usage.job_args_bytes, budget.job_args_bytes)};
}

Result<void> check_read_limits(const TransactionUsage& usage, size_t intervals,
                               const TransactionLimits& limits) {
  if (usage.documents_read > limits.documents_read)
    return read_limit("TooManyDocumentsRead", "documents read", limits.documents_read, "");
  if (usage.bytes_read > limits.bytes_read)
    return read_limit("TooManyBytesRead", "bytes read", limits.bytes_read, " bytes");
  if (intervals > limits.intervals) return read_limit("TooManyReads", "reads", limits.intervals, "");
  return {};
}

Result<void> check_write_limits(const TransactionUsage& usage, const TransactionLimits& limits) {
  if (usage.documents_written > limits.documents_written)
    return Error::limit("TooManyWrites", "Too many writes in a single function execution (limit: " +
                                             std::to_string(limits.documents_written) + ")");
  if (usage.bytes_written > limits.bytes_written)
    return Error::limit("TooManyBytesWritten",
                        "Too many bytes written in a single function execution (limit: " +
                            display_bytes(limits.bytes_written) + ")");
  return {};
}

Result<void> check_job_limits(const TransactionUsage& usage, const TransactionLimits& limits) {
  if (usage.jobs_scheduled > limits.jobs_scheduled)
    return Error::limit("TooManyFunctionsScheduled",
                        "Too many functions scheduled by this mutation (limit: " +
                            std::to_string(limits.jobs_scheduled) + ")");
  if (usage.job_args_bytes > limits.job_args_bytes)
    return Error::limit("ScheduledFunctionsArgumentsTooLarge",
                        "Too large total size of the arguments of scheduled functions from this mutation "
                        "(limit: " +
                            std::to_string(limits.job_args_bytes) + " bytes)");
  return {};
}

void add_limit_warnings(const TransactionUsage& usage, size_t intervals, const TransactionLimits& limits,
                        std::vector<LimitWarning>& warnings) {
  const std::string help = " " + std::string(kHelp);
  auto check = [&](std::string_view code, std::string_view what, size_t actual, size_t limit,
                   std::string_view unit, std::string_view advice) {
    if (!above_four_fifths(actual, limit)) return;
    warnings.push_back(
        near_limit(code, std::string(what) + " in a single function execution", actual, limit, unit, advice));
  };
  check("TooManyDocumentsRead", "Many documents read", usage.documents_read, limits.documents_read, "", help);
  if (intervals > 0 && intervals <= limits.intervals &&
      static_cast<double>(intervals) >= 0.75 * static_cast<double>(limits.intervals)) {
    warnings.push_back(near_limit("TooManyReads", "Many reads in a single function execution", intervals,
                                  limits.intervals, "", help));
  }
  check("TooManyBytesRead", "Many bytes read", usage.bytes_read, limits.bytes_read, " bytes", help);
  check("TooManyWrites", "Many writes", usage.documents_written, limits.documents_written, "", "");
  check("TooManyBytesWritten", "Many bytes written", usage.bytes_written, limits.bytes_written, " bytes", "");
  auto check_jobs = [&](std::string_view code, std::string_view what, size_t actual, size_t limit,
                        std::string_view unit) {
    if (above_four_fifths(actual, limit)) warnings.push_back(near_limit(code, what, actual, limit, unit, ""));
  };
  check_jobs("TooManyFunctionsScheduled", "Many functions scheduled by this mutation", usage.jobs_scheduled,
             limits.jobs_scheduled, "");
  check_jobs("ScheduledFunctionsArgumentsTooLarge",
             "Large total size of the arguments of scheduled functions from this mutation",
             usage.job_args_bytes, limits.job_args_bytes, " bytes");
}

bool document_is_near_limits(size_t size, size_t levels) {
  return above_four_fifths(size, kMaxDocumentSize) || above_four_fifths(levels, kMaxDocumentNesting);
}

void add_document_warnings(std::string_view id, size_t size, size_t levels,
                           std::vector<LimitWarning>& warnings) {
  const std::string name = " document written with ID \"" + std::string(id) + "\"";
  if (above_four_fifths(size, kMaxDocumentSize))
    warnings.push_back(
        near_limit("ValueTooLargeError", "Large" + name, size, kMaxDocumentSize, " bytes", ""));
  if (above_four_fifths(levels, kMaxDocumentNesting))
    warnings.push_back(
        near_limit("TooNested", "Deeply nested" + name, levels, kMaxDocumentNesting, " levels", ""));
}

}  // namespace hull
