// Conversion of a database of format 1 (log and latest state in the SQLite file) to the current one.
#pragma once

#include "base/result.h"
#include "storage/sqlite/sqlite_connection.h"

namespace hull {

// One transaction, durable when it returns; memory does not grow with the data. The revisions of the old log
// are dropped: the latest state is all in the tables.
Result<void> migrate_from_format_1(SqliteConnection& connection);

}  // namespace hull
