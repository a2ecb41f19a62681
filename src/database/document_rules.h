// Rules of documents (values-and-schema.md §7): assembling a revision from what a caller gives, and checking
// it. Pure functions, thread-safe.
#pragma once

#include "base/result.h"
#include "value/id.h"
#include "value/value.h"

namespace hull {

// The document with its system fields. If `fields` has them they must equal the given ones.
Result<Value> make_document(const DocumentId& id, double creation_time, ValueView fields);
// `current` with the patch's top-level fields put over it; undefined removes a field, system fields stay.
Result<Value> patch_document(const DocumentId& id, ValueView current, ValueView patch);
// Field names, nesting (`levels`: nesting(document)), number of fields.
Result<void> check_document_shape(ValueView document, size_t levels);
// 1 MiB by the size formula.
Result<void> check_document_size(size_t size);
double creation_time_of(ValueView document);
// Equal in every respect: writing `b` over `a` changes nothing.
bool same_document(ValueView a, ValueView b);

}  // namespace hull
