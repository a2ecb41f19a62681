#include <algorithm>

#include "base/log.h"
#include "database/maintenance_jobs.h"
#include "value/key.h"

namespace hull {
namespace {

constexpr size_t kMinChunk = 8;
constexpr size_t kMaxChunk = 512;
constexpr std::string_view kProgress = "_index_backfills";

std::shared_ptr<const IndexInfo> next_backfilling(const Catalog& catalog) {
  for (const auto& [name, table] : catalog.tables())
    for (const auto& index : table->indexes)
      if (index->state == IndexState::kBackfilling) return index;
  return nullptr;
}

struct Progress {
  DocumentPtr row;
  int64_t indexed = 0, total = 0;
  std::string cursor;  // by_id keys below this are done
};

Value progress_fields(IndexId index, const Progress& progress) {
  ValueBuilder b;
  b.begin_object();
  b.key("indexId").int64(index.n);
  b.key("numDocsIndexed").int64(progress.indexed);
  b.key("totalDocs").int64(progress.total);
  b.key("cursor").bytes(progress.cursor);
  b.end();
  return b.finish();
}

Result<Progress> read_progress(Transaction& tx, IndexId index) {
  Progress progress;
  HULL_TRY(progress.row, tx.system_find(kProgress, "by_index_id", {Value::int64(index.n)}));
  if (!progress.row) return progress;
  ValueView value = progress.row->value;
  if (auto indexed = value.find("numDocsIndexed"); indexed && indexed->is_int64())
    progress.indexed = indexed->as_int64();
  if (auto total = value.find("totalDocs"); total && total->is_int64()) progress.total = total->as_int64();
  if (auto cursor = value.find("cursor"); cursor && cursor->is_bytes()) progress.cursor = cursor->as_string();
  return progress;
}

}  // namespace

Result<bool> IndexBackfill::step(const MaintenanceContext& context) {
  SnapshotPtr snapshot = context.engine.snapshot();
  auto index = next_backfilling(*snapshot->catalog());
  if (!index) return false;
  const TableInfo& table = *snapshot->catalog()->table(index->tablet);

  Transaction::Options options;
  options.access = TableAccess::kSystem;
  options.writable = true;
  options.knobs = &context.knobs;
  options.now_ms = context.engine.env().unix_millis();
  Transaction tx(snapshot, options);
  HULL_TRY(Progress progress, read_progress(tx, index->id));
  HULL_TRY(Chunk chunk, read_chunk(*snapshot, table, progress.cursor, chunk_));
  const auto& rows = chunk.rows;
  progress.indexed += static_cast<int64_t>(rows.size());
  const bool finished = chunk.last;
  if (finished) {
    if (progress.row) HULL_CHECK_OK(tx.system_remove(progress.row->id));
    HULL_CHECK_OK(tx.set_index_state(index->row, IndexState::kBackfilled, index->staged));
  } else {
    if (!progress.row) {
      HULL_TRY(TableSummary summary, snapshot->summary(table.tablet));
      progress.total = summary.documents;
    }
    progress.cursor = rows.back().key + '\0';
    Value fields = progress_fields(index->id, progress);
    if (progress.row) {
      HULL_CHECK_OK(tx.system_replace(progress.row->id, fields));
    } else {
      HULL_CHECK_OK(tx.system_insert(kProgress, fields));
    }
  }
  CommitRequest request = tx.commit_request("_system/backfill");
  for (const auto& row : rows) {
    request.reads.add_point(table.by_id, row.key, false);
    request.backfill.push_back({index->id, index->key_for(row.document->value), row.document});
  }
  HULL_TRY(bool committed, submit_and_wait(context.engine, std::move(request)));
  // Smaller chunks get through where documents change all the time.
  chunk_ = committed ? std::min(chunk_ * 2, kMaxChunk) : std::max(chunk_ / 2, kMinChunk);
  if (committed && finished)
    spdlog::info("index back-filled table={} index={} documents={}", table.name, index->name,
                 progress.indexed);
  return true;
}

}  // namespace hull
