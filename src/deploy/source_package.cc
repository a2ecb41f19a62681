#include "deploy/source_package.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/digest.h"
#include "services/json_fields.h"

namespace hull {
namespace {

constexpr std::string_view kDirectory = "modules", kPrefix = "modules/";
// The CLI may wait for the back-filling of large indexes between the start and the end of a push.
constexpr int64_t kUnfinishedNs = 24 * 3600 * int64_t{1'000'000'000};
constexpr size_t kMaxPacked = 90'000'000;
constexpr size_t kMaxUnpacked = 230'000'000;

Error conflict(std::string_view code, std::string message) {
  return Error{ErrorKind::kConflict, std::string(code), std::move(message), std::nullopt};
}

}  // namespace

Result<std::vector<PackageEntry>> unchanged_modules(const PushRequest& request, const Catalog& catalog,
                                                    PackageShelf& shelf) {
  std::vector<PackageEntry> result;
  if (request.unchanged.empty()) return result;
  std::map<std::string, DocumentPtr> rows;
  for (const auto& row : catalog.system_rows("_modules")) rows[json::text_or_empty(row->value, "path")] = row;
  std::map<std::string, std::shared_ptr<const SourcePackage>> packages;
  for (const auto& wanted : request.unchanged) {
    auto row = rows.find(wanted.path);
    if (row == rows.end())
      return conflict("MissingExistingModule", "Could not find existing unchanged module.");
    ValueView stored = row->second->value;
    if (json::text_or_empty(stored, "sha256") != wanted.sha256)
      return conflict("ExistingModuleHashConflict", "Existing module hash does not match.");
    if (json::text_or_empty(stored, "environment") != wanted.environment)
      return conflict("ExistingModuleEnvConflict", "Existing module environment does not match.");
    std::string key = json::text_or_empty(stored, "sourcePackageId");
    auto& package = packages[key];
    if (!package) {
      HULL_TRY(package, shelf.open(key));
    }
    const PackageEntry* entry = package->find(wanted.path);
    if (!entry) return conflict("MissingExistingModuleMetadata", "Missing metadata for existing module.");
    result.push_back(*entry);
    result.back().package_key = key;
  }
  return result;
}

Result<std::string> store_package(PackageWriter writer, BlobStore& blobs) {
  auto too_large = [](std::string_view kind, size_t size, size_t maximum) {
    return Error::bad_request("ModulesTooLarge", "Total module size exceeded the " + std::string(kind) +
                                                     " maximum (" + display_bytes(size) + " > maximum size " +
                                                     display_bytes(maximum) + ")");
  };
  if (size_t size = writer.unpacked_bytes(); size >= kMaxUnpacked)
    return too_large("unzipped", size, kMaxUnpacked);
  if (size_t size = writer.packed_bytes(); size >= kMaxPacked) return too_large("zipped", size, kMaxPacked);
  std::string blob = std::move(writer).finish();
  std::string key = std::string(kPrefix) + sha256_hex(blob);
  // Also if it is there: its age protects it until the push is finished.
  HULL_CHECK_OK(blobs.put(key, blob));
  return key;
}

Result<std::vector<PackageEntry>> modules_of_package(const std::string& key, BlobStore& blobs) {
  auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  auto unknown = [] { return Error::bad_request("BadJsonBody", "unknown componentDefinitionPackages"); };
  if (!key.starts_with(kPrefix) || key.size() != kPrefix.size() + 64 ||
      !std::all_of(key.begin() + kPrefix.size(), key.end(), hex))
    return unknown();
  HULL_TRY(bool exists, blobs.exists(key));
  if (!exists) return unknown();
  HULL_TRY(auto package, SourcePackage::open(blobs, key));
  std::vector<PackageEntry> modules = package->entries();
  for (PackageEntry& module : modules)
    if (module.package_key.empty()) module.package_key = key;
  return modules;
}

LoadText text_loader(const std::vector<PackageEntry>& modules, PackageShelf& shelf) {
  struct Sources {
    std::map<std::string, std::string> keys;
    // Kept open, which the shelf alone does not.
    std::map<std::string, std::shared_ptr<const SourcePackage>> open;
  };
  auto sources = std::make_shared<Sources>();
  for (const PackageEntry& module : modules) sources->keys[module.path] = module.package_key;
  return [sources, &shelf](const std::string& path, ModuleText which) -> Result<std::string> {
    auto key = sources->keys.find(path);
    if (key == sources->keys.end()) return Error::not_found("ModuleNotFound", "No module " + path);
    auto& package = sources->open[key->second];
    if (!package) {
      HULL_TRY(package, shelf.open(key->second));
    }
    const PackageEntry* entry = package->find(path);
    if (!entry) return Error::internal("source package " + key->second + " lacks a module");
    return package->text(*entry, which);
  };
}

Result<size_t> collect_packages(const Catalog& catalog, const std::vector<std::string>& in_use,
                                int64_t now_ns, BlobStore& blobs) {
  std::set<std::string> needed(in_use.begin(), in_use.end());
  for (const auto& row : catalog.system_rows("_modules"))
    needed.insert(json::text_or_empty(row->value, "sourcePackageId"));
  HULL_TRY(auto stored, blobs.list(kDirectory));
  for (const auto& blob : stored) {
    if (now_ns - blob.written_ns >= kUnfinishedNs) continue;
    needed.insert(blob.key);
    auto package = SourcePackage::open(blobs, blob.key);
    // What cannot be read cannot be finished either; it stays for whoever looks for the reason.
    if (!package.ok()) continue;
    for (const PackageEntry& entry : (*package)->entries())
      if (!entry.package_key.empty()) needed.insert(entry.package_key);
  }
  size_t removed = 0;
  for (const auto& blob : stored) {
    if (needed.contains(blob.key)) continue;
    HULL_CHECK_OK(blobs.remove(blob.key));
    ++removed;
  }
  return removed;
}

}  // namespace hull
