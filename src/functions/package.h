// Source packages: the modules of one push as a blob, in which every text can be read alone.
//
// A package lists all modules of its push. The texts of those that the push changed are in the package
// itself, the others stay where an earlier push put them, so that a push stores what it changed and nothing
// else.
//
//   package = "HULLPKG2" u32 index_size u32 raw_index_size zstd(index) frame*
//   index   = u32 count, count * entry
//   entry   = text path, environment, sha256, package_key ("" = this one), packed source, packed map
//   packed  = u64 offset of the zstd frame behind the index, u32 its size, u32 size of the text (0: no frame)
//   text    = u32 length, bytes
// Packages of the first format (one compressed list) are converted in memory when they are opened.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/blob_store.h"

namespace hull {

struct ModuleSource {
  std::string path;  // "messages.js", "_deps/ABC.js"
  std::string source;
  std::string source_map;               // "" = none
  std::string environment = "isolate";  // or "node"
};
// sha256 hex of the source followed by its map, as the CLI computes it (deploy-and-cli.md §2.2).
std::string module_hash(std::string_view source, std::string_view source_map);

enum class ModuleText { kSource, kSourceMap };

// A text, compressed.
struct PackedText {
  std::string frame;  // "" if the text is empty
  uint32_t size = 0;  // of the text
};
Result<std::string> unpack_text(const PackedText& packed);

// Compresses texts one after another, with tables that serve all of them. Not thread-safe.
class TextPacker {
 public:
  TextPacker();
  ~TextPacker();
  TextPacker(TextPacker&&) noexcept;
  PackedText pack(std::string_view text);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

struct PackageEntry {
  struct Place {
    uint64_t offset = 0;
    uint32_t packed = 0, size = 0;
  };
  std::string path, environment, sha256;
  std::string package_key;  // "" = the package it is listed in
  Place source, source_map;
};

// Builds a package. Not thread-safe.
class PackageWriter {
 public:
  void add(std::string path, std::string environment, std::string sha256, const PackedText& source,
           const PackedText& source_map);
  void add(const ModuleSource& module);
  // A module whose texts are in another package; `entry` with the key of that one.
  void refer(PackageEntry entry);
  // Bytes of all modules, those elsewhere included: of their texts, and compressed.
  size_t unpacked_bytes() const;
  size_t packed_bytes() const;
  std::string finish() &&;

 private:
  PackageEntry::Place place(const PackedText& text);

  TextPacker packer_;
  std::vector<PackageEntry> entries_;
  std::string frames_;
};

// A package opened for reading: its index is in memory, texts are read when asked for. Immutable,
// thread-safe.
class SourcePackage {
 public:
  // `blobs` must outlive it. NotFound if there is no such blob.
  static Result<std::shared_ptr<const SourcePackage>> open(BlobStore& blobs, std::string key);

  const std::vector<PackageEntry>& entries() const { return entries_; }
  const PackageEntry* find(std::string_view path) const;
  // Of an entry whose texts are here.
  Result<std::string> text(const PackageEntry& entry, ModuleText which) const;

 private:
  Result<std::string> read(uint64_t offset, size_t size) const;
  Result<void> read_index();

  BlobStore* blobs_ = nullptr;
  std::string key_;
  std::string converted_;  // a package of the first format in the form of this one
  uint64_t frames_at_ = 0;
  std::vector<PackageEntry> entries_;  // by path
};

// Packages by key, each opened when first needed and shared by all who hold it. Thread-safe.
class PackageShelf {
 public:
  explicit PackageShelf(BlobStore* blobs) : blobs_(blobs) {}
  Result<std::shared_ptr<const SourcePackage>> open(const std::string& key);

 private:
  BlobStore* const blobs_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const SourcePackage>> open_;
};

}  // namespace hull
