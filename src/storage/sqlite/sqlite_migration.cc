#include "storage/sqlite/sqlite_migration.h"

#include "storage/sqlite/sqlite_schema.h"

namespace hull {

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
    HULL_CHECK_OK(transaction.commit());
  }
  return connection.execute("PRAGMA synchronous = NORMAL");
}

}  // namespace hull
