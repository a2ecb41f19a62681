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

// Null: rows of this virtual table are not shown.
ShowRow how_to_show(std::string_view virtual_table);

}  // namespace hull
