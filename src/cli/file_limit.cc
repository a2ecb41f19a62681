#include "cli/file_limit.h"

#include <sys/resource.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace hull {
namespace {

constexpr rlim_t kFew = 8192;

}  // namespace

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    spdlog::warn("Cannot raise the limit on open files: {}", std::strerror(errno));
    limit.rlim_cur = before;
  }
  if (limit.rlim_cur < kFew) {
    spdlog::warn("Only {} files may be open at once (ulimit -n), and every connection takes one",
                 limit.rlim_cur);
  }
}

}  // namespace hull
