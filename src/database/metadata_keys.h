// The metadata a transaction depends on, as narrow key intervals of the metadata tables' indexes (database.md
// §3, §18.9): a name or a number of a table, the index definitions of a tablet, the schemas in force. Pure
// functions, thread-safe.
#pragma once

#include <initializer_list>
#include <utility>

#include "database/catalog.h"

namespace hull {

using MetadataKey = std::pair<IndexId, Interval>;

MetadataKey table_name_key(std::string_view name);
MetadataKey table_number_key(TableNumber number);
MetadataKey tablet_key(TabletId tablet);
MetadataKey index_list_key(TabletId tablet);                         // all index rows of a tablet
MetadataKey index_name_key(TabletId tablet, std::string_view name);  // those of one name
MetadataKey index_id_key(IndexId id);
MetadataKey schema_state_key(SchemaState state);

// All keys that start with the keys of `values`.
Interval prefix_interval(const std::vector<Value>& values);

}  // namespace hull
