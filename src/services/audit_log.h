// The history of what administrators did (`_deployment_audit_log`, system-functions.md §3.1). Stateless.
#pragma once

#include <string_view>

#include "database/transaction.h"

namespace hull {

// One row, in the transaction that does what it tells.
Result<void> append_audit_row(Transaction& transaction, std::string_view action, const Value& metadata);

}  // namespace hull
