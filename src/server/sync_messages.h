// Messages a client sends over the sync websocket (sync-protocol.md §2, §3), parsed from JSON text. Pure,
// thread-safe.
//
// Leniency: unknown fields and unknown message types are accepted; absent optionals may be null. Bad function
// paths, component paths and arguments do not make a message malformed: they are carried as `failure` and
// become failed results, because a FatalError would end a JavaScript client for good.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "value/names.h"
#include "value/value.h"

namespace hull {

// What to call, or why that is impossible.
struct FunctionReference {
  FunctionPath path;
  Value args;             // array of one object
  std::string args_json;  // the same as canonical JSON
  std::string component_path;
  std::optional<std::string> failure;  // text for the caller; the other members may be unset
};

struct ConnectMessage {
  std::string session_id;
  std::optional<Timestamp> max_observed;
  std::optional<double> client_ts;
};
struct AddQuery {
  uint32_t query_id = 0;
  FunctionReference function;
  std::optional<std::string> journal;
};
struct RemoveQuery {
  uint32_t query_id = 0;
};
struct ModifyQuerySetMessage {
  uint32_t base_version = 0, new_version = 0;
  std::vector<std::variant<AddQuery, RemoveQuery>> modifications;
};
struct MutationMessage {
  uint32_t request_id = 0;
  FunctionReference function;
};
struct ActionMessage {
  uint32_t request_id = 0;
  FunctionReference function;
};
struct AuthenticateMessage {
  enum class Type { kNone, kUser, kAdmin } type = Type::kNone;
  uint32_t base_version = 0;
  std::string value;
  std::optional<Value> acting_as;  // attributes object with tokenIdentifier filled in
};
// Event and everything unknown.
struct IgnoredMessage {
  std::string type;
};

using ClientMessage = std::variant<ConnectMessage, ModifyQuerySetMessage, MutationMessage, ActionMessage,
                                   AuthenticateMessage, IgnoredMessage>;

// The error's message is the detail behind "Received Invalid JSON on websocket: ".
Result<ClientMessage> parse_client_message(std::string_view text);

// base64 of 8 little-endian bytes.
std::string encode_timestamp(Timestamp ts);
std::optional<Timestamp> decode_timestamp(std::string_view text);

// Lower-case 8-4-4-4-12 hex digits; nullopt if `text` is no UUID.
std::optional<std::string> normalize_uuid(std::string_view text);

}  // namespace hull
