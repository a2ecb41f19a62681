#include "server/sync_chunks.h"

#include <algorithm>

#include "value/json.h"

namespace hull {

std::vector<std::string> chunk_transition(std::string_view transition, size_t max_bytes) {
  std::vector<std::string_view> pieces;
  std::string_view rest = transition;
  while (!rest.empty()) {
    size_t cut = std::min(rest.size(), max_bytes);
    while (cut > 0 && cut < rest.size() && (static_cast<unsigned char>(rest[cut]) & 0xC0) == 0x80) --cut;
    if (cut == 0) cut = std::min(rest.size(), max_bytes);
    pieces.push_back(rest.substr(0, cut));
    rest.remove_prefix(cut);
  }
  std::string id = std::to_string(transition.size());
  std::vector<std::string> out;
  out.reserve(pieces.size());
  for (size_t i = 0; i < pieces.size(); ++i) {
    std::string message;
    message.reserve(pieces[i].size() + pieces[i].size() / 8 + 128);
    message += "{\"type\":\"TransitionChunk\",\"chunk\":";
    append_json_string(pieces[i], message);
    message += ",\"partNumber\":" + std::to_string(i) + ",\"totalParts\":" + std::to_string(pieces.size()) +
               ",\"transitionId\":\"" + id + "\"}";
    out.push_back(std::move(message));
  }
  return out;
}

}  // namespace hull
