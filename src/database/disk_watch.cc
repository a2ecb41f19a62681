#include "database/disk_watch.h"

#include "base/log.h"
#include "storage/disk_reserve.h"
#include "value/value.h"

namespace hull {
namespace {

constexpr int64_t kLookNs = 1'000'000'000;
constexpr double kWarnFull = 0.80, kWarnAgainBelow = 0.75;

}  // namespace

Result<void> DiskWatch::check() {
  if (env_.monotonic_nanos() < next_look_) return {};
  return check_now();
}

Result<void> DiskWatch::check_now() {
  next_look_ = env_.monotonic_nanos() + kLookNs;
  HULL_TRY(Store::Usage usage, store_.usage());
  const DiskSpace& disk = usage.disk;
  if (disk.total == 0) return {};
  const double full = 1 - static_cast<double>(disk.free) / static_cast<double>(disk.total);
  if (full >= kWarnFull && !warned_) {
    warned_ = true;
    spdlog::warn("The disk of the database is {:.0f} % full, {} are free; writes stop when less than {} are",
                 full * 100, display_bytes(disk.free), display_bytes(reserve_));
  } else if (full < kWarnAgainBelow) {
    warned_ = false;
  }
  if (disk.free >= disk_reserve(reserve_, disk.total)) return {};
  return Error::overloaded("DiskFull", "the disk is full (" + display_bytes(disk.free) + " free)");
}

}  // namespace hull
