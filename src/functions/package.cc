// Source packages as blobs:
//   package = "HULLPKG1" u64 raw_size zstd(body)
//   body    = u32 count, count * module
//   module  = text path, text environment, text source, text source_map     text = u32 length, bytes
#include <zstd.h>

#include <cstring>

#include "base/digest.h"
#include "functions/code.h"

namespace hull {

namespace {

constexpr std::string_view kMagic = "HULLPKG1";
constexpr uint64_t kMaxRawSize = 1ull << 30;

void append_u32(std::string& out, uint32_t n) { out.append(reinterpret_cast<const char*>(&n), sizeof n); }
void append_text(std::string& out, std::string_view text) {
  append_u32(out, static_cast<uint32_t>(text.size()));
  out += text;
}

class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}
  bool u32(uint32_t& n) {
    if (data_.size() < sizeof n) return false;
    std::memcpy(&n, data_.data(), sizeof n);
    data_.remove_prefix(sizeof n);
    return true;
  }
  bool text(std::string& out) {
    uint32_t size = 0;
    if (!u32(size) || data_.size() < size) return false;
    out.assign(data_.substr(0, size));
    data_.remove_prefix(size);
    return true;
  }
  bool at_end() const { return data_.empty(); }

 private:
  std::string_view data_;
};

Error corrupt(const char* what) { return Error::internal(std::string("source package is corrupt: ") + what); }

}  // namespace

std::string module_hash(std::string_view source, std::string_view source_map) {
  std::string text(source);
  text += source_map;
  return sha256_hex(text);
}

std::string pack_modules(const std::vector<ModuleSource>& modules) {
  std::string body;
  append_u32(body, static_cast<uint32_t>(modules.size()));
  for (const ModuleSource& module : modules) {
    append_text(body, module.path);
    append_text(body, module.environment);
    append_text(body, module.source);
    append_text(body, module.source_map);
  }
  std::string out(kMagic);
  uint64_t raw_size = body.size();
  out.append(reinterpret_cast<const char*>(&raw_size), sizeof raw_size);
  size_t header = out.size();
  out.resize(header + ZSTD_compressBound(body.size()));
  size_t written = ZSTD_compress(out.data() + header, out.size() - header, body.data(), body.size(), 3);
  if (ZSTD_isError(written)) std::abort();  // only a too small destination can fail
  out.resize(header + written);
  return out;
}

Result<std::vector<ModuleSource>> unpack_modules(std::string_view blob) {
  if (!blob.starts_with(kMagic) || blob.size() < kMagic.size() + 8) return corrupt("unknown format");
  blob.remove_prefix(kMagic.size());
  uint64_t raw_size = 0;
  std::memcpy(&raw_size, blob.data(), sizeof raw_size);
  blob.remove_prefix(sizeof raw_size);
  if (raw_size > kMaxRawSize) return corrupt("too large");
  std::string body(raw_size, '\0');
  size_t got = ZSTD_decompress(body.data(), body.size(), blob.data(), blob.size());
  if (ZSTD_isError(got) || got != raw_size) return corrupt("compressed data");

  Reader reader(body);
  uint32_t count = 0;
  if (!reader.u32(count)) return corrupt("module count");
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

}  // namespace hull
