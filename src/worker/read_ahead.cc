#include "worker/read_ahead.h"

#include <utility>

namespace hull::worker {

std::optional<uint32_t> ReadAhead::Open(std::string_view args_json) {
  const size_t open = args_json.find_first_not_of(" \t\r\n");
  if (open == std::string_view::npos || args_json[open] != '{') return std::nullopt;
  const size_t rest = args_json.find_first_not_of(" \t\r\n", open + 1);
  if (rest == std::string_view::npos || args_json[rest] != '"') return std::nullopt;
  Query query;
  query.args = args_json.substr(rest);
  const uint32_t id = next_id_++;
  queries_.emplace(id, std::move(query));
  return id;
}

bool ReadAhead::Close(uint32_t query, bool* tell_server) {
  const auto it = queries_.find(query);
  if (it == queries_.end()) return false;
  *tell_server = it->second.known && !it->second.exhausted;
  queries_.erase(it);
  return true;
}

std::optional<std::string> ReadAhead::Next(uint32_t id) {
  const auto it = queries_.find(id);
  if (it == queries_.end()) return std::nullopt;
  Query& query = it->second;
  if (!query.rows.empty()) {
    if (!query.rows.front().within_limits() && !query.first_row) {
      // Too dear to hand out here: the server raises the error, or sends it again if it changed its mind.
      query.rows.clear();
      query.exhausted = false;
      return std::nullopt;
    }
    query.first_row = false;
    std::string result = "{\"value\":";
    result += query.rows.front().json();
    result += ",\"done\":false}";
    query.rows.pop_front();
    ++consumed_[id];
    return result;
  }
  if (!query.exhausted) return std::nullopt;
  queries_.erase(it);
  return "{\"value\":null,\"done\":true}";
}

bool ReadAhead::Ready(uint32_t id) const {
  const auto it = queries_.find(id);
  if (it == queries_.end()) return false;
  const Query& query = it->second;
  if (query.rows.empty()) return query.exhausted;
  return query.first_row || query.rows.front().within_limits();
}

bool ReadAhead::asking(uint32_t id) const {
  const auto it = queries_.find(id);
  return it != queries_.end() && it->second.asking;
}

std::string ReadAhead::Ask(uint32_t id) {
  Query& query = queries_.at(id);
  query.asking = true;
  std::string args = "{\"queryId\":" + std::to_string(id);
  if (query.known) return args + "}";
  query.known = true;
  return args + "," + std::exchange(query.args, {});
}

bool ReadAhead::Answer(uint32_t id, wire::Rows rows) {
  if (rows.rows().empty() && !rows.exhausted()) return false;
  const auto it = queries_.find(id);
  if (it == queries_.end()) return true;
  Query& query = it->second;
  query.asking = false;
  query.exhausted = rows.exhausted();
  query.first_row = rows.rows_size() > 0;
  for (auto& row : *rows.mutable_rows()) query.rows.push_back(std::move(row));
  return true;
}

void ReadAhead::AnswerFailed(uint32_t id) {
  const auto it = queries_.find(id);
  if (it != queries_.end()) it->second.asking = false;
}

void ReadAhead::TakeConsumed(google::protobuf::RepeatedPtrField<wire::Consumed>* into) {
  for (const auto& [query, rows] : consumed_) {
    auto* item = into->Add();
    item->set_query_id(query);
    item->set_rows(rows);
  }
  consumed_.clear();
}

}  // namespace hull::worker
