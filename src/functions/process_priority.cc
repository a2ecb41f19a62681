#include "functions/process_priority.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace hull {

namespace {

constexpr int kLow = 10, kNormal = 0;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

bool set_priority(pid_t pid, int nice) {
  std::unique_ptr<DIR, CloseDirectory> tasks(opendir(("/proc/" + std::to_string(pid) + "/task").c_str()));
  if (!tasks) return false;
  bool all = true;
  while (const dirent* task = readdir(tasks.get())) {
    const id_t thread = static_cast<id_t>(std::strtoul(task->d_name, nullptr, 10));
    if (thread != 0) all = setpriority(PRIO_PROCESS, thread, nice) == 0 && all;
  }
  return all;
}

}  // namespace

void lower_priority(pid_t pid) { set_priority(pid, kLow); }

bool restore_priority(pid_t pid) { return set_priority(pid, kNormal); }

double cpu_seconds(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (!file) return 0;
  unsigned long user = 0, system = 0;
  // Fields 14 and 15; the name in field 2 is "node" or "(node)", without blanks.
  if (std::fscanf(file.get(), "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                  &system) != 2) {
    return 0;
  }
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace hull
