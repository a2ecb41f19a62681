#include "services/audit_events.h"

#include "base/encoding.h"
#include "services/json_fields.h"
#include "value/json.h"
#include "value/key.h"

namespace hull {
namespace {

std::string event_json(ValueView row) {
  auto metadata = row.find("metadata");
  return "{\"actor\":{\"kind\":\"system\"},\"action\":" + json_string(json::text_or_empty(row, "action")) +
         ",\"createTime\":" + to_json(*row.find("_creationTime"), JsonFormat::kClean) +
         ",\"metadata\":" + (metadata ? to_json(*metadata, JsonFormat::kClean) : "{}") +
         ",\"clientIp\":null,\"clientUserAgent\":null}";
}

}  // namespace

Result<std::string> audit_events(const Snapshot& snapshot, double from_ms,
                                 const std::optional<std::string>& cursor, size_t limit) {
  std::string start = key_of(Value::float64(from_ms));
  if (cursor) {
    auto last = base64url_decode(*cursor);
    if (!last) return Error::bad_request("InvalidCursor", "Failed to parse cursor");
    start = *last + '\0';
  }
  auto index = snapshot.catalog()->table("_deployment_audit_log")->find_index("by_creation_time");
  HULL_TRY(auto rows, snapshot.scan(*index, Interval{start, std::nullopt}, Order::kAsc, limit + 1));
  const bool more = rows.size() > limit;
  if (more) rows.pop_back();
  std::string items;
  for (const auto& row : rows) items += (items.empty() ? "" : ",") + event_json(row.document->value);
  std::string out = "{\"items\":[" + items + "],\"pagination\":{\"hasMore\":" + (more ? "true" : "false");
  if (more) out += ",\"nextCursor\":" + json_string(base64url_encode(rows.back().key));
  return out + "}}";
}

}  // namespace hull
