// Reads by id and by name: argument checks, visibility of tables, compilation of queries (syscalls.md §4).
#include "database/query_stream.h"
#include "database/transaction_impl.h"
#include "value/names.h"

namespace hull {

Error invalid_argument(std::string_view argument, std::string_view method, std::string_view cause) {
  return Error::bad_request("InvalidArgument", "Invalid argument `" + std::string(argument) + "` for `" +
                                                   std::string(method) + "`: " + std::string(cause));
}
Error system_table_error(bool system) {
  return Error::bad_request("SystemTableError", system
                                                    ? "User tables cannot be accessed with db.system."
                                                    : "System tables can only be accessed with db.system.");
}
Error wrong_table(std::string_view method, std::string_view expected, std::string_view got) {
  return invalid_argument("id", method,
                          "expected to be an Id<\"" + std::string(expected) + "\">, got Id<\"" +
                              std::string(got) + "\"> instead.");
}

std::optional<VisibleTable> Transaction::Impl::table_by_name(std::string_view name) {
  const Catalog& catalog = *tx.catalog_;
  if (!name.starts_with('_')) {
    const TableInfo* table = depend_on_table_name(name);
    if (!table) return std::nullopt;
    return VisibleTable{table, table->name};
  }
  if (auto system = system_table_of_virtual(name))
    return VisibleTable{catalog.table(*system), std::string(name)};
  const TableInfo* table = catalog.table(name);
  if (!table || !system_access()) return std::nullopt;
  return VisibleTable{table, table->name};
}

Result<std::optional<VisibleTable>> Transaction::Impl::table_of_id(const DocumentId& id, bool system) {
  const TableInfo* table = tx.catalog_->table(id.table);
  if (!table || !table->system) depend_on_table_number(id.table);
  if (!table) return std::optional<VisibleTable>();
  if (!table->system) {
    if (system && !system_access()) return system_table_error(true);
    return std::optional(VisibleTable{table, table->name});
  }
  auto virtual_name = virtual_table_name(table->name);
  if (system_access())
    return std::optional(VisibleTable{table, virtual_name ? std::string(*virtual_name) : table->name});
  if (!virtual_name) return std::optional<VisibleTable>();
  if (!system) return system_table_error(false);
  return std::optional(VisibleTable{table, std::string(*virtual_name)});
}

Result<DocumentPtr> Transaction::get(std::string_view id_text, bool system,
                                     std::optional<std::string_view> expected_table) {
  std::string_view method = system ? "db.system.get" : "db.get";
  auto id = DocumentId::parse(id_text);
  if (!id.ok()) return invalid_argument("id", method, id.error().message);
  HULL_TRY(auto table, impl_->table_of_id(*id, system));
  if (!table) return DocumentPtr();
  if (expected_table && *expected_table != table->name && *expected_table != table->info->name)
    return wrong_table(method, *expected_table, table->name);
  HULL_TRY(DocumentPtr document, impl_->read(*table->info, *id));
  const bool as_stored = !table->info->system || table->name == table->info->name ||
                         (expected_table && *expected_table == table->info->name);
  if (!document || as_stored) return document;
  ShowRow show = how_to_show(table->name);
  if (!show) return impl_->system_access() ? document : DocumentPtr();
  return show(*this, document);
}

Result<std::optional<std::string>> Transaction::normalize_id(std::string_view table,
                                                             std::string_view id_text) {
  if (auto valid = check_identifier(table); !valid.ok())
    return invalid_argument("table", "db.normalizeId", valid.error().message);
  auto visible = impl_->table_by_name(table);
  auto id = DocumentId::parse(id_text);
  if (!visible || !id.ok() || id->table != visible->info->number) return std::optional<std::string>();
  return std::optional(id->text());
}

Result<size_t> Transaction::count(std::string_view table) {
  if (auto valid = check_identifier(table); !valid.ok())
    return invalid_argument("table", "db.count", valid.error().message);
  auto visible = impl_->table_by_name(table);
  if (!visible) return size_t{0};
  const TableInfo& info = *visible->info;
  reads_.add(info.by_id, Interval{"", std::nullopt}, false);
  impl_->note_table_read(info);
  HULL_TRY(TableSummary summary, snapshot_->summary(info.tablet));
  return static_cast<size_t>(summary.documents + impl_->overlay.document_delta(info.tablet));
}

Result<std::optional<CompiledQuery>> Transaction::Impl::compile(const QuerySpec& spec, bool system) {
  if (system && !spec.table.starts_with('_') && !system_access()) return system_table_error(true);
  auto table = table_by_name(spec.table);
  bool full_scan = spec.source == QuerySpec::Source::kFullTableScan;
  std::string index_name = full_scan ? "by_creation_time" : spec.index;
  auto not_found = [&] {
    return Error::bad_request("IndexNotFoundError",
                              "Index " + index_display_name(spec.table, index_name) + " not found.");
  };
  if (!table) {
    if (full_scan) return std::optional<CompiledQuery>();
    return not_found();
  }
  const TableInfo& info = *table->info;
  note_table_read(info);
  bool is_virtual = info.system && table->name != info.name;
  std::string display_name = index_display_name(table->name, index_name);
  auto index = info.find_index(index_name);
  if (!info.system && !full_scan && (!index || note(Metadata::kIndexName, index->id.n)))
    depend(index_name_key(info.tablet, index_name));
  // Users know virtual tables by their two built-in indexes.
  if (index && is_virtual && index->id != info.by_id && index->id != info.by_creation_time)
    return not_found();
  if (!index) {
    for (const auto& other : info.other_indexes) {
      if (other.name != index_name) continue;
      if (spec.source != QuerySpec::Source::kSearch)
        return Error::bad_request("IndexNotADatabaseIndex",
                                  "Index " + display_name + " is not a database index");
      return Error::overloaded("SearchIndexesUnavailable",
                               "Search indexes are not available on this deployment.");
    }
    return not_found();
  }
  if (spec.source == QuerySpec::Source::kSearch)
    return Error::bad_request("IndexNotASearchIndexError",
                              "Index " + display_name + " is not a search index");
  if (index->state == IndexState::kBackfilled && index->staged)
    return Error::bad_request("IndexStagedError",
                              "Index " + display_name +
                                  " is currently staged and not available to query until it is "
                                  "enabled.");
  if (index->state != IndexState::kEnabled)
    return Error::bad_request(
        "IndexBackfillingError",
        "Index " + display_name + " is currently backfilling and not available to query yet.");
  CompiledQuery compiled;
  compiled.table = table->name;
  compiled.is_virtual = is_virtual;
  if (is_virtual) compiled.show = how_to_show(table->name);
  compiled.user = !info.system || (is_virtual && !system_access());
  HULL_TRY(compiled.interval, compile_range(*index, table->name, spec.range));
  compiled.index = std::move(index);
  return std::optional(std::move(compiled));
}

Result<std::unique_ptr<QueryStream>> Transaction::query(const QuerySpec& spec, bool system) {
  HULL_TRY(auto compiled, impl_->compile(spec, system));
  if (!compiled) return std::unique_ptr<QueryStream>(std::make_unique<EmptyStream>());
  if (compiled->hidden()) {
    reads_.add(compiled->index->id, compiled->interval, false);
    return std::unique_ptr<QueryStream>(std::make_unique<EmptyStream>());
  }
  return make_query_stream(*this, std::move(*compiled), spec);
}

}  // namespace hull
