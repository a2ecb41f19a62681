#include "functions/package.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "base/digest.h"

namespace hull {

namespace {

constexpr std::string_view kMagic = "HULLPKG2", kFirstMagic = "HULLPKG1";
constexpr size_t kHead = kMagic.size() + 8;
constexpr uint64_t kMaxRawSize = 1ull << 30;
constexpr uint32_t kMaxIndexSize = 256u << 20;
constexpr int kLevel = 3;

Error corrupt(const char* what) { return Error::internal(std::string("source package is corrupt: ") + what); }

template <typename T>
void append_number(std::string& out, T n) {
  out.append(reinterpret_cast<const char*>(&n), sizeof n);
}
void append_text(std::string& out, std::string_view text) {
  append_number(out, static_cast<uint32_t>(text.size()));
  out += text;
}
void append_place(std::string& out, const PackageEntry::Place& place) {
  append_number(out, place.offset);
  append_number(out, place.packed);
  append_number(out, place.size);
}

class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}
  template <typename T>
  bool number(T& n) {
    if (data_.size() < sizeof n) return false;
    std::memcpy(&n, data_.data(), sizeof n);
    data_.remove_prefix(sizeof n);
    return true;
  }
  bool text(std::string& out) {
    uint32_t size = 0;
    if (!number(size) || data_.size() < size) return false;
    out.assign(data_.substr(0, size));
    data_.remove_prefix(size);
    return true;
  }
  bool place(PackageEntry::Place& place) {
    return number(place.offset) && number(place.packed) && number(place.size);
  }
  bool at_end() const { return data_.empty(); }

 private:
  std::string_view data_;
};

Result<std::string> decompress(std::string_view frame, size_t size) {
  std::string text(size, '\0');
  size_t got = ZSTD_decompress(text.data(), text.size(), frame.data(), frame.size());
  if (ZSTD_isError(got) || got != size) return corrupt("compressed data");
  return text;
}

Result<std::vector<PackageEntry>> parse_index(std::string_view raw) {
  Reader reader(raw);
  uint32_t count = 0;
  if (!reader.number(count)) return corrupt("module count");
  std::vector<PackageEntry> entries;
  for (uint32_t i = 0; i < count; ++i) {
    PackageEntry entry;
    if (!reader.text(entry.path) || !reader.text(entry.environment) || !reader.text(entry.sha256) ||
        !reader.text(entry.package_key) || !reader.place(entry.source) || !reader.place(entry.source_map)) {
      return corrupt("module list");
    }
    entries.push_back(std::move(entry));
  }
  if (!reader.at_end()) return corrupt("trailing bytes");
  return entries;
}

// The modules of a package of the first format: u64 raw_size zstd(u32 count, count * module), where module =
// text path, text environment, text source, text source_map.
Result<std::vector<ModuleSource>> unpack_first_format(std::string_view blob) {
  uint64_t raw_size = 0;
  if (blob.size() < kFirstMagic.size() + sizeof raw_size) return corrupt("head");
  blob.remove_prefix(kFirstMagic.size());
  std::memcpy(&raw_size, blob.data(), sizeof raw_size);
  blob.remove_prefix(sizeof raw_size);
  if (raw_size > kMaxRawSize) return corrupt("too large");
  HULL_TRY(std::string body, decompress(blob, raw_size));
  Reader reader(body);
  uint32_t count = 0;
  if (!reader.number(count)) return corrupt("module count");
  std::vector<ModuleSource> modules;
  for (uint32_t i = 0; i < count; ++i) {
    ModuleSource module;
    if (!reader.text(module.path) || !reader.text(module.environment) || !reader.text(module.source) ||
        !reader.text(module.source_map)) {
      return corrupt("module list");
    }
    modules.push_back(std::move(module));
  }
  if (!reader.at_end()) return corrupt("trailing bytes");
  return modules;
}

}  // namespace

std::string module_hash(std::string_view source, std::string_view source_map) {
  std::string text(source);
  text += source_map;
  return sha256_hex(text);
}

Result<std::string> unpack_text(const PackedText& packed) {
  if (packed.size == 0) return std::string();
  return decompress(packed.frame, packed.size);
}

struct TextPacker::Context {
  std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> zstd{ZSTD_createCCtx(), ZSTD_freeCCtx};
};

TextPacker::TextPacker() : context_(std::make_unique<Context>()) {}
TextPacker::~TextPacker() = default;
TextPacker::TextPacker(TextPacker&&) noexcept = default;

PackedText TextPacker::pack(std::string_view text) {
  if (text.empty()) return {};
  std::string frame(ZSTD_compressBound(text.size()), '\0');
  size_t written =
      ZSTD_compressCCtx(context_->zstd.get(), frame.data(), frame.size(), text.data(), text.size(), kLevel);
  if (ZSTD_isError(written)) std::abort();  // only a too small destination can fail
  return {frame.substr(0, written), static_cast<uint32_t>(text.size())};
}

