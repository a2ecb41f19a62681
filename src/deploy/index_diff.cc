#include "deploy/index_diff.h"

#include <algorithm>
#include <tuple>

#include "services/json_fields.h"
#include "value/json.h"

namespace hull {
namespace {

// An existing index row.
struct ExistingIndex {
  IndexDescription description;
  DocumentId row;
  bool serving = true;
  IndexState state = IndexState::kEnabled;  // database indexes
};

std::vector<std::string> texts(ValueView config, std::string_view name) {
  std::vector<std::string> result;
  auto list = config.find(name);
  for (size_t i = 0; list && list->is_array() && i < list->count(); ++i)
    if (list->element(i).is_string()) result.emplace_back(list->element(i).as_string());
  return result;
}

ExistingIndex describe_other(const Catalog& catalog, const TableInfo& table, const OtherIndexInfo& index) {
  ExistingIndex existing;
  existing.row = index.row;
  existing.description.table = table.name;
  existing.description.name = index.name;
  existing.description.type = index.type;
  DocumentPtr row = catalog.system_row("_index", index.row.internal);
  auto config = row ? row->value.view().find("config") : std::nullopt;
  if (!config) return existing;
  existing.description.field =
      json::text_or_empty(*config, index.type == "vector" ? "vectorField" : "searchField");
  existing.description.fields = texts(*config, "filterFields");
  if (auto dimensions = config->find("dimensions"); dimensions && dimensions->is_int64())
    existing.description.dimensions = static_cast<uint32_t>(dimensions->as_int64());
  auto staged = config->find("staged");
  existing.description.staged = staged && staged->is_bool() && staged->as_bool();
  return existing;
}

std::vector<ExistingIndex> existing_indexes(const Catalog& catalog) {
  std::vector<ExistingIndex> result;
  for (const auto& [name, table] : catalog.tables()) {
    if (table->system) continue;
    for (const auto& index : table->indexes) {
      if (index->name == "by_id" || index->name == "by_creation_time") continue;
      ExistingIndex existing;
      existing.description = {name, index->name, "database", index->fields, "", 0, index->staged};
      existing.row = index->row;
      existing.state = index->state;
      existing.serving = index->state == IndexState::kEnabled || index->staged;
      result.push_back(std::move(existing));
    }
    for (const auto& index : table->other_indexes) result.push_back(describe_other(catalog, *table, index));
  }
  return result;
}

std::vector<IndexDescription> wanted_indexes(const Schema* schema) {
  std::vector<IndexDescription> result;
  if (!schema) return result;
  for (const auto& [table, def] : schema->tables) {
    for (const auto& [name, index] : def.indexes)
      result.push_back({table, name, "database", index.fields, "", 0, index.staged});
    for (const auto& [name, index] : def.search_indexes)
      result.push_back({table, name, "search", index.filter_fields, index.search_field, 0, index.staged});
    for (const auto& [name, index] : def.vector_indexes)
      result.push_back(
          {table, name, "vector", index.filter_fields, index.vector_field, index.dimensions, index.staged});
  }
  return result;
}

// Existing rows matched with wanted definitions; what has no partner is added or removed.
struct Matching {
  std::vector<IndexDescription> added;
  std::vector<std::pair<ExistingIndex, IndexDescription>> kept;
  std::vector<ExistingIndex> unwanted;
};

Matching match(const Catalog& catalog, const Schema* schema) {
  Matching result;
  auto existing = existing_indexes(catalog);
  // Serving rows come first, so that a leftover with the same definition is the one that goes.
  std::stable_partition(existing.begin(), existing.end(), [](const ExistingIndex& e) { return e.serving; });
  for (auto& wanted : wanted_indexes(schema)) {
    auto it = std::find_if(existing.begin(), existing.end(), [&](const ExistingIndex& candidate) {
      return candidate.description.same_definition(wanted);
    });
    if (it == existing.end()) {
      result.added.push_back(std::move(wanted));
    } else {
      result.kept.emplace_back(std::move(*it), std::move(wanted));
      existing.erase(it);
    }
  }
  result.unwanted = std::move(existing);
  return result;
}

// Search and vector indexes are only written down; nothing builds or queries them.
Result<void> insert_other_index(Transaction& transaction, const IndexDescription& index) {
  ValueBuilder b;
  b.begin_object();
  b.key("type").string(index.type);
  b.key(index.type == "vector" ? "vectorField" : "searchField").string(index.field);
  if (index.type == "vector") b.key("dimensions").int64(index.dimensions);
  b.key("filterFields").begin_array();
  for (const auto& field : index.fields) b.string(field);
  b.end();
  b.key("staged").boolean(index.staged);
  b.end();
  auto id = transaction.add_other_index(index.table, index.name, b.finish());
  if (!id.ok()) return std::move(id).error();
  return {};
}

std::string list_json(const std::vector<IndexDescription>& list) {
  std::string out = "[";
  for (const auto& index : list) {
    if (out.size() > 1) out += ',';
    out += index.json();
  }
  return out + "]";
}

}  // namespace

bool IndexDescription::same_definition(const IndexDescription& other) const {
  return table == other.table && name == other.name && type == other.type && fields == other.fields &&
         field == other.field && dimensions == other.dimensions;
}

std::string IndexDescription::json() const {
  std::string out = "{\"name\":" + json_string(table + "." + name) + ",\"type\":" + json_string(type);
  if (type == "vector") out += ",\"dimensions\":" + std::to_string(dimensions);
  if (type != "database")
    out +=
        std::string(",\"") + (type == "vector" ? "vectorField" : "searchField") + "\":" + json_string(field);
  out += type == "database" ? ",\"fields\":[" : ",\"filterFields\":[";
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(fields[i], out);
  }
  return out + "],\"staged\":" + (staged ? "true" : "false") + "}";
}

