#include "deploy/source_package.h"

#include <algorithm>
#include <map>

#include "base/digest.h"
#include "services/json_fields.h"

namespace hull {
namespace {

constexpr std::string_view kPrefix = "modules/";
constexpr size_t kMaxPacked = 90'000'000;
constexpr size_t kMaxUnpacked = 230'000'000;

Error conflict(std::string_view code, std::string message) {
  return Error{ErrorKind::kConflict, std::string(code), std::move(message), std::nullopt};
}

}  // namespace

Result<std::vector<ModuleSource>> unchanged_modules(const PushRequest& request, const Catalog& catalog,
                                                    BlobStore& blobs) {
  std::vector<ModuleSource> result;
  if (request.unchanged.empty()) return result;
  std::map<std::string, DocumentPtr> rows;
  for (const auto& row : catalog.system_rows("_modules")) rows[json::text_or_empty(row->value, "path")] = row;
  std::map<std::string, std::map<std::string, ModuleSource>> packages;
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
    if (!packages.contains(key)) {
      HULL_TRY(auto blob, blobs.get(key));
      HULL_TRY(auto modules, unpack_modules(blob));
      auto& by_path = packages[key];
      for (auto& module : modules) {
        std::string path = module.path;
        by_path[path] = std::move(module);
      }
    }
    auto source = packages[key].find(wanted.path);
    if (source == packages[key].end())
      return conflict("MissingExistingModuleMetadata", "Missing metadata for existing module.");
    result.push_back(source->second);
  }
  return result;
}

Result<std::string> store_package(const std::vector<ModuleSource>& modules, BlobStore& blobs) {
  size_t unpacked = 0;
  for (const auto& module : modules) unpacked += module.source.size() + module.source_map.size();
  auto too_large = [](std::string_view kind, size_t size, size_t maximum) {
    return Error::bad_request("ModulesTooLarge", "Total module size exceeded the " + std::string(kind) +
                                                     " maximum (" + display_bytes(size) + " > maximum size " +
                                                     display_bytes(maximum) + ")");
  };
  if (unpacked >= kMaxUnpacked) return too_large("unzipped", unpacked, kMaxUnpacked);
  std::string blob = pack_modules(modules);
  if (blob.size() >= kMaxPacked) return too_large("zipped", blob.size(), kMaxPacked);
  std::string key = std::string(kPrefix) + sha256_hex(blob);
  HULL_TRY(bool exists, blobs.exists(key));
  if (!exists) HULL_CHECK_OK(blobs.put(key, blob));
  return key;
}

Result<std::vector<ModuleSource>> load_package(const std::string& key, BlobStore& blobs) {
  auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  auto unknown = [] { return Error::bad_request("BadJsonBody", "unknown componentDefinitionPackages"); };
  if (!key.starts_with(kPrefix) || key.size() != kPrefix.size() + 64 ||
      !std::all_of(key.begin() + kPrefix.size(), key.end(), hex))
    return unknown();
  HULL_TRY(bool exists, blobs.exists(key));
  if (!exists) return unknown();
  HULL_TRY(auto blob, blobs.get(key));
  return unpack_modules(blob);
}

}  // namespace hull
