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
  auto end = end_of_prefix(prefix);
  return Interval{std::move(prefix), std::move(end)};
}

namespace {

MetadataKey prefix_key(IndexId index, std::string prefix) {
  auto end = end_of_prefix(prefix);
  return {index, Interval{std::move(prefix), std::move(end)}};
}

MetadataKey number_key(IndexId index, int64_t number) {
  std::string prefix;
  append_int64_key(number, prefix);
  return prefix_key(index, std::move(prefix));
}

}  // namespace

MetadataKey table_name_key(std::string_view name) {
  static const IndexId index = index_of("_tables", "by_name");
  std::string prefix;
  append_string_key(name, prefix);
  return prefix_key(index, std::move(prefix));
}
MetadataKey table_number_key(TableNumber number) {
  static const IndexId index = index_of("_tables", "by_number");
  return number_key(index, number);
}
MetadataKey tablet_key(TabletId tablet) {
  static const IndexId index = index_of("_tables", "by_tablet");
  return number_key(index, tablet.n);
}
MetadataKey index_list_key(TabletId tablet) {
  static const IndexId index = index_of("_index", "by_table");
  return number_key(index, tablet.n);
}
MetadataKey index_name_key(TabletId tablet, std::string_view name) {
  static const IndexId index = index_of("_index", "by_table");
  std::string prefix;
  append_int64_key(tablet.n, prefix);
  append_string_key(name, prefix);
  return prefix_key(index, std::move(prefix));
}
MetadataKey index_id_key(IndexId id) {
  static const IndexId index = index_of("_index", "by_index_id");
  return number_key(index, id.n);
}
MetadataKey schema_state_key(SchemaState state) {
  static const IndexId index = index_of("_schemas", "by_state");
  std::string prefix;
  append_string_key(schema_state_name(state), prefix);
  return prefix_key(index, std::move(prefix));
}

}  // namespace hull
