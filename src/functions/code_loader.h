// The CodeLoader of a running server: Code from catalogs, sources from packages in the blob store.
//
// Thread-safe. Recent Code objects are remembered under the versions of the system tables they came from; the
// indexes of packages are shared by every Code that still uses them and read at most once while one does.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "functions/code.h"

namespace hull {

class BlobCodeLoader : public CodeLoader {
 public:
  // `system_env`: variables every deployment has (CONVEX_CLOUD_URL, CONVEX_SITE_URL), unless canonical URLs
  // override them.
  BlobCodeLoader(BlobStore* blobs, std::map<std::string, std::string> system_env)
      : shelf_(blobs), system_env_(std::move(system_env)) {}

  Result<std::shared_ptr<const Code>> load(const Catalog& catalog) override;
  Result<std::shared_ptr<const Code>> assemble(const std::vector<ModuleInfo>& modules,
                                               const std::map<std::string, std::string>& variables,
                                               const std::string& import_seed, int64_t import_time_ns,
                                               const NodeSettings& node) override;
  std::vector<std::string> packages_in_use() override;

 private:
  struct Versions {
    uint64_t modules = 0, config = 0, environment = 0, urls = 0, packages = 0;
    bool operator==(const Versions&) const = default;
  };
  struct Recent {
    Versions versions;
    std::shared_ptr<const Code> code;
  };
  static constexpr size_t kMaxRecent = 8;

  std::shared_ptr<const Code> make(std::map<std::string, ModuleInfo> modules,
                                   const std::map<std::string, std::string>& variables,
                                   std::string import_seed, double import_time_ms, NodeSettings node);

  PackageShelf shelf_;
  const std::map<std::string, std::string> system_env_;
  std::mutex mutex_;
  std::deque<Recent> recent_;  // newest first
  std::map<std::string, std::weak_ptr<const Code>> by_key_;
};

}  // namespace hull
