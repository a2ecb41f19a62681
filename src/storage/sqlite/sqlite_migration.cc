#include "storage/sqlite/sqlite_migration.h"

#include <map>

#include "storage/sqlite/sqlite_schema.h"
#include "storage/store.h"

namespace hull {
namespace {

Result<void> add_up_documents(SqliteConnection& connection) {
  std::map<int64_t, TableSummary> sums;
  {
    HULL_TRY(SqliteStatement s, connection.prepare("SELECT tablet, doc FROM documents"));
    while (true) {
      HULL_TRY(bool more, s.step());
      if (!more) break;
      auto value = Value::verify_and_adopt(std::string(s.bytes_at(1)));
      if (!value) return Error::internal("SQLite: a stored document is damaged");
      TableSummary& sum = sums[s.int_at(0)];
      ++sum.documents;
      sum.bytes += static_cast<int64_t>(convex_size(*value));
    }
  }
  HULL_TRY(SqliteStatement insert, connection.prepare("INSERT INTO summaries VALUES (?, ?, ?)"));
  for (const auto& [tablet, sum] : sums) {
    insert.bind_int(1, tablet);
    insert.bind_int(2, sum.documents);
    insert.bind_int(3, sum.bytes);
    HULL_CHECK_OK(insert.run());
  }
  return {};
}

}  // namespace

// Rows are read and written in the order of the B-trees, so nothing is sorted. The high-water mark may be
// ahead of the log: its newest revision may have been a deletion that was trimmed.
Result<void> migrate_from_format_1(SqliteConnection& connection) {
  HULL_CHECK_OK(connection.execute("PRAGMA synchronous = FULL"));
  {
    HULL_TRY(SqliteTransaction transaction, SqliteTransaction::begin(connection));
    for (const char* sql : {
             "ALTER TABLE documents RENAME TO old_documents",
             "ALTER TABLE index_rows RENAME TO old_index_rows",
             kTables,
             "INSERT INTO documents (tablet, id, ts, doc)"
             " SELECT tablet, id, ts, doc FROM old_documents ORDER BY tablet, id",
             "INSERT INTO document_ids SELECT tablet, id, doc_no FROM documents ORDER BY doc_no",
             "INSERT INTO index_rows SELECT i.index_id, i.key, d.doc_no FROM old_index_rows i"
             " CROSS JOIN document_ids d ON d.tablet = i.tablet AND d.id = i.id ORDER BY i.index_id, i.key",
             "INSERT INTO globals SELECT 'applied_ts', max("
             " ifnull((SELECT max(ts) FROM log), 0),"
             " ifnull((SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM globals"
             "  WHERE key = 'timestamp_high_water'), 0))",
             "DELETE FROM globals WHERE key IN ('timestamp_high_water', 'trim_cursor')",
             "DROP TABLE old_documents",
             "DROP TABLE old_index_rows",
             "DROP TABLE log",
             "UPDATE globals SET value = '2' WHERE key = 'format_version'",
         })
      HULL_CHECK_OK(connection.execute(sql));
    HULL_CHECK_OK(add_up_documents(connection));
    HULL_CHECK_OK(transaction.commit());
  }
  return connection.execute("PRAGMA synchronous = NORMAL");
}

}  // namespace hull
