// Operations of the server itself: system tables, tables and indexes as rows of `_tables` and `_index`
// (database.md §8-§10).
#include "database/catalog_rows.h"
#include "database/document_rules.h"
#include "database/query_stream.h"
#include "database/transaction_impl.h"
#include "value/key.h"
#include "value/names.h"

namespace hull {
namespace {

Error no_such_table(std::string_view name) { return Error::internal("no table named " + std::string(name)); }

}  // namespace

Result<DocumentPtr> Transaction::system_get(const DocumentId& id) {
  const TableInfo* table = catalog_->table(id.table);
  if (!table || !table->system) impl_->depend_on_table_number(id.table);
  if (!table) return DocumentPtr();
  std::string key;
  append_string_key(id.short_text().view(), key);
  reads_.add_point(table->by_id, std::move(key), false);
  impl_->note_table_read(*table);
  return impl_->current(table->tablet, id.internal);
}

Result<DocumentId> Transaction::system_insert(std::string_view table, ValueView fields) {
  if (!table.starts_with('_')) HULL_CHECK_OK(ensure_table(table));
  const TableInfo* info = catalog_->table(table);
  if (!info) return no_such_table(table);
  return impl_->insert(*info, fields);
}

Result<void> Transaction::system_replace(const DocumentId& id, ValueView fields) {
  HULL_TRY(DocumentPtr current, system_get(id));
  if (!current) return Error::internal("replacing a document that does not exist: " + id.text());
  HULL_TRY(Value document, make_document(id, creation_time_of(current->value), fields));
  if (same_document(current->value, document)) return {};
  HULL_CHECK_OK(impl_->apply(*catalog_->table(id.table), id, current, std::move(document)));
  return {};
}

Result<void> Transaction::system_remove(const DocumentId& id) {
  HULL_TRY(DocumentPtr current, system_get(id));
  if (!current) return {};
  HULL_CHECK_OK(impl_->apply(*catalog_->table(id.table), id, current, std::nullopt));
  return {};
}

Result<DocumentPtr> Transaction::system_find(std::string_view table, std::string_view index,
                                             const std::vector<Value>& values) {
  const TableInfo* info = catalog_->table(table);
  auto found = info ? info->find_index(index) : nullptr;
  if (!found) return Error::internal("no index " + index_display_name(table, index));
  Interval interval = prefix_interval(values);
  HULL_TRY(auto rows, impl_->scan(*found, interval, Order::kAsc, 1));
  impl_->note_table_read(*info);
  if (!rows.empty()) interval.end = rows[0].key + '\0';
  reads_.add(found->id, std::move(interval), false);
  return rows.empty() ? DocumentPtr() : rows[0].document;
}

Result<void> Transaction::charge_job(size_t args_bytes) {
  TransactionUsage used = usage_;
  used.jobs_scheduled += 1;
  used.job_args_bytes += args_bytes;
  HULL_CHECK_OK(check_job_limits(used, impl_->limits));
  usage_ = used;
  return {};
}

void Transaction::depend_on_system_table(std::string_view table) {
  if (const TableInfo* info = catalog_->table(table))
    impl_->depend({info->by_id, Interval{"", std::nullopt}});
}

std::vector<DocumentPtr> Transaction::system_rows(std::string_view table) {
  depend_on_system_table(table);
  return catalog_->system_rows(table);
}

// --- tables
// --------------------------------------------------------------------------------------------------------------

Result<void> Transaction::ensure_table(std::string_view name) {
  if (impl_->depend_on_table_name(name)) return {};
  if (auto valid = check_identifier(name); !valid.ok())
    return Error::bad_request("InvalidTableName", valid.error().message);
  if (name.starts_with('_'))
    return Error::bad_request("InvalidTableName",
                              "Invalid table name " + std::string(name) + " starts with metadata prefix '_'");
  if (catalog_->user_table_count() >= kMaxUserTables)
    return Error::bad_request("TooManyTables",
                              "Number of tables cannot exceed " + std::to_string(kMaxUserTables) + ".");
  TableRow row{std::string(name), catalog_->next_table_number(), true, catalog_->next_tablet()};
  // Nobody else may take the number or the tablet.
  impl_->depend(table_number_key(row.number));
  impl_->depend(tablet_key(row.tablet));
  HULL_CHECK_OK(system_insert("_tables", row.fields()));
  return {};
}

Result<void> Transaction::drop_table(std::string_view name) {
  const TableInfo* table = impl_->depend_on_table_name(name);
  if (!table || table->system) return {};
  impl_->depend_on_schemas();
  HULL_CHECK_OK(check_table_deletion(*catalog_, table->name));
  if (!impl_->schema_failure) impl_->schema_failure = check_in_progress_deletion(*catalog_, table->name);
  impl_->depend_on_indexes(table->tablet);
  std::vector<DocumentId> rows;
  for (const auto& index : table->indexes)
    if (index->row != DocumentId{}) rows.push_back(index->row);
  for (const auto& index : table->other_indexes) rows.push_back(index.row);
  TableRow row{table->name, table->number, false, table->tablet};
  DocumentId row_id = table->row;
  for (const auto& index : rows) HULL_CHECK_OK(drop_index(index));
  return system_replace(row_id, row.fields());
}

// --- indexes
// -------------------------------------------------------------------------------------------------------------

Result<DocumentId> Transaction::add_index(std::string_view table, const DatabaseIndexDef& def) {
  HULL_CHECK_OK(ensure_table(table));
  const TableInfo& info = *catalog_->table(table);
  impl_->depend_on_indexes(info.tablet);
  IndexRowFields row;
  row.tablet = info.tablet;
  row.descriptor = def.name;
  row.index = catalog_->next_index();
  row.fields = def.fields;
  row.staged = def.staged;
  impl_->depend(index_id_key(row.index));
  if (!snapshot_->catalog()->table(info.tablet)) {
    row.state = def.staged ? IndexState::kBackfilled : IndexState::kEnabled;
  } else {
    // Nothing to back-fill in an empty table, as long as nobody fills it before this commits.
    HULL_TRY(auto first, snapshot_->scan(*info.indexes.front(), Interval{"", std::nullopt}, Order::kAsc, 1));
    if (first.empty()) {
      reads_.add(info.by_id, Interval{"", std::nullopt}, false);
      row.state = IndexState::kBackfilled;
    }
  }
  return system_insert("_index", row.fields_value());
}

Result<DocumentId> Transaction::add_other_index(std::string_view table, std::string_view name,
                                                ValueView config) {
  HULL_CHECK_OK(ensure_table(table));
  TabletId tablet = catalog_->table(table)->tablet;
  impl_->depend_on_indexes(tablet);
  ValueBuilder b;
  b.begin_object();
  b.key("table_id").int64(tablet.n);
  b.key("descriptor").string(name);
  b.key("config").value(config);
  b.end();
  return system_insert("_index", b.finish());
}

Result<void> Transaction::set_index_state(const DocumentId& index_row, IndexState state, bool staged) {
  HULL_TRY(DocumentPtr document, system_get(index_row));
  auto row = document ? IndexRowFields::parse(document->value) : std::nullopt;
  if (!row || row->dropped || row->type != "database")
    return Error::internal("no index row " + index_row.text());
  row->state = state;
  row->staged = staged;
  return system_replace(index_row, row->fields_value());
}

Result<void> Transaction::drop_index(const DocumentId& index_row) {
  HULL_TRY(DocumentPtr document, system_get(index_row));
  auto row = document ? IndexRowFields::parse(document->value) : std::nullopt;
  if (!row || row->dropped) return {};
  if (row->type != "database") return system_remove(index_row);
  row->dropped = true;
  return system_replace(index_row, row->fields_value());
}

}  // namespace hull
