// A revision of a document as transactions and caches share it. Immutable, thread-safe.
#pragma once

#include <memory>

#include "base/time.h"
#include "storage/store.h"
#include "value/id.h"
#include "value/value.h"

namespace hull {

struct Document {
  DocumentId id;
  TabletId tablet;
  Timestamp ts;  // commit that wrote it; 0 while it is only a pending write
  Value value;   // includes _id and _creationTime
};
using DocumentPtr = std::shared_ptr<const Document>;

}  // namespace hull
