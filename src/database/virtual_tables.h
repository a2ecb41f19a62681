// What user code sees of virtual tables (database.md §10.3): rows of a system table in another shape, with
// the same ids, times and positions. Stateless.
#pragma once

#include <string_view>

#include "base/result.h"
#include "database/document.h"

namespace hull {

class Transaction;

// The document that stands for a row. What it looks up is recorded by the transaction.
using ShowRow = Result<DocumentPtr> (*)(Transaction& transaction, const DocumentPtr& row);

// A row of `_scheduled_jobs` with its arguments, which are in another table (scheduling.md §2).
Result<DocumentPtr> show_scheduled_job(Transaction& transaction, const DocumentPtr& row);

// Whether the modules were pushed with npm convex `major`.`minor` or newer. Unknown versions count as new.
bool pushed_with(Transaction& transaction, int major, int minor);

// Null: rows of this virtual table are not shown.
ShowRow how_to_show(std::string_view virtual_table);

}  // namespace hull
