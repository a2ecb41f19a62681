#include "storage/blob_store.h"

namespace hull {

Result<void> BlobStore::put(std::string_view key, std::string_view bytes) {
  HULL_TRY(auto writer, create(key));
  HULL_CHECK_OK(writer->append(bytes));
  return writer->finish();
}

Result<std::string> BlobStore::get(std::string_view key) {
  HULL_TRY(auto reader, open(key));
  return reader->read(0, reader->size());
}

Result<std::string> BlobStore::get_range(std::string_view key, uint64_t offset, size_t size) {
  HULL_TRY(auto reader, open(key));
  return reader->read(offset, size);
}

Result<std::vector<BlobStore::Entry>> BlobStore::list(std::string_view directory) {
  std::vector<Entry> entries;
  HULL_CHECK_OK(list(directory, [&entries](Entry entry) {
    entries.push_back(std::move(entry));
    return true;
  }));
  return entries;
}

}  // namespace hull
