// Per-transaction limits (database.md §6.1, runtime.md §5): exact codes and texts. Pure functions,
// thread-safe.
#pragma once

#include <set>
#include <string>

#include "base/knobs.h"
#include "base/result.h"

namespace hull {

struct TransactionUsage;

inline constexpr size_t kMaxDocumentSize = 1 << 20;
inline constexpr size_t kMaxDocumentNesting = 16;
inline constexpr size_t kMaxDocumentFields = 1024;
inline constexpr size_t kMaxUserTables = 10000;
inline constexpr size_t kMaxPageSize = 32000;
// System writes have their own limits; exceeding them is a fault of the server.
inline constexpr size_t kMaxSystemDocumentsWritten = 40000;
inline constexpr size_t kMaxSystemBytesWritten = 128u << 20;

Result<void> check_read_limits(const TransactionUsage& usage, size_t intervals, const Knobs& knobs);
Result<void> check_write_limits(const TransactionUsage& usage, const Knobs& knobs);
// Adds the warning of every counter above 80 % and at most 100 % of its limit, as "<Code>|<line>".
void add_limit_warnings(const TransactionUsage& usage, size_t intervals, const Knobs& knobs,
                        std::set<std::string>& warnings);

}  // namespace hull
