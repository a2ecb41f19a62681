// Cuts the JSON text of a large Transition into TransitionChunk messages (sync-protocol.md §9.4). Pure
// function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hull {

// Pieces hold at most `max_bytes` of `transition` each and never split a UTF-8 character.
std::vector<std::string> chunk_transition(std::string_view transition, size_t max_bytes);

}  // namespace hull
