// The ids of a table built by `bench_engine prepare`.
#pragma once

#include "engine_lab.h"

namespace hull::bench {

// Id of the document `message(i)` among `documents`. Ids are spread over the whole range and ascend, so that
// a large table is quick to build; ids of later inserts fall anywhere between them.
DocumentId built_id(const TableInfo& table, uint64_t i, uint64_t documents);

}  // namespace hull::bench
