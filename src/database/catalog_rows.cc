#include "database/catalog_rows.h"

#include <array>

namespace hull {
namespace {

std::optional<std::string> string_field(ValueView row, std::string_view name) {
  auto field = row.find(name);
  if (!field || !field->is_string()) return std::nullopt;
  return std::string(field->as_string());
}

std::optional<uint32_t> id_field(ValueView row, std::string_view name) {
  auto field = row.find(name);
  if (!field || !field->is_int64()) return std::nullopt;
  int64_t n = field->as_int64();
  if (n < 0 || n > UINT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(n);
}

bool true_field(ValueView row, std::string_view name) {
  auto field = row.find(name);
  return field && field->is_bool() && field->as_bool();
}

constexpr std::array<std::string_view, 5> kSchemaStates{"pending", "validated", "active", "failed",
                                                        "overwritten"};

}  // namespace

IndexId by_id_index(TabletId tablet) { return IndexId{2 * tablet.n}; }
IndexId by_creation_time_index(TabletId tablet) { return IndexId{2 * tablet.n + 1}; }

std::optional<TableRow> TableRow::parse(ValueView row) {
  auto name = string_field(row, "name");
  auto number = id_field(row, "number");
  auto state = string_field(row, "state");
  auto tablet = id_field(row, "tablet");
  if (!name || !number || !state || !tablet) return std::nullopt;
  return TableRow{*name, *number, *state == "active", TabletId{*tablet}};
}

Value TableRow::fields() const {
  ValueBuilder b;
  b.begin_object();
  b.key("name").string(name);
  b.key("number").int64(number);
  b.key("state").string(active ? "active" : "deleting");
  b.key("tablet").int64(tablet.n);
  b.key("byId").int64(by_id_index(tablet).n);
  b.key("byCreationTime").int64(by_creation_time_index(tablet).n);
  b.end();
  return b.finish();
}

std::optional<IndexRowFields> IndexRowFields::parse(ValueView row) {
  auto tablet = id_field(row, "table_id");
  auto descriptor = string_field(row, "descriptor");
  auto config = row.find("config");
  if (!tablet || !descriptor || !config) return std::nullopt;
  auto type = string_field(*config, "type");
  if (!type) return std::nullopt;
  IndexRowFields result;
  result.tablet = TabletId{*tablet};
  result.descriptor = *descriptor;
  result.type = *type;
  if (auto index = id_field(row, "index_id")) result.index = IndexId{*index};
  if (*type != "database") return result;
  if (result.index.n == 0) return std::nullopt;
  auto fields = config->find("fields");
  auto on_disk = config->find("onDiskState");
  if (!fields || !fields->is_array() || !on_disk) return std::nullopt;
  for (size_t i = 0; i < fields->count(); ++i) {
    if (!fields->element(i).is_string()) return std::nullopt;
    result.fields.emplace_back(fields->element(i).as_string());
  }
  auto state = string_field(*on_disk, "type");
  if (state == "Enabled") {
    result.state = IndexState::kEnabled;
  } else if (state == "Backfilled2") {
    result.state = IndexState::kBackfilled;
    result.staged = true_field(*on_disk, "staged");
  } else if (state == "Dropped") {
    result.dropped = true;
  } else {
    result.state = IndexState::kBackfilling;
    if (auto backfill = on_disk->find("backfillState")) result.staged = true_field(*backfill, "staged");
  }
  return result;
}

Value IndexRowFields::fields_value() const {
  ValueBuilder b;
  b.begin_object();
  b.key("table_id").int64(tablet.n);
  b.key("descriptor").string(descriptor);
  b.key("index_id").int64(index.n);
  b.key("config").begin_object();
  b.key("type").string(type);
  b.key("fields").begin_array();
  for (const auto& field : fields) b.string(field);
  b.end();
  b.key("onDiskState").begin_object();
  if (dropped) {
    b.key("type").string("Dropped");
  } else if (state == IndexState::kEnabled) {
    b.key("type").string("Enabled");
  } else if (state == IndexState::kBackfilled) {
    b.key("type").string("Backfilled2");
    b.key("staged").boolean(staged);
  } else {
    b.key("type").string("Backfilling");
    b.key("backfillState").begin_object();
    b.key("indexCreatedLowerBound").int64(0);
    b.key("retentionStarted").boolean(false);
    b.key("staged").boolean(staged);
    b.end();
  }
  b.end();
  b.end();
  b.end();
  return b.finish();
}

std::string_view schema_state_name(SchemaState state) { return kSchemaStates[static_cast<size_t>(state)]; }

std::optional<SchemaState> parse_schema_state(std::string_view name) {
  for (size_t i = 0; i < kSchemaStates.size(); ++i)
    if (kSchemaStates[i] == name) return static_cast<SchemaState>(i);
  return std::nullopt;
}

Value schema_row_fields(SchemaState state, std::string_view schema_json,
                        const std::optional<std::string>& error, const std::optional<std::string>& table) {
  ValueBuilder b;
  b.begin_object();
  b.key("state").begin_object();
  b.key("state").string(schema_state_name(state));
  if (error) b.key("error").string(*error);
  if (table) b.key("tableName").string(*table);
  b.end();
  b.key("schema").string(schema_json);
  b.end();
  return b.finish();
}

Value without_system_fields(ValueView document) {
  ValueBuilder b;
  b.begin_object();
  for (size_t i = 0; i < document.count(); ++i) {
    auto [name, value] = document.field(i);
    if (name != "_id" && name != "_creationTime") b.key(name).value(value);
  }
  b.end();
  return b.finish();
}

}  // namespace hull
