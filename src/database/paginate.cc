// Pagination (database.md §7.4, syscalls.md §4.6).
#include <algorithm>

#include "database/cursor.h"
#include "database/query_stream.h"
#include "database/transaction_impl.h"

namespace hull {
namespace {

constexpr size_t kMaxPageResults = 6144;

Result<void> check_page_arguments(const PageSpec& spec) {
  if (spec.page_size == 0)
    return Error::bad_request("NoDocumentsForPagination",
                              "Must request at least 1 document while paginating");
  if (spec.page_size > kMaxPageSize)
    return Error::bad_request("PageSizeTooLarge",
                              "Requested too many items: " + std::to_string(spec.page_size));
  if (spec.maximum_rows_read == 0u || spec.maximum_bytes_read == 0u)
    return Error::bad_request("InvalidPaginationLimit",
                              "maximumRowsRead and maximumBytesRead must be greater than 0");
  return {};
}

// The part of the interval after (in query order) a cursor's position.
void start_after(Interval& interval, Order order, const std::string& key) {
  if (order == Order::kAsc)
    interval.start = std::max(interval.start, key + '\0');
  else if (!interval.end || key < *interval.end)
    interval.end = key;
}
// The part up to and including the position.
void end_at(Interval& interval, Order order, const std::string& key) {
  if (order == Order::kAsc) {
    std::string end = key + '\0';
    if (!interval.end || end < *interval.end) interval.end = std::move(end);
  } else {
    interval.start = std::max(interval.start, key);
  }
}

}  // namespace

Result<Page> Transaction::paginate(const PageSpec& spec, std::optional<std::string_view> journal_end) {
  HULL_CHECK_OK(check_page_arguments(spec));
  const CursorContext& context = impl_->options.cursors;
  std::optional<std::string> end_cursor = spec.end_cursor;
  if (!end_cursor && journal_end && !journal_) end_cursor = std::string(*journal_end);
  std::optional<OpenCursor> open_start, open_end;
  if (spec.cursor) {
    HULL_TRY(open_start, open_cursor(context, *spec.cursor));
  }
  if (end_cursor) {
    HULL_TRY(open_end, open_cursor(context, *end_cursor));
  }

  HULL_TRY(auto query, impl_->compile(spec.query, spec.query.table.starts_with('_')));
  const std::vector<std::string> no_table_fields{"_creationTime"};
  std::string fingerprint =
      query_fingerprint(spec.query.fingerprint_source, query ? query->index->fields : no_table_fields);
  std::optional<CursorPosition> start, end;
  for (auto [open, position] : {std::pair(&open_start, &start), std::pair(&open_end, &end)}) {
    if (!*open) continue;
    if ((*open)->fingerprint != fingerprint) return cursor_of_another_query();
    *position = std::move((*open)->position);
  }

  Page page;
  Interval interval = query ? query->interval : Interval{"", ""};
  Order order = spec.query.order;
  bool user = query && query->user;
  if (start && start->after) start_after(interval, order, *start->after);
  if (end && end->after) end_at(interval, order, *end->after);
  bool nothing = start && start->is_end();
  if (query && query->hidden() && !interval.empty()) reads_.add(query->index->id, interval, false);
  if (nothing || (query && query->hidden())) interval = Interval{"", ""};

  OperatorChain operators(spec.query.operators);
  size_t row_limit = std::min(spec.maximum_rows_read.value_or(kMaxPageSize), kMaxPageSize);
  size_t byte_limit =
      std::min(spec.maximum_bytes_read.value_or(impl_->limits.bytes_read), impl_->limits.bytes_read);
  std::vector<std::string> keys;  // of the rows consumed
  size_t bytes = 0;
  bool exhausted = true;  // nothing more can come after this page
  bool stopped = false;   // a limit ended it
  if (!interval.empty()) {
    exhausted = false;
    size_t batch = end || operators.has_filter() ? kDefaultBatch : std::min(spec.page_size, row_limit);
    RowReader reader(*impl_, query->index, interval, order, batch);
    ConsumedRange consumed(*impl_, query->index->id, interval, order, user);
    while (true) {
      if (operators.finished()) break;
      if (!end && page.documents.size() >= spec.page_size) break;
      if (!end && !keys.empty() && (keys.size() >= row_limit || bytes >= byte_limit)) {
        stopped = true;
        break;
      }
      HULL_TRY(auto row, reader.next());
      if (!row) {
        exhausted = true;
        break;
      }
      if (query->show) {
        HULL_TRY(row->document, query->show(*this, row->document));
      }
      size_t size = convex_size(row->document->value);
      // A read limit ends the page instead of failing it, unless not even one row fits.
      if (user && !keys.empty() &&
          (usage_.documents_read + 1 > impl_->limits.documents_read ||
           usage_.bytes_read + size > impl_->limits.bytes_read)) {
        stopped = true;
        break;
      }
      bytes += size;
      keys.push_back(std::move(row->key));
      auto passes = operators.passes(row->document->value);
      Result<void> charged = user ? impl_->charge_read(query->table, 1, size) : Result<void>();
      if (!charged.ok() || !passes.ok()) {
        consumed.consumed_to(keys.back());
        return charged.ok() ? std::move(passes).error() : std::move(charged).error();
      }
      if (*passes) page.documents.push_back(std::move(row->document));
    }
    if (exhausted)
      consumed.consumed_all();
    else if (!keys.empty())
      consumed.consumed_to(keys.back());
    exhausted |= operators.finished();
    if (user) HULL_CHECK_OK(impl_->check_reads());
  }

  // Where the page ends.
  CursorPosition position;
  if (end && !stopped)
    position = *end;
  else if (!exhausted)
    position.after = keys.back();
  page.is_done = position.is_end();
  page.continue_cursor = end && !stopped ? *end_cursor : seal_cursor(context, fingerprint, position);
  if (keys.size() > 2)
    page.split_cursor = seal_cursor(context, fingerprint, CursorPosition{keys[keys.size() / 2]});
  auto above_three_quarters = [](size_t used, size_t limit) {
    return static_cast<double>(used) > 0.75 * static_cast<double>(limit);
  };
  if (stopped)
    page.status = Page::Status::kSplitRequired;
  else if (above_three_quarters(keys.size(), row_limit) || above_three_quarters(bytes, byte_limit) ||
           page.documents.size() > kMaxPageResults)
    page.status = Page::Status::kSplitRecommended;

  if (impl_->paginated)
    return Error::bad_request(
        "MultiplePaginatedDatabaseQueries",
        "This query or mutation function ran multiple paginated queries. Convex only supports a "
        "single paginated query in each function.");
  impl_->paginated = true;
  if (!journal_) journal_ = page.continue_cursor;
  return page;
}

}  // namespace hull
