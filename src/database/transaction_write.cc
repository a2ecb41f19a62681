// Writes by user code: argument checks, document rules, schema, limits (syscalls.md §5, values-and-schema.md
// §7).
#include <cmath>
#include <limits>

#include "database/document_rules.h"
#include "database/transaction_impl.h"
#include "value/names.h"

namespace hull {

Result<void> Transaction::Impl::check_writable() const {
  if (options.writable) return {};
  return Error::bad_request("WriteInReadOnlyTransaction", "Queries cannot write to the database.");
}

Result<DocumentId> Transaction::Impl::insert(const TableInfo& table, ValueView fields) {
  constexpr double kNanosPerMilli = 1e6;
  DocumentId id{table.number, InternalId::random(static_cast<int64_t>(clock * kNanosPerMilli))};
  HULL_TRY(Value document, make_document(id, clock, fields));
  HULL_CHECK_OK(apply(table, id, nullptr, std::move(document)));
  clock = std::nextafter(clock, std::numeric_limits<double>::infinity());
  return id;
}

Result<DocumentPtr> Transaction::Impl::apply(const TableInfo& table, const DocumentId& id,
                                             const DocumentPtr& current, std::optional<Value> after) {
  size_t size = after ? convex_size(*after) : 0;
  std::optional<SchemaFailure> failure;
  if (!table.system) {
    depend_on_indexes(table.tablet);
    depend_on_schemas();
    if (after) {
      size_t levels = nesting(*after);
      HULL_CHECK_OK(check_document_shape(*after, levels));
      HULL_CHECK_OK(enforce_active_schema(*tx.catalog_, table, *after));
      HULL_CHECK_OK(check_document_size(size));
      if (!schema_failure) failure = check_in_progress_schema(*tx.catalog_, table, *after);
      if (document_is_near_limits(size, levels)) near_limits.insert({table.tablet, id.internal});
    }
    tx.usage_.documents_written += 1;
    tx.usage_.bytes_written += size;
    HULL_CHECK_OK(check_write_limits(tx.usage_, limits));
  } else {
    system_documents_written += 1;
    system_bytes_written += size;
    if (system_documents_written > kMaxSystemDocumentsWritten ||
        system_bytes_written > kMaxSystemBytesWritten)
      return Error::internal("a transaction wrote too much to system tables");
  }
  if (failure) schema_failure = std::move(failure);
  DocumentPtr document;
  if (after)
    document = std::make_shared<Document>(Document{id, table.tablet, Timestamp{}, std::move(*after)});
  overlay.put(table, id, current, document);
  if (Catalog::is_in_memory(table.tablet)) {
    Catalog::Change change{table.tablet, id, document};
    tx.catalog_ = tx.catalog_->with({&change, 1});
  }
  return document;
}

Result<DocumentId> Transaction::insert(std::string_view table, ValueView value) {
  constexpr std::string_view kMethod = "db.insert";
  HULL_CHECK_OK(impl_->check_writable());
  if (auto valid = check_identifier(table); !valid.ok())
    return invalid_argument("table", kMethod, valid.error().message);
  if (!value.is_object()) return invalid_argument("value", kMethod, "Value must be an Object");
  if (table.starts_with('_')) {
    if (system_table_of_virtual(table))
      return Error::bad_request("ReadOnlyTable", std::string(table) + " is a read-only table");
    if (!impl_->system_access()) return system_table_error(false);
    return system_insert(table, value);
  }
  size_t mark = impl_->overlay.mark();
  std::shared_ptr<const Catalog> before = catalog_;
  auto result = [&]() -> Result<DocumentId> {
    HULL_CHECK_OK(ensure_table(table));
    return impl_->insert(*catalog_->table(table), value);
  }();
  // A table created for a document that is then refused must not stay.
  if (!result.ok()) impl_->undo_to(mark, std::move(before));
  return result;
}

Result<Transaction::Impl::Target> Transaction::Impl::write_target(
    std::string_view method, std::string_view verb, std::string_view id_text,
    std::optional<std::string_view> expected_table, const ValueView* value) {
  HULL_CHECK_OK(check_writable());
  auto id = DocumentId::parse(id_text);
  if (!id.ok()) return invalid_argument("id", method, id.error().message);
  if (value && !value->is_object()) return invalid_argument("value", method, "Value must be an Object");
  HULL_TRY(auto table, table_of_id(*id, false));
  if (!table)
    return invalid_argument("id", method, "Table for ID \"" + std::string(id_text) + "\" not found");
  if (expected_table && *expected_table != table->name && *expected_table != table->info->name)
    return wrong_table(method, *expected_table, table->name);
  HULL_TRY(DocumentPtr document, read(*table->info, *id));
  if (!document)
    return Error::bad_request("NonexistentDocument",
                              std::string(verb) + " on nonexistent document ID " + std::string(id_text));
  return Target{std::move(*table), *id, std::move(document)};
}

Result<DocumentPtr> Transaction::patch(std::string_view id_text, ValueView patch,
                                       std::optional<std::string_view> expected_table) {
  HULL_TRY(auto target, impl_->write_target("db.patch", "Update", id_text, expected_table, &patch));
  HULL_TRY(Value merged, patch_document(target.id, target.document->value, patch));
  if (same_document(target.document->value, merged)) return target.document;
  return impl_->apply(*target.table.info, target.id, target.document, std::move(merged));
}

Result<DocumentPtr> Transaction::replace(std::string_view id_text, ValueView value,
                                         std::optional<std::string_view> expected_table) {
  HULL_TRY(auto target, impl_->write_target("db.replace", "Replace", id_text, expected_table, &value));
  HULL_TRY(Value document, make_document(target.id, creation_time_of(target.document->value), value));
  if (same_document(target.document->value, document)) return target.document;
  return impl_->apply(*target.table.info, target.id, target.document, std::move(document));
}

Result<DocumentPtr> Transaction::remove(std::string_view id_text,
                                        std::optional<std::string_view> expected_table) {
  HULL_TRY(auto target, impl_->write_target("db.delete", "Delete", id_text, expected_table, nullptr));
  HULL_CHECK_OK(impl_->apply(*target.table.info, target.id, target.document, std::nullopt));
  return target.document;
}

}  // namespace hull
