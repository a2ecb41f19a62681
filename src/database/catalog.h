// Catalog: everything the engine and the function runner must know without I/O, as of one commit: tables,
// indexes, schemas, modules, environment variables, settings. It is derived only from the rows of system
// tables; every commit that writes such a row makes a new Catalog by copy. Immutable, shared, thread-safe.
//
// System tables (database.md §10) are ordinary tables whose names start with '_'. Their tablets and by_id
// indexes have fixed ids, so a fresh or restarted server can read them before it knows anything else.
//
// Identities. A system table with number 512 + n has tablet n and indexes 8n (by_id), 8n + 1
// (by_creation_time), 8n + 2... User tablets start at kFirstUserTablet; by_id and by_creation_time of tablet
// t are indexes 2t and 2t + 1; secondary indexes start at kFirstUserIndex. Tablet and index ids are never
// reused: the row that carries the largest one is never deleted (tables become "deleting", indexes
// "Dropped"), so the next id is always one more than the largest in the rows.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "database/document.h"
#include "value/schema.h"

namespace hull {

inline constexpr uint32_t kFirstUserTablet = 1000;
inline constexpr uint32_t kFirstUserIndex = 1u << 30;
inline constexpr TableNumber kFirstUserTableNumber = 10001;
inline constexpr TableNumber kSystemTableNumberBase = 512;

enum class IndexState { kBackfilling, kBackfilled, kEnabled };

struct IndexInfo {
  IndexId id;
  TabletId tablet;
  std::string name;                             // "by_id", "by_creation_time" or the user's
  std::vector<std::string> fields;              // dotted paths; by_id has none; others end in "_creationTime"
  std::vector<std::vector<std::string>> paths;  // fields, split
  IndexState state = IndexState::kEnabled;
  bool staged = false;
  DocumentId row;  // its row in _index (zero for built-in system ones)

  bool is_by_id() const { return name == "by_id"; }
  // Key bytes of a document in this index: the fields' keys, then the _id string's key.
  std::string key_for(ValueView document) const;
};

// Search and vector indexes: known to the catalog by name, not queryable as database indexes.
struct OtherIndexInfo {
  std::string name;
  std::string type;  // "search" or "vector"
  DocumentId row;
};

struct TableInfo {
  TabletId tablet;
  TableNumber number = 0;
  std::string name;
  bool system = false;  // name starts with '_'
  DocumentId row;       // its row in _tables
  IndexId by_id;
  IndexId by_creation_time;
  std::vector<std::shared_ptr<const IndexInfo>> indexes;  // all, in any state, by_id first
  // No longer maintained, but perhaps still read by snapshots from before the drop: what commits change in
  // the documents must be known for them too.
  std::vector<std::shared_ptr<const IndexInfo>> dropped_indexes;
  std::vector<OtherIndexInfo> other_indexes;

  // The index of that name; if an old and a new definition coexist during a push, the enabled one. Null if
  // unknown.
  std::shared_ptr<const IndexInfo> find_index(std::string_view index_name) const;
};

enum class SchemaState { kPending, kValidated, kActive, kFailed, kOverwritten };
struct SchemaInfo {
  DocumentId row;
  SchemaState state = SchemaState::kPending;
  std::shared_ptr<const Schema> schema;
  std::string error;                       // kFailed
  std::optional<std::string> error_table;  // kFailed
};

// Fixed identities of the system tables; number = 512 + n as in database.md §10.1.
struct SystemTable {
  const char* name;
  uint32_t n;
  // Secondary indexes besides by_id and by_creation_time: name and field list, ids are fixed too.
  std::vector<std::pair<const char*, std::vector<const char*>>> indexes;
  // Present in the catalog: a commit that writes one makes a new Catalog and `system_rows` holds its
  // documents.
  bool in_memory;
};
// _tables _index _schemas _udf_config _auth _modules _source_packages _environment_variables
// _session_requests _backend_state _canonical_urls _deployment_audit_log (in database.md §10.1's numbering).
std::span<const SystemTable> system_tables();

// Virtual tables (database.md §10.3): user code knows these system tables under another name.
std::optional<std::string_view> virtual_table_name(
    std::string_view system_table);  // "_file_storage" -> "_storage"
std::optional<std::string_view> system_table_of_virtual(
    std::string_view name);  // "_storage" -> "_file_storage"

class Catalog {
 public:
  // The catalog of an empty store: just the system tables.
  static std::shared_ptr<const Catalog> bootstrap();

  // Applies the changed documents of one commit (before/after per document of in-memory system tables).
  struct Change {
    TabletId tablet;
    DocumentId id;
    DocumentPtr after;  // null = deleted
  };
  std::shared_ptr<const Catalog> with(std::span<const Change> changes) const;

  const TableInfo* table(std::string_view name) const;
  const TableInfo* table(TableNumber number) const;
  const TableInfo* table(TabletId tablet) const;
  const IndexInfo* index(IndexId id) const;
  const std::map<std::string, std::shared_ptr<const TableInfo>, std::less<>>& tables() const {
    return by_name_;
  }

  const SchemaInfo* active_schema() const;
  const SchemaInfo* in_progress_schema() const;  // pending or validated
  const SchemaInfo* schema(DocumentId row) const;

  // Documents of an in-memory system table by id order.
  std::vector<DocumentPtr> system_rows(std::string_view table) const;
  DocumentPtr system_row(std::string_view table, const InternalId& id) const;
  // Monotonic count of commits that changed any row of the named in-memory system table.
  uint64_t version_of(std::string_view table) const;

  // Lowest free number >= 10001, next tablet and index ids.
  TableNumber next_table_number() const;
  TabletId next_tablet() const;
  IndexId next_index() const;
  size_t user_table_count() const;

  TableNameResolver resolver() const;  // valid while this catalog lives

  // The fixed identity of a system table, known without any catalog. The name must be one of system_tables().
  static TabletId system_tablet(std::string_view name);
  // Whether a commit that writes this tablet makes a new Catalog.
  static bool is_in_memory(TabletId tablet);

 private:
  struct SystemRows {
    std::map<InternalId, DocumentPtr> rows;
    uint64_t version = 0;
  };
  std::map<std::string, std::shared_ptr<const TableInfo>, std::less<>> by_name_;
  std::map<TableNumber, const TableInfo*> by_number_;
  std::map<TabletId, const TableInfo*> by_tablet_;
  std::map<IndexId, const IndexInfo*> by_index_;
  std::map<InternalId, SchemaInfo> schemas_;
  std::map<std::string, std::shared_ptr<const SystemRows>, std::less<>> system_;
  uint32_t max_tablet_ = kFirstUserTablet - 1, max_index_ = kFirstUserIndex - 1;
  std::vector<TableNumber> occupied_numbers_;  // user tables in any state, ascending

  const SchemaInfo* schema_in(SchemaState state) const;
  void apply_schema(const InternalId& id, const DocumentPtr& row);
  void rebuild_user_tables(const std::vector<TabletId>& tablets);
  void rebuild_lookups();
};

}  // namespace hull
