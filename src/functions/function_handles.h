// Function handles (components.md §7): text that names a function for ever, whoever holds it.
//
// A handle is the id of a `_function_handles` row {component, path, deletedTs}. Pushes make the rows, so that
// making a handle only reads. The reads belong to the transaction that is passed.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "database/transaction.h"
#include "functions/op_args.h"
#include "value/names.h"

namespace hull {

// The function behind "function://<id>", with or without "#<path>". FunctionHandleNotFound if there is none
// any more; errors about the text are argument errors of `method`.
Result<FunctionPath> resolve_function_handle(Transaction& transaction, std::string_view handle,
                                             std::string_view method);

// Result of the operation `1.0/createFunctionHandle` (syscalls.md §8.6).
Result<std::string> create_function_handle(Transaction& transaction, std::string_view args_json);

// At a push: rows for all `functions` (canonical paths); those in `before` only become unusable. A function
// that comes back gets its old handle.
Result<void> update_function_handles(Transaction& transaction, const std::set<std::string>& functions,
                                     const std::set<std::string>& before);

}  // namespace hull
