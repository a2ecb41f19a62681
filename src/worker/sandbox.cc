#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

namespace hull::worker {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArch = AUDIT_ARCH_AARCH64;
#else
#error "the sandbox knows x86-64 and arm64"
#endif

constexpr int kAllowed[] = {
    // Open descriptors.
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_close,
    SYS_fstat,
    SYS_lseek,
    SYS_ftruncate,
    SYS_fsync,
    SYS_fdatasync,
    SYS_ppoll,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_eventfd2,
    // Memory.
    SYS_mmap,
    SYS_munmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_membarrier,
    SYS_pkey_alloc,
    SYS_pkey_free,
    SYS_pkey_mprotect,
    // Threads, signals, time.
    SYS_futex,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_sched_getparam,
    SYS_sched_getscheduler,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_gettid,
    SYS_getpid,
    SYS_exit,
    SYS_exit_group,
    SYS_restart_syscall,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_gettimeofday,
    SYS_getrandom,
    SYS_getrusage,
    SYS_sysinfo,
    SYS_uname,
    SYS_times,
    SYS_getcpu,
#if defined(__x86_64__)
    SYS_poll,
    SYS_epoll_wait,
    SYS_time,
#endif
};

// Allowed until Seal().
constexpr int kFiles[] = {
    SYS_openat,
    SYS_newfstatat,
    SYS_statx,
    SYS_readlinkat,
    SYS_faccessat,
    SYS_landlock_create_ruleset,
    SYS_landlock_add_rule,
    SYS_landlock_restrict_self,
    SYS_seccomp,
#if defined(__x86_64__)
    SYS_open,
    SYS_stat,
    SYS_readlink,
    SYS_access,
#endif
};

constexpr int kRenames[] = {
    SYS_renameat,
    SYS_renameat2,
#if defined(__x86_64__)
    SYS_rename,
#endif
};

constexpr uint32_t kDataNumber = offsetof(seccomp_data, nr);
constexpr uint32_t kDataArch = offsetof(seccomp_data, arch);
constexpr uint32_t kDataArg0 = offsetof(seccomp_data, args);

using Program = std::vector<sock_filter>;

void Load(Program& p, uint32_t offset) { p.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)); }
void Return(Program& p, uint32_t action) { p.push_back(BPF_STMT(BPF_RET | BPF_K, action)); }
void IfCall(Program& p, int call, uint32_t action) {
  p.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1));
  Return(p, action);
}

void CheckArchitecture(Program& p) {
  Load(p, kDataArch);
  p.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArch, 1, 0));
  Return(p, SECCOMP_RET_KILL_PROCESS);
  Load(p, kDataNumber);
}

// `call` is allowed if its first argument equals one of `values`. The accumulator holds the call number
// before and after.
void IfCallWith(Program& p, int call, const std::vector<uint32_t>& values) {
  const auto skip = static_cast<uint8_t>(2 + 2 * values.size());
  p.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, skip));
  Load(p, kDataArg0);
  for (const uint32_t value : values) IfCall(p, static_cast<int>(value), SECCOMP_RET_ALLOW);
  Return(p, SECCOMP_RET_ERRNO | EPERM);
}

Program ClosedProgram() {
  Program p;
  CheckArchitecture(p);
  for (const int call : kAllowed) IfCall(p, call, SECCOMP_RET_ALLOW);
  for (const int call : kFiles) IfCall(p, call, SECCOMP_RET_ALLOW);
  for (const int call : kRenames) IfCall(p, call, SECCOMP_RET_ALLOW);
  // The C library then creates threads with clone, whose flags can be checked.
  IfCall(p, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
  p.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4));
  Load(p, kDataArg0);
  p.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1));
  Return(p, SECCOMP_RET_ALLOW);
  Return(p, SECCOMP_RET_ERRNO | EPERM);
  IfCallWith(p, SYS_prctl, {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA});
  IfCallWith(p, SYS_tgkill, {static_cast<uint32_t>(getpid())});
  Return(p, SECCOMP_RET_ERRNO | EPERM);
  return p;
}

Program SealedProgram(bool may_rename) {
  Program p;
  CheckArchitecture(p);
  for (const int call : kFiles) IfCall(p, call, SECCOMP_RET_ERRNO | EPERM);
  if (!may_rename) {
    for (const int call : kRenames) IfCall(p, call, SECCOMP_RET_ERRNO | EPERM);
  }
  Return(p, SECCOMP_RET_ALLOW);
  return p;
}

bool Install(Program program) {
  sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0;
}

// Denies the isolate thread the whole file system, but for renaming beneath `directory` if that is not empty.
bool RestrictFiles(const std::string& directory) {
  landlock_ruleset_attr attr{};
  attr.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  const auto rules = static_cast<int>(syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0));
  if (rules < 0) return false;
  bool ok = true;
  if (!directory.empty()) {
    landlock_path_beneath_attr beneath{};
    beneath.allowed_access = LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
    beneath.parent_fd = open(directory.c_str(), O_PATH | O_CLOEXEC);
    ok = beneath.parent_fd >= 0 &&
         syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
    if (beneath.parent_fd >= 0) close(beneath.parent_fd);
  }
  ok = ok && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
  close(rules);
  return ok;
}

}  // namespace

std::string Sandbox::Close() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return std::string("no_new_privs: ") + strerror(errno);
  std::string report;
  if (syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) < 0) {
    report = std::string("landlock: ") + strerror(errno);
  }
  if (Install(ClosedProgram())) {
    closed_ = true;
    return report;
  }
  const std::string failed = std::string("seccomp: ") + strerror(errno);
  return report.empty() ? failed : failed + "; " + report;
}

bool Sandbox::Seal(bool may_rename, const std::string& directory) {
  if (!closed_ || sealed_) return true;
  // Landlock is a second wall behind seccomp: its absence was reported by Close() and is no reason to stop.
  (void)RestrictFiles(may_rename ? directory : "");
  sealed_ = Install(SealedProgram(may_rename));
  return sealed_;
}

}  // namespace hull::worker
