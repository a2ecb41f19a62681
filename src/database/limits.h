// Per-transaction limits (database.md §6.1, runtime.md §5): exact codes and texts. Pure functions,
// thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/knobs.h"
#include "base/result.h"

namespace hull {

struct TransactionUsage {
  size_t documents_read = 0, bytes_read = 0;
  size_t documents_written = 0, bytes_written = 0;
  size_t jobs_scheduled = 0, job_args_bytes = 0;
};

inline constexpr size_t kMaxDocumentSize = 1 << 20;
inline constexpr size_t kMaxDocumentNesting = 16;
inline constexpr size_t kMaxDocumentFields = 1024;
inline constexpr size_t kMaxUserTables = 10000;
inline constexpr size_t kMaxPageSize = 32000;
// System writes have their own limits; exceeding them is a fault of the server.
inline constexpr size_t kMaxSystemDocumentsWritten = 40000;
inline constexpr size_t kMaxSystemBytesWritten = 128u << 20;

// Absolute maxima of a transaction's counters.
struct TransactionLimits {
  size_t documents_read = 0, bytes_read = 0, intervals = 0;
  size_t documents_written = 0, bytes_written = 0;
  size_t jobs_scheduled = 0, job_args_bytes = 0;
  static TransactionLimits of(const Knobs& knobs);
};
// What a nested call may use on top of what has been used already (`transactionLimits`, syscalls.md §8.2).
struct TransactionBudget {
  std::optional<size_t> documents_read, bytes_read, intervals, documents_written, bytes_written;
  std::optional<size_t> jobs_scheduled, job_args_bytes;
};
// A budget lowers limits, never raises them.
TransactionLimits narrowed(const TransactionLimits& limits, const TransactionUsage& usage, size_t intervals,
                           const TransactionBudget& budget);

Result<void> check_read_limits(const TransactionUsage& usage, size_t intervals,
                               const TransactionLimits& limits);
Result<void> check_write_limits(const TransactionUsage& usage, const TransactionLimits& limits);
// Scheduled functions (scheduling.md §1.2).
Result<void> check_job_limits(const TransactionUsage& usage, const TransactionLimits& limits);

// A line for the log of a function that came close to a limit (runtime.md §5.3); the code is what follows
// "warning:".
struct LimitWarning {
  std::string code, text;
};
// One for every counter above 80 % and at most 100 % of its limit; intervals warn from three quarters on
// (database.md §6.1: from 3072 of 4096).
void add_limit_warnings(const TransactionUsage& usage, size_t intervals, const TransactionLimits& limits,
                        std::vector<LimitWarning>& warnings);
// About one written document, near its size or nesting limit.
bool document_is_near_limits(size_t size, size_t levels);
void add_document_warnings(std::string_view id, size_t size, size_t levels,
                           std::vector<LimitWarning>& warnings);

}  // namespace hull
