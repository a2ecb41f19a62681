#include "database/catalog.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "database/catalog_rows.h"
#include "value/key.h"

namespace hull {
namespace {

constexpr std::string_view kTables = "_tables";
constexpr std::string_view kIndex = "_index";
constexpr std::string_view kSchemas = "_schemas";
constexpr uint32_t kMaxSystemTablet = 64;

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  size_t start = 0;
  while (true) {
    size_t dot = path.find('.', start);
    parts.emplace_back(path.substr(start, dot == std::string_view::npos ? dot : dot - start));
    if (dot == std::string_view::npos) return parts;
    start = dot + 1;
  }
}

std::shared_ptr<IndexInfo> make_index(IndexId id, TabletId tablet, std::string name,
                                      std::vector<std::string> fields) {
  auto index = std::make_shared<IndexInfo>();
  index->id = id;
  index->tablet = tablet;
  index->name = std::move(name);
  index->fields = std::move(fields);
  for (const auto& field : index->fields) index->paths.push_back(split_path(field));
  return index;
}

std::shared_ptr<const TableInfo> make_system_table(const SystemTable& system) {
  auto table = std::make_shared<TableInfo>();
  table->tablet = TabletId{system.n};
  table->number = kSystemTableNumberBase + system.n;
  table->name = system.name;
  table->system = true;
  uint32_t next = 8 * system.n;
  table->by_id = IndexId{next++};
  table->by_creation_time = IndexId{next++};
  table->indexes.push_back(make_index(table->by_id, table->tablet, "by_id", {}));
  table->indexes.push_back(
      make_index(table->by_creation_time, table->tablet, "by_creation_time", {"_creationTime"}));
  for (const auto& [name, fields] : system.indexes) {
    std::vector<std::string> all(fields.begin(), fields.end());
    all.push_back("_creationTime");
    table->indexes.push_back(make_index(IndexId{next++}, table->tablet, name, std::move(all)));
  }
  return table;
}

// Name of the in-memory system table with this tablet, or null.
const char* in_memory_name(TabletId tablet) {
  static const std::vector<const char*> names = [] {
    std::vector<const char*> result(kMaxSystemTablet, nullptr);
    for (const auto& table : system_tables())
      if (table.in_memory) result[table.n] = table.name;
    return result;
  }();
  return tablet.n < names.size() ? names[tablet.n] : nullptr;
}

}  // namespace

std::string IndexInfo::key_for(ValueView document) const {
  std::string key;
  for (const auto& path : paths) {
    if (auto value = document.find_path(path))
      append_key(*value, key);
    else
      append_undefined_key(key);
  }
  if (auto id = document.find("_id")) append_key(*id, key);
  return key;
}

std::shared_ptr<const IndexInfo> TableInfo::find_index(std::string_view index_name) const {
  std::shared_ptr<const IndexInfo> found;
  for (const auto& index : indexes) {
    if (index->name != index_name) continue;
    if (index->state == IndexState::kEnabled) return index;
    found = index;
  }
  return found;
}

std::shared_ptr<const Catalog> Catalog::bootstrap() {
  static const std::shared_ptr<const Catalog> catalog = [] {
    auto result = std::make_shared<Catalog>();
    for (const auto& system : system_tables()) {
      result->by_name_[system.name] = make_system_table(system);
      if (system.in_memory) result->system_[system.name] = std::make_shared<SystemRows>();
    }
    result->rebuild_lookups();
    return result;
  }();
  return catalog;
}

TabletId Catalog::system_tablet(std::string_view name) {
  for (const auto& table : system_tables())
    if (name == table.name) return TabletId{table.n};
  return TabletId{};
}

bool Catalog::is_in_memory(TabletId tablet) { return in_memory_name(tablet) != nullptr; }

