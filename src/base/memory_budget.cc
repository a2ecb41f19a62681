#include "base/memory_budget.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>

namespace hull {
namespace {

constexpr size_t kMiB = 1 << 20;

std::optional<size_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  size_t value = 0;
  if (!(file >> text)) return std::nullopt;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;  // "max"
  return value;
}

// A limit of a cgroup holds for everything below it.
void lower_to_limits(const std::string& mount, std::string group, const char* file, size_t& available) {
  while (true) {
    if (auto limit = number_in(mount + group + "/" + file)) available = std::min(available, *limit);
    if (group.empty() || group == "/") return;
    group.resize(group.rfind('/'));
  }
}

}  // namespace

MemoryBudget MemoryBudget::for_available(size_t available) {
  return divide(std::clamp<size_t>(available / 4, 64 * kMiB, 400 * kMiB));
}

MemoryBudget MemoryBudget::divide(size_t total) {
  MemoryBudget budget;
  budget.total = total;
  budget.query_cache = total / 4;
  budget.recent_writes = total / 4;
  budget.unapplied = total / 8;
  budget.page_cache = total - budget.query_cache - budget.recent_writes - budget.unapplied;
  return budget;
}

size_t available_memory(const std::string& root) {
  size_t available =
      static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGE_SIZE));
  // Lines "0::/group" (v2) or "5:memory,...:/group" (v1). In a container the group may not be visible under
  // its full path: then the mount's own root is the group.
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    if (controllers == ",,")
      lower_to_limits(root + "/sys/fs/cgroup", group, "memory.max", available);
    else if (controllers.find(",memory,") != std::string::npos)
      lower_to_limits(root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes", available);
  }
  return available;
}

}  // namespace hull
