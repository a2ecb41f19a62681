// The tables of format 2. Rows are found through WITHOUT ROWID tables, whose primary key is their B-tree.
#pragma once

namespace hull {

inline constexpr const char* kTables =
    // The live documents, a heap in the order of their first insert: what was written together lies together,
    // and an update moves nothing.
    "CREATE TABLE documents (doc_no INTEGER PRIMARY KEY, tablet INTEGER NOT NULL, id BLOB NOT NULL,"
    " ts INTEGER NOT NULL, doc BLOB NOT NULL);"
    "CREATE TABLE document_ids (tablet INTEGER NOT NULL, id BLOB NOT NULL, doc_no INTEGER NOT NULL,"
    " PRIMARY KEY (tablet, id)) WITHOUT ROWID;"
    // Live rows of the secondary indexes.
    "CREATE TABLE index_rows (index_id INTEGER NOT NULL, key BLOB NOT NULL, doc_no INTEGER NOT NULL,"
    " PRIMARY KEY (index_id, key)) WITHOUT ROWID;"
    // Documents per tablet and their size.
    "CREATE TABLE summaries (tablet INTEGER PRIMARY KEY, documents INTEGER NOT NULL, bytes INTEGER NOT "
    "NULL);";
// format_version; applied_ts: newest commit contained in the other tables; sync_mark: counts syncs.
inline constexpr const char* kGlobalsTable =
    "CREATE TABLE globals (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;";

}  // namespace hull
