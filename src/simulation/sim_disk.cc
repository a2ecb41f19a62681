#include "simulation/sim_disk.h"

#include <algorithm>
#include <utility>

namespace hull::simulation {
namespace {

constexpr uint64_t kBlock = 4096;  // of allocation

uint64_t blocks(uint64_t size) { return (size + kBlock - 1) / kBlock * kBlock; }

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

Error disk_full(const std::string& path) {
  return Error::overloaded("DiskFull", path + ": No space left on device");
}

}  // namespace

SimDisk::Verdict SimDisk::begin(Operation operation) {
  if (!running_) return Verdict::kFail;
  double rate = rates_.read;
  if (operation != Operation::kRead) {
    ++operations_;
    rate = operation == Operation::kSync ? rates_.sync : rates_.write;
    if (operations_ == cut_at_) {
      running_ = false;
      return random_.chance(0.5) ? Verdict::kFailPartly : Verdict::kFail;
    }
    if (operations_ == fail_at_) return Verdict::kFailPartly;
  }
  return rate > 0 && random_.chance(rate) ? Verdict::kFailPartly : Verdict::kProceed;
}

Error SimDisk::error(const std::string& path, const char* what) const {
  return Error::internal(path + ": " + what + ": " + (running_ ? "Input/output error" : "no power"));
}

const SimDisk::Entry* SimDisk::find(const std::string& path) const {
  auto it = names_.find(path);
  return it == names_.end() || !it->second.current.exists() ? nullptr : &it->second.current;
}

bool SimDisk::has_parent(const std::string& path) const {
  const std::string parent = parent_of(path);
  if (parent.empty()) return true;
  const Entry* entry = find(parent);
  return entry && entry->directory;
}

void SimDisk::set_entry(const std::string& path, Entry entry) {
  Name& name = names_[path];
  name.current = entry;
  name.unsynced.push_back(std::move(entry));
}

Result<std::unique_ptr<SimFile>> SimDisk::open_file(const std::string& path, Open mode) {
  const Entry* entry = find(path);
  if (mode == Open::kExisting) {
    if (begin(Operation::kRead) != Verdict::kProceed) return error(path, "open");
    if (!entry || entry->directory) return Error::not_found("FileNotFound", path + ": No such file");
    return std::make_unique<SimFile>(*this, path, entry->file);
  }
  const Verdict verdict = begin(Operation::kWrite);
  if (verdict == Verdict::kFail) return error(path, "create");
  if (entry || !has_parent(path)) return Error::internal(path + ": cannot be created here");
  if (!fits(kBlock)) return disk_full(path);
  auto inode = std::make_shared<SimInode>();
  set_entry(path, {.file = inode});
  if (verdict == Verdict::kFailPartly) return error(path, "create");
  return std::make_unique<SimFile>(*this, path, std::move(inode));
}

std::unique_ptr<SimFile> SimDisk::open_temporary() {
  return std::make_unique<SimFile>(*this, "(temporary file)", std::make_shared<SimInode>());
}

Result<std::unique_ptr<DiskFile>> SimDisk::open(const std::string& path, Open mode) {
  HULL_TRY(auto file, open_file(path, mode));
  return std::unique_ptr<DiskFile>(std::move(file));
}

Result<bool> SimDisk::exists(const std::string& path) {
  if (begin(Operation::kRead) != Verdict::kProceed) return error(path, "stat");
  return find(path) != nullptr;
}

Result<std::vector<std::string>> SimDisk::list(const std::string& directory) {
  if (begin(Operation::kRead) != Verdict::kProceed) return error(directory, "list");
  const Entry* entry = find(directory);
  if (!directory.empty() && (!entry || !entry->directory))
    return Error::not_found("FileNotFound", directory + ": No such directory");
  std::vector<std::string> out;
  for (const auto& [path, name] : names_) {
    if (name.current.exists() && path != directory && parent_of(path) == directory)
      out.push_back(path.substr(directory.empty() ? 0 : directory.size() + 1));
  }
  return out;
}

Result<void> SimDisk::create_directory(const std::string& path) {
  const Entry* entry = find(path);
  if (entry && entry->directory) return {};
  const Verdict verdict = begin(Operation::kWrite);
  if (verdict == Verdict::kFail) return error(path, "create directory");
  if (entry || !has_parent(path)) return Error::internal(path + ": cannot be created here");
  if (!fits(kBlock)) return disk_full(path);
  set_entry(path, {.directory = true});
  if (verdict == Verdict::kFailPartly) return error(path, "create directory");
  return {};
}

Result<void> SimDisk::remove(const std::string& path) {
  const Verdict verdict = begin(Operation::kWrite);
  if (verdict == Verdict::kFail) return error(path, "remove");
  if (!find(path)) return Error::not_found("FileNotFound", path + ": No such file");
  set_entry(path, {});
  if (verdict == Verdict::kFailPartly) return error(path, "remove");
  return {};
}

Result<void> SimDisk::sync_directory(const std::string& path) {
  const Verdict verdict = begin(Operation::kSync);
  if (verdict == Verdict::kFail) return error(path, "sync directory");
  for (auto& [name_path, name] : names_) {
    if (name_path == path || parent_of(name_path) != path) continue;
    if (verdict == Verdict::kFailPartly && random_.chance(0.5)) continue;
    name.durable = name.current;
    name.unsynced.clear();
  }
  if (verdict == Verdict::kFailPartly) return error(path, "sync directory");
  return {};
}

uint64_t SimDisk::used() const {
  uint64_t sum = 0;
  for (const auto& [path, name] : names_) {
    if (name.current.directory) sum += kBlock;
    if (name.current.file) sum += blocks(std::max<uint64_t>(name.current.file->size(), 1));
  }
  return sum;
}

Result<DiskSpace> SimDisk::space(const std::string& path) {
  if (begin(Operation::kRead) != Verdict::kProceed) return error(path, "statvfs");
  const uint64_t taken = used();
  return DiskSpace{.free = quota_ > taken ? quota_ - taken : 0, .total = quota_};
}

void SimDisk::heal() {
  rates_ = {};
  quota_ = UINT64_MAX / 2;
  cut_at_ = fail_at_ = 0;
}

void SimDisk::restart(Survives survives) {
  ++generation_;
  running_ = true;
  cut_at_ = fail_at_ = 0;
  if (survives == Survives::kWritten) return;
  for (auto& [path, name] : names_) {
    const size_t chosen = random_.below(name.unsynced.size() + 1);
    if (chosen < name.unsynced.size()) name.durable = name.unsynced[chosen];
    name.unsynced.clear();
    name.current = name.durable;
    if (name.current.file) name.current.file->lose_power(random_);
  }
  // In the order of paths a directory comes before what is in it.
  for (auto it = names_.begin(); it != names_.end();) {
    const bool gone = !it->second.current.exists() || !has_parent(it->first);
    it = gone ? names_.erase(it) : std::next(it);
  }
}

SimDisk::Verdict SimFile::begin(SimDisk::Operation operation) {
  if (generation_ != disk_.generation_) return SimDisk::Verdict::kFail;
  return disk_.begin(operation);
}

Result<std::string> SimFile::read(uint64_t offset, size_t size) {
  if (begin(SimDisk::Operation::kRead) != SimDisk::Verdict::kProceed) return error("read");
  return inode_->read(offset, size);
}

Result<void> SimFile::write(uint64_t offset, std::string_view bytes) {
  const auto verdict = begin(SimDisk::Operation::kWrite);
  if (verdict == SimDisk::Verdict::kFail) return error("write");
  const uint64_t old_blocks = blocks(std::max<uint64_t>(inode_->size(), 1));
  const uint64_t new_blocks = std::max(old_blocks, blocks(offset + bytes.size()));
  const bool full = new_blocks > old_blocks && !disk_.fits(new_blocks - old_blocks);
  if (full || verdict == SimDisk::Verdict::kFailPartly) {
    // Some prefix, but nothing that needs more space than there is.
    size_t count = disk_.random_.below(bytes.size() + 1);
    if (full) count = offset >= old_blocks ? 0 : std::min<size_t>(count, old_blocks - offset);
    inode_->write(offset, bytes.substr(0, count));
    return full ? disk_full(path_) : error("write");
  }
  inode_->write(offset, bytes);
  return {};
}

Result<void> SimFile::reserve(uint64_t size) {
  const auto verdict = begin(SimDisk::Operation::kWrite);
  if (verdict == SimDisk::Verdict::kFail) return error("reserve");
  const uint64_t old_blocks = blocks(std::max<uint64_t>(inode_->size(), 1));
  if (blocks(size) > old_blocks && !disk_.fits(blocks(size) - old_blocks)) return disk_full(path_);
  inode_->extend(size);
  if (verdict == SimDisk::Verdict::kFailPartly) return error("reserve");
  return {};
}

Result<void> SimFile::sync() {
  switch (begin(SimDisk::Operation::kSync)) {
    case SimDisk::Verdict::kProceed:
      inode_->sync();
      return {};
    case SimDisk::Verdict::kFailPartly:
      inode_->fail_sync(disk_.random_, after_failed_sync_);
      return error("sync");
    case SimDisk::Verdict::kFail:
      return error("sync");
  }
  return {};
}

Result<uint64_t> SimFile::size() {
  if (begin(SimDisk::Operation::kRead) != SimDisk::Verdict::kProceed) return error("size");
  return inode_->size();
}

Result<void> SimFile::truncate(uint64_t size) {
  const auto verdict = begin(SimDisk::Operation::kWrite);
  if (verdict == SimDisk::Verdict::kFail) return error("truncate");
  inode_->truncate(size);
  if (verdict == SimDisk::Verdict::kFailPartly) return error("truncate");
  return {};
}

}  // namespace hull::simulation