std::string IndexDiff::json() const {
  return "{\"added_indexes\":" + list_json(added) + ",\"removed_indexes\":" + list_json(removed) +
         ",\"enabled_indexes\":" + list_json(enabled) + ",\"disabled_indexes\":" + list_json(disabled) + "}";
}

IndexDiff index_diff(const Catalog& catalog, const Schema* schema) {
  Matching matching = match(catalog, schema);
  IndexDiff diff;
  diff.added = std::move(matching.added);
  for (auto& [existing, wanted] : matching.kept) {
    if (!existing.serving)
      diff.added.push_back(std::move(wanted));
    else if (existing.description.staged && !wanted.staged)
      diff.enabled.push_back(std::move(wanted));
    else if (!existing.description.staged && wanted.staged)
      diff.disabled.push_back(std::move(wanted));
  }
  for (auto& existing : matching.unwanted)
    if (existing.serving) diff.removed.push_back(std::move(existing.description));
  auto by_name = [](const IndexDescription& a, const IndexDescription& b) {
    return std::tie(a.table, a.name) < std::tie(b.table, b.name);
  };
  std::sort(diff.added.begin(), diff.added.end(), by_name);
  return diff;
}

std::vector<IndexPrediction> predict_indexes(const Catalog& catalog, const Schema* schema) {
  Matching matching = match(catalog, schema);
  std::vector<IndexPrediction> result;
  for (auto& wanted : matching.added) {
    const bool built = wanted.type == "database";
    result.push_back({std::move(wanted), "added", built});
  }
  for (auto& [existing, wanted] : matching.kept) {
    const bool incomplete =
        existing.description.type == "database" && existing.state == IndexState::kBackfilling;
    std::string_view change = "identical";
    if (!existing.serving)
      change = "added";
    else if (existing.description.staged != wanted.staged)
      change = wanted.staged ? "disabled" : "enabled";
    result.push_back({std::move(wanted), change, incomplete});
  }
  for (auto& existing : matching.unwanted)
    if (existing.serving) result.push_back({std::move(existing.description), "dropped", false});
  std::stable_sort(result.begin(), result.end(), [](const IndexPrediction& a, const IndexPrediction& b) {
    return std::tie(a.description.table, a.description.name) <
           std::tie(b.description.table, b.description.name);
  });
  return result;
}

Result<void> prepare_indexes(Transaction& transaction, const Schema* schema) {
  Matching matching = match(transaction.catalog(), schema);
  for (const auto& existing : matching.unwanted)
    if (!existing.serving) HULL_CHECK_OK(transaction.drop_index(existing.row));
  for (const auto& [existing, wanted] : matching.kept) {
    if (existing.description.type != "database" || existing.state == IndexState::kEnabled) continue;
    if (existing.description.staged && !wanted.staged)
      HULL_CHECK_OK(transaction.set_index_state(existing.row, existing.state, false));
  }
  for (const auto& index : matching.added) {
    if (index.type != "database") continue;  // nothing to build: written down by commit_indexes()
    HULL_TRY(auto row,
             transaction.add_index(index.table, DatabaseIndexDef{index.name, index.fields, index.staged}));
    // In a table that this transaction makes it would serve at once.
    const auto& indexes = transaction.catalog().table(index.table)->indexes;
    const bool enabled = std::any_of(indexes.begin(), indexes.end(), [&](const auto& each) {
      return each->row == row && each->state == IndexState::kEnabled;
    });
    if (enabled) HULL_CHECK_OK(transaction.set_index_state(row, IndexState::kBackfilled, index.staged));
  }
  return {};
}

Result<void> commit_indexes(Transaction& transaction, const Schema* schema) {
  Matching matching = match(transaction.catalog(), schema);
  // What does not serve yet belongs to a push that was started after this one.
  for (const auto& existing : matching.unwanted)
    if (existing.serving) HULL_CHECK_OK(transaction.drop_index(existing.row));
  for (const auto& [existing, wanted] : matching.kept) {
    bool same_flag = existing.description.staged == wanted.staged;
    if (existing.description.type != "database") {
      if (same_flag) continue;
      HULL_CHECK_OK(transaction.drop_index(existing.row));
      HULL_CHECK_OK(insert_other_index(transaction, wanted));
    } else if (wanted.staged) {
      if (same_flag) continue;
      IndexState state = existing.state == IndexState::kEnabled ? IndexState::kBackfilled : existing.state;
      HULL_CHECK_OK(transaction.set_index_state(existing.row, state, true));
    } else if (existing.state == IndexState::kBackfilling) {
      return Error::bad_request("IndexNotReady",
                                "Index " + wanted.table + "." + wanted.name +
                                    " is still being backfilled. Wait for it before finishing "
                                    "the push.");
    } else if (existing.state != IndexState::kEnabled) {
      HULL_CHECK_OK(transaction.set_index_state(existing.row, IndexState::kEnabled, false));
    }
  }
  for (const auto& index : matching.added) {
    if (index.type != "database")
      HULL_CHECK_OK(insert_other_index(transaction, index));
    else if (!index.staged)
      return Error::bad_request("IndexNotReady", "Index " + index.table + "." + index.name +
                                                     " was dropped or changed meanwhile. Push again.");
  }
  return {};
}

IndexProgress index_progress(const Catalog& catalog) {
  IndexProgress progress;
  for (const auto& existing : existing_indexes(catalog)) {
    if (existing.description.type != "database" || existing.description.staged) continue;
    ++progress.total;
    if (existing.state != IndexState::kBackfilling) ++progress.complete;
  }
  return progress;
}

}  // namespace hull