std::shared_ptr<const Catalog> Catalog::with(std::span<const Change> changes) const {
  auto next = std::make_shared<Catalog>(*this);
  std::map<std::string_view, std::shared_ptr<SystemRows>> touched;
  std::set<TabletId> tablets;  // user tables to build anew
  for (const auto& change : changes) {
    const char* name = in_memory_name(change.tablet);
    if (!name) continue;
    auto& rows = touched[name];
    if (!rows) {
      rows = std::make_shared<SystemRows>(*system_.find(std::string_view(name))->second);
      ++rows->version;
    }
    // Both revisions tell which user table a metadata row is about.
    DocumentPtr before;
    if (auto it = rows->rows.find(change.id.internal); it != rows->rows.end()) before = it->second;
    for (const auto& row : {before, change.after}) {
      if (!row) continue;
      if (name == kTables) {
        if (auto parsed = TableRow::parse(row->value)) tablets.insert(parsed->tablet);
      } else if (name == kIndex) {
        if (auto parsed = IndexRowFields::parse(row->value)) tablets.insert(parsed->tablet);
      }
    }
    if (change.after)
      rows->rows[change.id.internal] = change.after;
    else
      rows->rows.erase(change.id.internal);
    if (name == kSchemas) next->apply_schema(change.id.internal, change.after);
  }
  for (auto& [name, rows] : touched) next->system_.find(name)->second = std::move(rows);
  if (!tablets.empty()) {
    next->rebuild_user_tables({tablets.begin(), tablets.end()});
    next->rebuild_lookups();
  }
  return next;
}

void Catalog::apply_schema(const InternalId& id, const DocumentPtr& row) {
  if (!row) {
    schemas_.erase(id);
    return;
  }
  ValueView value = row->value;
  auto state = value.find("state");
  auto text = value.find("schema");
  if (!state || !text || !text->is_string()) return;
  auto name = state->find("state");
  auto parsed_state = name && name->is_string() ? parse_schema_state(name->as_string()) : std::nullopt;
  if (!parsed_state) return;
  SchemaInfo info;
  info.row = row->id;
  info.state = *parsed_state;
  if (auto error = state->find("error"); error && error->is_string()) info.error = error->as_string();
  if (auto table = state->find("tableName"); table && table->is_string())
    info.error_table = std::string(table->as_string());
  // A change of state alone keeps the parsed schema.
  auto old_row = system_row(kSchemas, id);
  auto old_info = schemas_.find(id);
  auto old_text = old_row ? old_row->value.view().find("schema") : std::nullopt;
  if (old_text && old_info != schemas_.end() && equal(*old_text, *text)) {
    info.schema = old_info->second.schema;
  } else {
    auto schema = Schema::parse_stored(text->as_string());
    info.schema = schema.ok() ? *schema : std::make_shared<const Schema>();
  }
  schemas_[id] = std::move(info);
}

void Catalog::rebuild_user_tables(const std::vector<TabletId>& tablets) {
  struct Rows {
    std::optional<TableRow> table;
    DocumentId table_id;
    std::vector<std::pair<DocumentId, IndexRowFields>> indexes, dropped;
  };
  std::map<TabletId, Rows> rows;
  for (TabletId tablet : tablets) rows[tablet];
  occupied_numbers_.clear();
  for (const auto& [id, document] : system_.find(kTables)->second->rows) {
    auto row = TableRow::parse(document->value);
    if (!row) continue;
    occupied_numbers_.push_back(row->number);
    max_tablet_ = std::max(max_tablet_, row->tablet.n);
    if (auto it = rows.find(row->tablet); it != rows.end() && row->active) {
      it->second.table = std::move(row);
      it->second.table_id = document->id;
    }
  }
  std::sort(occupied_numbers_.begin(), occupied_numbers_.end());
  for (const auto& [id, document] : system_.find(kIndex)->second->rows) {
    auto row = IndexRowFields::parse(document->value);
    if (!row) continue;
    max_index_ = std::max(max_index_, row->index.n);
    if (auto it = rows.find(row->tablet); it != rows.end())
      (row->dropped ? it->second.dropped : it->second.indexes).emplace_back(document->id, std::move(*row));
  }
  for (TabletId tablet : tablets)
    if (auto it = by_tablet_.find(tablet); it != by_tablet_.end())
      by_name_.erase(std::string(it->second->name));
  for (auto& [tablet, source] : rows) {
    if (!source.table) continue;
    auto table = std::make_shared<TableInfo>();
    table->tablet = tablet;
    table->number = source.table->number;
    table->name = source.table->name;
    table->row = source.table_id;
    table->by_id = by_id_index(tablet);
    table->by_creation_time = by_creation_time_index(tablet);
    table->indexes.push_back(make_index(table->by_id, tablet, "by_id", {}));
    table->indexes.push_back(
        make_index(table->by_creation_time, tablet, "by_creation_time", {"_creationTime"}));
    for (auto& [id, row] : source.indexes) {
      if (row.type != "database") {
        table->other_indexes.push_back({row.descriptor, row.type, id});
        continue;
      }
      auto index = make_index(row.index, tablet, row.descriptor, std::move(row.fields));
      index->state = row.state;
      index->staged = row.staged;
      index->row = id;
      table->indexes.push_back(std::move(index));
    }
    for (auto& [id, row] : source.dropped)
      table->dropped_indexes.push_back(make_index(row.index, tablet, row.descriptor, std::move(row.fields)));
    by_name_[table->name] = std::move(table);
  }
}

