// Creating, changing and deleting log streams: the rows of `_log_sinks` (http-api.md §7.3). Every function
// blocks until its commit. Stateless, thread-safe. LogStreams::refresh() makes a change take effect.
#pragma once

#include <string>

#include "functions/runner.h"

namespace hull {

// 404 LogStreamDoesntExist.
Result<DocumentPtr> find_log_stream(const Catalog& catalog, const std::string& id);

struct ChangedLogStream {
  std::string id;
  Value config;
};
// 409 LogStreamAlreadyExists: there is one of each type.
Result<ChangedLogStream> create_log_stream(FunctionRunner& runner, const Knobs& knobs, ValueView body);
Result<ChangedLogStream> update_log_stream(FunctionRunner& runner, const Knobs& knobs, const std::string& id,
                                           ValueView body);
Result<ChangedLogStream> rotate_log_stream_secret(FunctionRunner& runner, const Knobs& knobs,
                                                  const std::string& id);
Result<void> delete_log_stream(FunctionRunner& runner, const Knobs& knobs, const std::string& id);

}  // namespace hull
