// Messages of websocket clients (server/sync_messages.h).
#include "fuzz/fuzz_target.h"
#include "server/sync_messages.h"
#include "value/json.h"

namespace hull {
namespace {

// What is passed on to functions must be what the canonical text says.
void check(const FunctionReference& function) {
  if (function.failure) {
    fuzz_check(function.failure->ends_with('\n'), "a failure ends with a newline");
    return;
  }
  auto again = parse_convex_json(function.args_json);
  fuzz_check(again.ok() && compare(again->view(), function.args.view()) == 0,
             "arguments survive a round trip");
}

void check(const ConnectMessage& message) {
  fuzz_check(normalize_uuid(message.session_id) == message.session_id, "session ids are normalized");
  if (message.max_observed)
    fuzz_check(decode_timestamp(encode_timestamp(*message.max_observed)) == message.max_observed,
               "timestamps survive a round trip");
}
void check(const ModifyQuerySetMessage& message) {
  for (const auto& modification : message.modifications)
    if (const auto* add = std::get_if<AddQuery>(&modification)) check(add->function);
}
void check(const MutationMessage& message) { check(message.function); }
void check(const ActionMessage& message) { check(message.function); }
void check(const AuthenticateMessage& message) {
  if (message.acting_as)
    fuzz_check(message.acting_as->view().find("tokenIdentifier").has_value(),
               "an acting user has an identifier");
}
void check(const IgnoredMessage&) {}

}  // namespace
}  // namespace hull

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto message = hull::parse_client_message(hull::fuzz_text(data, size));
  if (message.ok()) std::visit([](const auto& m) { hull::check(m); }, *message);
  return 0;
}