void Catalog::rebuild_lookups() {
  by_number_.clear();
  by_tablet_.clear();
  by_index_.clear();
  for (const auto& [name, table] : by_name_) {
    by_number_[table->number] = table.get();
    by_tablet_[table->tablet] = table.get();
    for (const auto& index : table->indexes) by_index_[index->id] = index.get();
  }
}

const TableInfo* Catalog::table(std::string_view name) const {
  auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second.get();
}
const TableInfo* Catalog::table(TableNumber number) const {
  auto it = by_number_.find(number);
  return it == by_number_.end() ? nullptr : it->second;
}
const TableInfo* Catalog::table(TabletId tablet) const {
  auto it = by_tablet_.find(tablet);
  return it == by_tablet_.end() ? nullptr : it->second;
}
const IndexInfo* Catalog::index(IndexId id) const {
  auto it = by_index_.find(id);
  return it == by_index_.end() ? nullptr : it->second;
}

const SchemaInfo* Catalog::schema_in(SchemaState state) const {
  for (const auto& [id, info] : schemas_)
    if (info.state == state) return &info;
  return nullptr;
}
const SchemaInfo* Catalog::active_schema() const { return schema_in(SchemaState::kActive); }
const SchemaInfo* Catalog::in_progress_schema() const {
  const SchemaInfo* pending = schema_in(SchemaState::kPending);
  return pending ? pending : schema_in(SchemaState::kValidated);
}
const SchemaInfo* Catalog::schema(DocumentId row) const {
  auto it = schemas_.find(row.internal);
  return it == schemas_.end() ? nullptr : &it->second;
}

std::vector<DocumentPtr> Catalog::system_rows(std::string_view table) const {
  std::vector<DocumentPtr> result;
  auto it = system_.find(table);
  if (it == system_.end()) return result;
  result.reserve(it->second->rows.size());
  for (const auto& [id, document] : it->second->rows) result.push_back(document);
  return result;
}
DocumentPtr Catalog::system_row(std::string_view table, const InternalId& id) const {
  auto it = system_.find(table);
  if (it == system_.end()) return nullptr;
  auto row = it->second->rows.find(id);
  return row == it->second->rows.end() ? nullptr : row->second;
}
uint64_t Catalog::version_of(std::string_view table) const {
  auto it = system_.find(table);
  return it == system_.end() ? 0 : it->second->version;
}

TableNumber Catalog::next_table_number() const {
  TableNumber next = kFirstUserTableNumber;
  for (TableNumber number : occupied_numbers_) {
    if (number < next) continue;
    if (number > next) break;
    ++next;
  }
  return next;
}
TabletId Catalog::next_tablet() const { return TabletId{max_tablet_ + 1}; }
IndexId Catalog::next_index() const { return IndexId{max_index_ + 1}; }
size_t Catalog::user_table_count() const { return by_name_.size() - system_tables().size(); }

TableNameResolver Catalog::resolver() const {
  return TableNameResolver{[this](TableNumber number) -> std::optional<TableNameResolver::Entry> {
    const TableInfo* found = table(number);
    if (!found) return std::nullopt;
    if (!found->system) return TableNameResolver::Entry{found->name, false};
    if (auto name = virtual_table_name(found->name)) return TableNameResolver::Entry{*name, false};
    return TableNameResolver::Entry{found->name, true};
  }};
}

}  // namespace hull
