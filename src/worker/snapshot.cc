#include "worker/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string_view>

#include "worker/natives.h"
#include "worker/realm.h"

namespace hull::worker {

using v8::Context;
using v8::Local;

namespace {

constexpr std::string_view kMagic = "HULLSNP1";
constexpr size_t kHeadBytes = 12;
constexpr size_t kPage = 4096;
constexpr uint32_t kEntryTimeoutMs = 4000;

size_t RoundUp(size_t size) { return (size + kPage - 1) / kPage * kPage; }

size_t NativeHandleBytes(v8::Isolate* isolate) {
  v8::HeapStatistics stats;
  isolate->GetHeapStatistics(&stats);
  return stats.used_global_handles_size();
}

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// Evaluates one entry and adds its context. False if it cannot be part of the snapshot.
bool AddEntry(Host& host, v8::SnapshotCreator& creator, const std::string& path, uint64_t id,
              wire::SnapshotEntry* entry) {
  v8::Isolate* isolate = host.v8();
  const v8::HandleScope handles(isolate);
  const size_t handles_before = NativeHandleBytes(isolate);
  Local<Context> context;
  {
    Realm realm(host, id, kEntryTimeoutMs, Realm::Microtasks::kIsolate);
    if (!realm.Create(Phase::kImport)) return false;
    context = realm.context();
    const Turn turn(realm);
    if (realm.ImportEntry(path).IsEmpty() || realm.FailOnUnhandledRejection()) return false;
    for (const std::string& module_path : realm.modules().paths()) {
      Local<v8::Module> module;
      if (!realm.modules().Find(module_path).ToLocal(&module)) return false;
      auto* item = entry->add_modules();
      item->set_path(module_path);
      item->set_data_index(static_cast<uint32_t>(creator.AddData(context, module)));
    }
    for (wire::LogLine& line : realm.TakeLogs()) *entry->add_import_logs() = std::move(line);
    entry->set_path(path);
    entry->set_hooks_index(static_cast<uint32_t>(creator.AddData(context, realm.hooks())));
  }
  // What is left now are handles of native objects (Intl formatters); V8 would abort on those that are
  // reachable.
  if (NativeHandleBytes(isolate) > handles_before) {
    isolate->LowMemoryNotification();
    if (NativeHandleBytes(isolate) > handles_before) return false;
  }
  entry->set_context_index(static_cast<uint32_t>(creator.AddContext(context)));
  return true;
}

// Whether what has been evaluated so far is all that the snapshot may hold.
bool IsFull(v8::Isolate* isolate, const wire::BuildSnapshot& request,
            std::chrono::steady_clock::time_point started) {
  if (request.max_ms() > 0 &&
      std::chrono::steady_clock::now() - started > std::chrono::milliseconds(request.max_ms())) {
    return true;
  }
  v8::HeapStatistics stats;
  isolate->GetHeapStatistics(&stats);
  if (request.max_heap_bytes() == 0 || stats.used_heap_size() <= request.max_heap_bytes()) return false;
  // It may be garbage.
  isolate->LowMemoryNotification();
  isolate->GetHeapStatistics(&stats);
  return stats.used_heap_size() > request.max_heap_bytes();
}

}  // namespace

bool SnapshotFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  struct stat info {};
  const bool sized = fstat(fd, &info) == 0 && info.st_size > static_cast<off_t>(kHeadBytes);
  const size_t size = sized ? static_cast<size_t>(info.st_size) : 0;
  void* data = sized ? mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
  close(fd);
  if (data == MAP_FAILED) return false;
  const std::string_view bytes(static_cast<const char*>(data), size);
  uint32_t index_size = 0;
  memcpy(&index_size, bytes.data() + kMagic.size(), sizeof index_size);
  const size_t blob_at = RoundUp(kHeadBytes + size_t{index_size});
  if (!bytes.starts_with(kMagic) || blob_at >= size ||
      !index_.ParseFromArray(bytes.data() + kHeadBytes, static_cast<int>(index_size)) ||
      index_.v8_version() != v8::V8::GetVersion()) {
    munmap(data, size);
    index_.Clear();
    return false;
  }
  blob_ = {bytes.data() + blob_at, static_cast<int>(size - blob_at)};
  if (!blob_.IsValid()) {
    blob_ = {nullptr, 0};
    index_.Clear();
    return false;
  }
  return true;
}

const wire::SnapshotEntry* SnapshotFile::Find(const std::string& entry) const {
  for (const auto& item : index_.entries()) {
    if (item.path() == entry) return &item;
  }
  return nullptr;
}

SnapshotWriter::~SnapshotWriter() {
  if (fd_ >= 0) close(fd_);
}

bool SnapshotWriter::Open(const std::string& path) {
  path_ = path;
  fd_ = open((path + ".tmp").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  return fd_ >= 0;
}

bool SnapshotWriter::Commit(const wire::SnapshotIndex& index, const v8::StartupData& blob) {
  std::string head(kMagic);
  const std::string body = index.SerializeAsString();
  const auto size = static_cast<uint32_t>(body.size());
  head.append(reinterpret_cast<const char*>(&size), sizeof size);
  head += body;
  head.resize(RoundUp(head.size()), '\0');
  return WriteAll(fd_, head) && WriteAll(fd_, {blob.data, static_cast<size_t>(blob.raw_size)}) &&
         rename((path_ + ".tmp").c_str(), path_.c_str()) == 0;
}

wire::SnapshotBuilt BuildSnapshot(Host& host, node::MultiIsolatePlatform* platform,
                                  const IsolateLimits& limits, const wire::BuildSnapshot& request,
                                  SnapshotWriter& writer) {
  wire::SnapshotBuilt built;
  wire::SnapshotIndex index;
  index.set_v8_version(v8::V8::GetVersion());
  host.isolate = std::make_unique<Isolate>(
      platform, [&host] { host.queue.Wake(); }, limits, nullptr, true);
  v8::Isolate* isolate = host.v8();
  v8::StartupData blob{nullptr, 0};
  {
    v8::SnapshotCreator creator(isolate, host.isolate->params());
    host.isolate->Configure();
    {
      const v8::HandleScope handles(isolate);
      creator.SetDefaultContext(Context::New(isolate));
      // Made before the first entry, whose handles are counted.
      NativesTemplate(host);
    }
    uint64_t id = 0;
    bool full = false;
    const auto started = std::chrono::steady_clock::now();
    for (const std::string& path : request.entries()) {
      full = full || IsFull(isolate, request, started);
      if (full) {
        built.set_left_out(built.left_out() + 1);
        continue;
      }
      wire::SnapshotEntry entry;
      if (AddEntry(host, creator, path, ++id, &entry)) {
        built.add_entries(path);
        *index.add_entries() = std::move(entry);
      } else {
        built.add_failed_entries(path);
      }
    }
    host.natives.Reset();
    blob = creator.CreateBlob(v8::SnapshotCreator::FunctionCodeHandling::kKeep);
  }
  if (blob.data && writer.Commit(index, blob)) built.set_bytes(static_cast<uint64_t>(blob.raw_size));
  delete[] blob.data;
  return built;
}

}  // namespace hull::worker