PackageEntry::Place PackageWriter::place(const PackedText& text) {
  PackageEntry::Place place{frames_.size(), static_cast<uint32_t>(text.frame.size()), text.size};
  frames_ += text.frame;
  return place;
}

void PackageWriter::add(std::string path, std::string environment, std::string sha256,
                        const PackedText& source, const PackedText& source_map) {
  PackageEntry entry{std::move(path), std::move(environment), std::move(sha256), "", {}, {}};
  entry.source = place(source);
  entry.source_map = place(source_map);
  entries_.push_back(std::move(entry));
}

void PackageWriter::add(const ModuleSource& module) {
  add(module.path, module.environment, module_hash(module.source, module.source_map),
      packer_.pack(module.source), packer_.pack(module.source_map));
}

void PackageWriter::refer(PackageEntry entry) { entries_.push_back(std::move(entry)); }

size_t PackageWriter::unpacked_bytes() const {
  size_t sum = 0;
  for (const PackageEntry& entry : entries_) sum += size_t{entry.source.size} + entry.source_map.size;
  return sum;
}

size_t PackageWriter::packed_bytes() const {
  size_t sum = 0;
  for (const PackageEntry& entry : entries_) sum += size_t{entry.source.packed} + entry.source_map.packed;
  return sum;
}

std::string PackageWriter::finish() && {
  std::sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  std::string index;
  append_number(index, static_cast<uint32_t>(entries_.size()));
  for (const PackageEntry& entry : entries_) {
    append_text(index, entry.path);
    append_text(index, entry.environment);
    append_text(index, entry.sha256);
    append_text(index, entry.package_key);
    append_place(index, entry.source);
    append_place(index, entry.source_map);
  }
  PackedText packed = packer_.pack(index);
  std::string head(kMagic);
  append_number(head, static_cast<uint32_t>(packed.frame.size()));
  append_number(head, packed.size);
  head += packed.frame;
  frames_.insert(0, head);
  return std::move(frames_);
}

Result<std::shared_ptr<const SourcePackage>> SourcePackage::open(BlobStore& blobs, std::string key) {
  auto package = std::make_shared<SourcePackage>();
  package->blobs_ = &blobs;
  package->key_ = std::move(key);
  HULL_TRY(std::string magic, blobs.get_range(package->key_, 0, kMagic.size()));
  if (magic == kFirstMagic) {
    HULL_TRY(std::string blob, blobs.get(package->key_));
    HULL_TRY(auto modules, unpack_first_format(blob));
    PackageWriter writer;
    for (const ModuleSource& module : modules) writer.add(module);
    package->converted_ = std::move(writer).finish();
  }
  HULL_CHECK_OK(package->read_index());
  return std::shared_ptr<const SourcePackage>(std::move(package));
}

Result<std::string> SourcePackage::read(uint64_t offset, size_t size) const {
  if (converted_.empty()) return blobs_->get_range(key_, offset, size);
  return converted_.substr(offset, size);
}

Result<void> SourcePackage::read_index() {
  HULL_TRY(std::string head, read(0, kHead));
  if (!head.starts_with(kMagic)) return corrupt("unknown format");
  uint32_t packed = 0, raw = 0;
  std::memcpy(&packed, head.data() + kMagic.size(), sizeof packed);
  std::memcpy(&raw, head.data() + kMagic.size() + sizeof packed, sizeof raw);
  if (packed > kMaxIndexSize || raw > kMaxIndexSize) return corrupt("index size");
  HULL_TRY(std::string index, read(kHead, packed));
  HULL_TRY(std::string text, decompress(index, raw));
  HULL_TRY(entries_, parse_index(text));
  frames_at_ = kHead + packed;
  return {};
}

const PackageEntry* SourcePackage::find(std::string_view path) const {
  auto it = std::lower_bound(entries_.begin(), entries_.end(), path,
                             [](const PackageEntry& entry, std::string_view p) { return entry.path < p; });
  return it == entries_.end() || it->path != path ? nullptr : &*it;
}

Result<std::string> SourcePackage::text(const PackageEntry& entry, ModuleText which) const {
  const PackageEntry::Place& place = which == ModuleText::kSource ? entry.source : entry.source_map;
  if (place.size == 0) return std::string();
  if (place.size > kMaxRawSize) return corrupt("too large");
  HULL_TRY(std::string frame, read(frames_at_ + place.offset, place.packed));
  return decompress(frame, place.size);
}

Result<std::shared_ptr<const SourcePackage>> PackageShelf::open(const std::string& key) {
  std::lock_guard lock(mutex_);
  if (auto known = open_[key].lock()) return known;
  std::erase_if(open_, [](const auto& entry) { return entry.second.expired(); });
  HULL_TRY(auto opened, SourcePackage::open(*blobs_, key));
  open_[key] = opened;
  return opened;
}

}  // namespace hull
