// Configurations of log streams (http-api.md §7.4): parsed from request bodies, kept as rows of `_log_sinks`,
// shown without their secrets. Plain data and pure functions, thread-safe.
//
// A row is {config: {type, ...fields, topics?}, status: {type, reason?}, version: "2"}; the tag is
// `logStreamType` in requests and answers and `type` in rows.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "value/value.h"

namespace hull {

// The config of a new stream. `body` is a plain JSON object. Errors, all 400: BadJsonBody,
// UnsupportedLogStreamType, EmptyLogTopics, InvalidLogTopic, InvalidWebhookUrl, InvalidAxiomIngestUrl,
// InvalidSentryDsn, InvalidPostHogHost. Webhooks get a secret.
Result<Value> new_log_stream_config(ValueView body);
// `config` with the fields that `body` names: absent = kept, null = cleared. Also 400 LogStreamTypeMismatch.
Result<Value> updated_log_stream_config(ValueView config, ValueView body);
// `config` of a webhook with another secret; 400 NoSecretToRotate for the other types.
Result<Value> rotated_log_stream_config(ValueView config);

std::string log_stream_type(ValueView config);
// The JSON object that list and get routes show.
std::string public_log_stream_json(std::string_view id, ValueView row);

// Where a Sentry project takes envelopes, from its DSN.
struct SentryTarget {
  std::string url, public_key;
};
std::optional<SentryTarget> parse_sentry_dsn(std::string_view dsn);

}  // namespace hull
