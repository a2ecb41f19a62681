#include "database/metadata_keys.h"

#include "database/catalog_rows.h"
#include "value/key.h"

namespace hull {
namespace {

IndexId index_of(std::string_view table, std::string_view index) {
  return Catalog::bootstrap()->table(table)->find_index(index)->id;
}

}  // namespace

Interval prefix_interval(const std::vector<Value>& values) {
  std::string prefix;
  for (const auto& value : values) append_key(value, prefix);
  auto end = successor(prefix);
  return Interval{std::move(prefix), std::move(end)};
}

MetadataKey table_name_key(std::string_view name) {
  static const IndexId index = index_of("_tables", "by_name");
  return {index, prefix_interval({Value::string(name)})};
}
MetadataKey table_number_key(TableNumber number) {
  static const IndexId index = index_of("_tables", "by_number");
  return {index, prefix_interval({Value::int64(number)})};
}
MetadataKey tablet_key(TabletId tablet) {
  static const IndexId index = index_of("_tables", "by_tablet");
  return {index, prefix_interval({Value::int64(tablet.n)})};
}
MetadataKey index_list_key(TabletId tablet) {
  static const IndexId index = index_of("_index", "by_table");
  return {index, prefix_interval({Value::int64(tablet.n)})};
}
MetadataKey index_name_key(TabletId tablet, std::string_view name) {
  static const IndexId index = index_of("_index", "by_table");
  return {index, prefix_interval({Value::int64(tablet.n), Value::string(name)})};
}
MetadataKey index_id_key(IndexId id) {
  static const IndexId index = index_of("_index", "by_index_id");
  return {index, prefix_interval({Value::int64(id.n)})};
}
MetadataKey schema_state_key(SchemaState state) {
  static const IndexId index = index_of("_schemas", "by_state");
  return {index, prefix_interval({Value::string(schema_state_name(state))})};
}

}  // namespace hull
