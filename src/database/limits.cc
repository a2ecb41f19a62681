#include "database/limits.h"

#include "database/transaction.h"
#include "value/value.h"

namespace hull {
namespace {

constexpr std::string_view kHelp =
    "Consider using smaller limits in your queries, paginating your queries, or using indexed queries with a "
    "selective "
    "index range expressions.";

Error read_limit(std::string_view code, std::string_view what, size_t limit, std::string_view unit) {
  return Error::limit(code, "Too many " + std::string(what) + " in a single function execution (limit: " +
                                std::to_string(limit) + std::string(unit) + "). " + std::string(kHelp));
}

}  // namespace

Result<void> check_read_limits(const TransactionUsage& usage, size_t intervals, const Knobs& knobs) {
  if (usage.documents_read > knobs.max_documents_read)
    return read_limit("TooManyDocumentsRead", "documents read", knobs.max_documents_read, "");
  if (usage.bytes_read > knobs.max_bytes_read)
    return read_limit("TooManyBytesRead", "bytes read", knobs.max_bytes_read, " bytes");
  if (intervals > knobs.max_read_intervals)
    return read_limit("TooManyReads", "reads", knobs.max_read_intervals, "");
  return {};
}

Result<void> check_write_limits(const TransactionUsage& usage, const Knobs& knobs) {
  if (usage.documents_written > knobs.max_documents_written)
    return Error::limit("TooManyWrites", "Too many writes in a single function execution (limit: " +
                                             std::to_string(knobs.max_documents_written) + ")");
  if (usage.bytes_written > knobs.max_bytes_written)
    return Error::limit("TooManyBytesWritten",
                        "Too many bytes written in a single function execution (limit: " +
                            display_bytes(knobs.max_bytes_written) + ")");
  return {};
}

void add_limit_warnings(const TransactionUsage& usage, size_t intervals, const Knobs& knobs,
                        std::set<std::string>& warnings) {
  auto check = [&](std::string_view code, std::string_view message, size_t actual, size_t limit,
                   std::string_view unit, bool help) {
    if (actual > limit || static_cast<double>(actual) <= 0.8 * static_cast<double>(limit)) return;
    std::string line = std::string(code) + "|" + std::string(message) +
                       " in a single function execution (actual: " + std::to_string(actual) +
                       std::string(unit) + ", limit: " + std::to_string(limit) + std::string(unit) + ").";
    if (help) line += " " + std::string(kHelp);
    warnings.insert(std::move(line));
  };
  check("TooManyDocumentsRead", "Many documents read", usage.documents_read, knobs.max_documents_read, "",
        true);
  check("TooManyBytesRead", "Many bytes read", usage.bytes_read, knobs.max_bytes_read, " bytes", true);
  check("TooManyReads", "Many reads", intervals, knobs.max_read_intervals, "", true);
  check("TooManyWrites", "Many writes", usage.documents_written, knobs.max_documents_written, "", false);
  check("TooManyBytesWritten", "Many bytes written", usage.bytes_written, knobs.max_bytes_written, " bytes",
        false);
}

}  // namespace hull
