#include "simulation/admin.h"

#include "database/catalog_rows.h"

namespace hull::simulation {
namespace {

const std::vector<DatabaseIndexDef>& index_definitions() {
  static const std::vector<DatabaseIndexDef> definitions = {
      {"by_k", {"k", "_creationTime"}, false},
      {"by_x_k", {"s.x", "k", "_creationTime"}, false},
      {"by_v", {"v", "_creationTime"}, false},
      {"by_k", {"k", "v", "_creationTime"}, false},  // the same name, defined anew
  };
  return definitions;
}

// Allows everything that RandomData makes except `bad`.
constexpr const char* kSchema =
    R"({"tables":[{"tableName":"t0","indexes":[],"documentType":{"type":"object","value":{)"
    R"("k":{"fieldType":{"type":"any"},"optional":true},"s":{"fieldType":{"type":"any"},"optional":true},)"
    R"("v":{"fieldType":{"type":"any"},"optional":true},"text":{"fieldType":{"type":"any"},"optional":true},)"
    R"("list":{"fieldType":{"type":"any"},"optional":true}}}}],"schemaValidation":true})";

bool schema_change(Attempt& attempt) {
  const Catalog& catalog = attempt.tx().catalog();
  if (const SchemaInfo* ready = catalog.in_progress_schema()) {
    if (ready->state != SchemaState::kValidated) return true;
    const DocumentId row = ready->row;
    if (const SchemaInfo* active = catalog.active_schema()) {
      const DocumentId old = active->row;
      if (!attempt.tx().system_replace(old, schema_row_fields(SchemaState::kOverwritten, kSchema)).ok())
        return false;
    }
    return attempt.tx().system_replace(row, schema_row_fields(SchemaState::kActive, kSchema)).ok();
  }
  if (const SchemaInfo* active = catalog.active_schema()) {
    // Without a schema everything is allowed again.
    const DocumentId old = active->row;
    return attempt.tx().system_replace(old, schema_row_fields(SchemaState::kOverwritten, kSchema)).ok();
  }
  return attempt.tx().system_insert("_schemas", schema_row_fields(SchemaState::kPending, kSchema)).ok();
}

bool enable_indexes(Attempt& attempt) {
  std::vector<std::pair<std::string, std::shared_ptr<const IndexInfo>>> ready;
  for (const auto& [name, table] : attempt.tx().catalog().tables())
    for (const auto& index : table->indexes)
      if (index->state == IndexState::kBackfilled) ready.emplace_back(name, index);
  for (const auto& [table, index] : ready) {
    // An enabled one of the same name is replaced in the same commit.
    const TableInfo* info = attempt.tx().catalog().table(table);
    auto old = info->find_index(index->name);
    if (old && old->state == IndexState::kEnabled && old->id != index->id) {
      if (!attempt.tx().drop_index(old->row).ok()) return false;
    }
    if (!attempt.tx().set_index_state(index->row, IndexState::kEnabled, false).ok()) return false;
  }
  return true;
}

bool add_index(Attempt& attempt, const std::string& table, const DatabaseIndexDef& definition) {
  const TableInfo* info = attempt.tx().catalog().table(table);
  if (info) {
    for (const auto& index : info->indexes) {
      if (index->name != definition.name) continue;
      if (index->state != IndexState::kEnabled || index->fields == definition.fields) return true;
    }
  }
  return attempt.tx().add_index(table, definition).ok();
}

bool drop_index(Attempt& attempt, const std::string& table, const std::string& name) {
  const TableInfo* info = attempt.tx().catalog().table(table);
  auto index = info ? info->find_index(name) : nullptr;
  return !index || attempt.tx().drop_index(index->row).ok();
}

}  // namespace

void run_admin(World& world, SimRandom random) {
  while (!world.stopping) {
    const std::string table = "t" + std::to_string(random.below(3));
    const auto& definition = index_definitions()[random.below(index_definitions().size())];
    const size_t choice = random.below(20);
    run_mutation(world, random, "admin", TableAccess::kSystem, [&](Attempt& attempt) {
      world.env.pause("admin.change");
      if (choice < 8) return enable_indexes(attempt);
      if (choice < 13) return add_index(attempt, table, definition);
      if (choice < 15) return drop_index(attempt, table, definition.name);
      if (choice < 17) return schema_change(attempt);
      if (choice < 18) return attempt.tx().ensure_table(table).ok();
      // Refused while the active schema names the table.
      if (choice < 19) return attempt.tx().drop_table(table).ok();
      return true;
    });
    world.env.sleep(random.magnitude(1'000'000'000));
  }
}

void check_schemas(History& history) {
  const Model& model = history.model();
  const TabletId schemas = Catalog::system_tablet("_schemas"), tables = Catalog::system_tablet("_tables");
  bool forbidden = false;
  TabletId tablet;
  auto is_bad = [](const std::optional<Value>& value) { return value && value->view().find("bad"); };
  for (const auto& [ts, writes] : model.commits()) {
    bool changed = false;
    for (const auto& [key, value] : writes)
      changed = changed || key.tablet == schemas || key.tablet == tables;
    if (changed) {
      forbidden = false;
      for (const ModelRow& row : model.rows({.tablet = schemas}, {ts})) {
        auto state = row.value.view().find_path({"state", "state"});
        forbidden =
            forbidden || (state && (state->as_string() == "active" || state->as_string() == "validated"));
      }
      tablet = {};
      for (const ModelRow& row : model.rows({.tablet = tables}, {ts})) {
        auto table = TableRow::parse(row.value);
        if (table && table->active && table->name == "t0") tablet = table->tablet;
      }
      if (forbidden) {
        for (const ModelRow& row : model.rows({.tablet = tablet}, {ts}))
          if (is_bad(row.value))
            history.fail("a schema became valid at " + std::to_string(ts.ns) +
                         " over a document that it forbids");
      }
    }
    if (!forbidden) continue;
    for (const auto& [key, value] : writes)
      if (key.tablet == tablet && is_bad(value))
        history.fail("a document that the schema forbids was committed at " + std::to_string(ts.ns));
  }
}

}  // namespace hull::simulation
