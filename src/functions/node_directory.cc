#include "functions/node_directory.h"

#include <filesystem>
#include <fstream>

namespace hull {

namespace {

namespace fs = std::filesystem;

Result<void> write_file(const std::string& path, std::string_view content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file) return Error::internal("cannot write " + path);
  return {};
}

}  // namespace

Result<std::shared_ptr<const NodeDirectory>> NodeDirectory::make(std::string path, const Modules& modules,
                                                                 const std::string& packages) {
  std::shared_ptr<const NodeDirectory> directory(new NodeDirectory(std::move(path)));
  const std::string& root = directory->path();
  std::error_code error;
  fs::create_directories(root + "/modules", error);
  if (error) return Error::internal("cannot create " + root + ": " + error.message());
  fs::permissions(root, fs::perms::owner_all, error);
  HULL_CHECK_OK(write_file(root + "/package.json", "{\"type\":\"module\"}"));
  HULL_CHECK_OK(modules([&root](const ModuleSource& module) -> Result<void> {
    std::string file = root + "/modules/" + module.path;
    std::error_code ignored;
    fs::create_directories(fs::path(file).parent_path(), ignored);
    HULL_CHECK_OK(write_file(file, module.source));
    if (module.source_map.empty()) return {};
    return write_file(file + ".map", module.source_map);
  }));
  if (!packages.empty()) {
    fs::create_directory_symlink(packages, root + "/node_modules", error);
    if (error) return Error::internal("cannot link " + packages + ": " + error.message());
  }
  return directory;
}

NodeDirectory::~NodeDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace hull
