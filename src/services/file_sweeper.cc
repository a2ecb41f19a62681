#include "services/file_sweeper.h"

#include <algorithm>
#include <chrono>

#include "base/encoding.h"
#include "base/log.h"
#include "base/time.h"
#include "functions/stored_files.h"

namespace hull {
namespace {

constexpr size_t kPage = 500;
constexpr double kLeastIntervalS = 0.1, kMostIntervalS = 6 * 3600;
constexpr double kNanos = 1e9;

}  // namespace

std::optional<FileSweep::Key> FileSweep::key_of(std::string_view uuid) {
  auto text = parse_uuid(uuid);
  if (!text) return std::nullopt;
  text->erase(std::remove(text->begin(), text->end(), '-'), text->end());
  std::string bytes = *hex_decode(*text);
  Key key;
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return key;
}

// Page by page over the newest state: a row that is there all the time is seen, and one that comes meanwhile
// belongs to a blob that is young.
Result<std::vector<FileSweep::Key>> FileSweep::referenced() const {
  std::vector<Key> keys;
  Interval rest{"", std::nullopt};
  while (true) {
    SnapshotPtr snapshot = options_.engine->snapshot();
    const TableInfo* table = snapshot->catalog()->table("_file_storage");
    if (!table) return Error::internal("no table _file_storage");
    HULL_TRY(auto rows, snapshot->scan(*table->find_index("by_id"), rest, Order::kAsc, kPage));
    for (const IndexRow& row : rows) {
      auto storage_key = row.document->value->find("storageKey");
      if (!storage_key || !storage_key->is_string()) return Error::internal("malformed _file_storage row");
      if (auto key = key_of(storage_key->as_string())) keys.push_back(*key);
    }
    if (rows.size() < kPage) break;
    rest.start = rows.back().key + '\0';
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

Result<FileSweep::Removed> FileSweep::run(int64_t now_ns) {
  HULL_TRY(auto keep, referenced());
  const int64_t written_before = now_ns - static_cast<int64_t>(options_.age_s * kNanos);
  const int64_t alone_since = now_ns - static_cast<int64_t>(options_.snapshot_life_s * kNanos);
  std::map<Key, int64_t> still;
  std::vector<BlobStore::Entry> removable;
  HULL_CHECK_OK(options_.blobs->list(kFilesDirectory, [&](BlobStore::Entry entry) {
    std::string_view name = std::string_view(entry.key).substr(kFilesDirectory.size() + 1);
    if (!name.ends_with(kBlobSuffix) || entry.written_ns > written_before) return true;
    auto key = key_of(name.substr(0, name.size() - kBlobSuffix.size()));
    if (!key || std::binary_search(keep.begin(), keep.end(), *key)) return true;
    auto before = without_row_since_.find(*key);
    const int64_t since = before == without_row_since_.end() ? now_ns : before->second;
    if (since <= alone_since) {
      removable.push_back(std::move(entry));
    } else {
      still[*key] = since;
    }
    return true;
  }));
  Removed removed;
  for (const BlobStore::Entry& entry : removable) {
    HULL_CHECK_OK(options_.blobs->remove(entry.key));
    ++removed.files;
    removed.bytes += entry.size;
  }
  without_row_since_ = std::move(still);
  return removed;
}

FileSweeper::FileSweeper(const FileSweeperOptions& options) : options_(options), sweep_(options) {
  thread_ = std::thread([this] { run(); });
}

FileSweeper::~FileSweeper() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

double FileSweeper::pause_s() const {
  const double interval = std::clamp(options_.age_s / 4, kLeastIntervalS, kMostIntervalS);
  return sweep_.has_more_to_remove() ? std::min(interval, options_.snapshot_life_s + kLeastIntervalS)
                                     : interval;
}

void FileSweeper::run() {
  std::unique_lock lock(mutex_);
  double pause = std::min(options_.first_look_s, pause_s());
  while (true) {
    changed_.wait_for(lock, std::chrono::duration<double>(pause), [this] { return stopping_; });
    if (stopping_) return;
    lock.unlock();
    auto removed = sweep_.run(unix_nanos());
    pause = pause_s();
    if (!removed.ok()) {
      spdlog::error("Looking for files without rows failed: {}", removed.error().message);
    } else if (removed->files > 0) {
      spdlog::info("Removed {} blobs of deleted or unfinished files ({} bytes)", removed->files,
                   removed->bytes);
    }
    lock.lock();
  }
}

}  // namespace hull
