// Database operations of queries and mutations (syscalls.md §4, §5).
#include <algorithm>

#include "functions/transaction_call.h"

namespace hull {

namespace {

constexpr size_t kFirstPage = 64, kMaxPage = 512;
constexpr size_t kMaxPageBytes = 1 << 20;

std::string json_or_null(const DocumentPtr& document) { return document ? to_json(document->value) : "null"; }

std::optional<std::string_view> view_of(const std::optional<std::string>& text) {
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

}  // namespace

std::optional<Result<std::string>> TransactionCall::database_op(Level& level, const wire::Op& op) {
  const std::string& name = op.name();
  const std::string& args = op.args_json();
  if (name == "1.0/get") return op_get(level, args);
  if (name == "1.0/queryCleanup") return op_query_cleanup(level, args);
  if (name == "1.0/queryPage") return op_query_page(level, args);
  if (name == "1.0/db/normalizeId") return op_normalize_id(level, args);
  if (name == "1.0/count") return op_count(level, args);
  if (level.type != UdfType::kMutation) return std::nullopt;
  if (name == "1.0/insert") return op_insert(level, args);
  if (name == "1.0/shallowMerge") return op_patch(level, args);
  if (name == "1.0/replace") return op_replace(level, args);
  if (name == "1.0/remove") return op_remove(level, args);
  return std::nullopt;
}

Result<std::string> TransactionCall::op_get(Level& level, std::string_view json) {
  HULL_TRY(OpArgs args, OpArgs::parse(json, "db.get"));
  HULL_TRY(std::string id, args.string("id"));
  HULL_TRY(auto table, args.optional_string("table"));
  HULL_TRY(DocumentPtr document, level.transaction->get(id, args.flag("isSystem"), view_of(table)));
  return json_or_null(document);
}

// The worker numbers the streams; a stream's first request carries the query.
Result<void> TransactionCall::open_stream(Level& level, uint32_t id, const OpArgs& args) {
  auto query = args.raw("query");
  if (!query) return Error::bad_request("QueryNotFound", "in-progress query not found");
  HULL_TRY(QuerySpec spec, QuerySpec::parse(*query, "queryStream", commit_ts_allowed()));
  HULL_TRY(auto stream, level.transaction->query(spec, spec.table.starts_with('_')));
  OpenQuery& open = level.queries[id];
  open.stream = std::move(stream);
  open.page = kFirstPage;
  return {};
}

Result<std::string> TransactionCall::op_query_cleanup(Level& level, std::string_view json) {
  HULL_TRY(OpArgs args, OpArgs::parse(json, "queryCleanup"));
  HULL_TRY(size_t id, args.count("queryId"));
  return std::string(level.queries.erase(static_cast<uint32_t>(id)) > 0 ? "true" : "false");
}

void TransactionCall::consume(Level& level,
                              const google::protobuf::RepeatedPtrField<wire::Consumed>& reports) {
  for (const wire::Consumed& report : reports) {
    auto it = level.queries.find(report.query_id());
    if (it == level.queries.end()) continue;
    OpenQuery& open = it->second;
    size_t rows = report.rows();
    size_t served = std::min(rows, open.served);
    open.served -= served;
    rows = std::min(rows - served, open.handed_out);
    open.handed_out -= rows;
    // Each was handed out within the limits, but several streams or a nested call may have used them up
    // together. The function has the rows, so they count and are recorded; its next read fails.
    for (; rows > 0; --rows) {
      [[maybe_unused]] auto row = open.stream->next();
    }
    // After the last row the end is read too: an insert behind it must be noticed.
    if (open.exhausted && open.handed_out == 0) {
      [[maybe_unused]] auto end = open.stream->next();
      open.exhausted = false;
    }
  }
}

Result<void> TransactionCall::query_stream_next(Level& level, std::string_view json, wire::OpResult& result) {
  HULL_TRY(OpArgs args, OpArgs::parse(json, "queryStreamNext"));
  HULL_TRY(size_t id, args.count("queryId"));
  if (!level.queries.contains(static_cast<uint32_t>(id))) {
    HULL_CHECK_OK(open_stream(level, static_cast<uint32_t>(id), args));
  }
  OpenQuery& open = level.queries.at(static_cast<uint32_t>(id));
  HULL_TRY(QueryStream::PeekedRows peeked, open.stream->peek(open.page));
  open.page = std::min(open.page * 2, kMaxPage);

  const TransactionUsage& usage = level.transaction->usage();
  const TransactionLimits& limits = level.transaction->limits();
  size_t documents = usage.documents_read, bytes = usage.bytes_read, json_bytes = 0;
  wire::Rows* rows = result.mutable_rows();
  bool complete = true;
  for (const QueryStream::Peeked& row : peeked.rows) {
    documents += row.documents;
    bytes += row.bytes;
    bool within = documents <= limits.documents_read && bytes <= limits.bytes_read;
    if (!within || json_bytes > kMaxPageBytes) {
      complete = false;
      break;
    }
    wire::Row* added = rows->add_rows();
    append_json(row.document->value, *added->mutable_json());
    added->set_within_limits(true);
    json_bytes += added->json().size();
  }
  open.handed_out = static_cast<size_t>(rows->rows_size());
  open.exhausted = complete && peeked.exhausted;
  rows->set_exhausted(open.exhausted);
  if (rows->rows_size() > 0) return {};

  // Nothing that may be handed out: the next row exceeds a limit, or the end is here. Consume it and say
  // which.
  HULL_TRY(DocumentPtr document, open.stream->next());
  if (document) {
    wire::Row* added = rows->add_rows();
    append_json(document->value, *added->mutable_json());
    added->set_within_limits(true);
    rows->set_exhausted(false);
    ++open.served;
  } else {
    rows->set_exhausted(true);
  }
  open.exhausted = false;
  return {};
}

Result<std::string> TransactionCall::op_query_page(Level& level, std::string_view json) {
  HULL_TRY(OpArgs args, OpArgs::parse(json, "queryPage"));
  auto query = args.raw("query");
  if (!query) return args.invalid("missing field `query`");
  PageSpec page;
  HULL_TRY(page.query, QuerySpec::parse(*query, "queryPage", commit_ts_allowed()));
  HULL_TRY(page.cursor, args.optional_string("cursor"));
  HULL_TRY(page.end_cursor, args.optional_string("endCursor"));
  HULL_TRY(page.page_size, args.count("pageSize"));
  HULL_TRY(page.maximum_rows_read, args.optional_count("maximumRowsRead"));
  HULL_TRY(page.maximum_bytes_read, args.optional_count("maximumBytesRead"));
  HULL_TRY(Page result, level.transaction->paginate(page, view_of(journal_end_)));
  return result.to_json();
}

Result<std::string> TransactionCall::op_insert(Level& level, std::string_view json) {
  HULL_TRY(OpArgs args, OpArgs::parse(json, "db.insert"));
  HULL_TRY(std::string table, args.string("table"));
  HULL_TRY(Value value, args.value("value", {.allow_commit_ts = true}));
  HULL_TRY(DocumentId id, level.transaction->insert(table, value));
  return "{\"_id\":\"" + id.text() + "\"}";
}

Result<std::string> TransactionCall::op_patch(Level& level, std::string_view json) {
  HULL_TRY(OpArgs args, OpArgs::parse(json, "db.patch"));
  HULL_TRY(std::string id, args.string("id"));
  HULL_TRY(auto table, args.optional_string("table"));
  HULL_TRY(Value value, args.value("value", {.allow_undefined_fields = true, .allow_commit_ts = true}));
  HULL_TRY(DocumentPtr document, level.transaction->patch(id, value, view_of(table)));
  return json_or_null(document);
}

Result<std::string> TransactionCall::op_replace(Level& level, std::string_view json) {
  HULL_TRY(OpArgs args, OpArgs::parse(json, "db.replace"));
  HULL_TRY(std::string id, args.string("id"));
  HULL_TRY(auto table, args.optional_string("table"));
  HULL_TRY(Value value, args.value("value", {.allow_commit_ts = true}));
  HULL_TRY(DocumentPtr document, level.transaction->replace(id, value, view_of(table)));
  return json_or_null(document);
}

Result<std::string> TransactionCall::op_remove(Level& level, std::string_view json) {
  HULL_TRY(OpArgs args, OpArgs::parse(json, "db.delete"));
  HULL_TRY(std::string id, args.string("id"));
  HULL_TRY(auto table, args.optional_string("table"));
  HULL_TRY(DocumentPtr document, level.transaction->remove(id, view_of(table)));
  return json_or_null(document);
}

Result<std::string> TransactionCall::op_normalize_id(Level& level, std::string_view json) {
  HULL_TRY(OpArgs args, OpArgs::parse(json, "db.normalizeId"));
  HULL_TRY(std::string table, args.string("table"));
  HULL_TRY(std::string id, args.string("idString"));
  HULL_TRY(auto normalized, level.transaction->normalize_id(table, id));
  return normalized ? "{\"id\":\"" + *normalized + "\"}" : std::string("{\"id\":null}");
}

Result<std::string> TransactionCall::op_count(Level& level, std::string_view json) {
  HULL_TRY(OpArgs args, OpArgs::parse(json, "db.count"));
  HULL_TRY(std::string table, args.string("table"));
  HULL_TRY(size_t count, level.transaction->count(table));
  return std::to_string(count);
}

}  // namespace hull
