// Forking and sandboxing of workers. Between fork and exec only async-signal-safe calls are made.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "functions/worker_process.h"

namespace hull {

namespace {

constexpr int kProtocolFd = 3;
constexpr const char* kBootstrap = "process.dlopen({exports:{}}, process.argv[1], 2|8)";
// Unrolling takes the interrupt check out of endless loops that contain a short loop: nothing could stop
// them.
constexpr const char* kInterruptible = "--no-turboshaft-loop-unrolling";
// A heap is full when it is full, not when collecting it took long: on a busy machine that says nothing.
constexpr const char* kHeapLimitOnly = "--no-detect-ineffective-gcs-near-heap-limit";

void limit(int resource, rlim_t soft) {
  rlimit limits{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limits) != 0) return;
  limits.rlim_cur = limits.rlim_max == RLIM_INFINITY ? soft : std::min(soft, limits.rlim_max);
  limits.rlim_max = limits.rlim_cur;
  setrlimit(static_cast<__rlimit_resource>(resource), &limits);
}

void close_from(int first) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, static_cast<unsigned>(first), ~0u, 0u) == 0) return;
#endif
  for (int fd = first; fd < 65536; ++fd) close(fd);
}

// In the child. `report` receives the errno of what isolation could not be had, or of a failed exec.
[[noreturn]] void become_worker(int socket, int report, pid_t parent, const char* program, char* const argv[],
                                bool quiet) {
  struct {
    int what, error;
  } message{};
  auto tell = [&](int what) {
    message = {what, errno};
    [[maybe_unused]] ssize_t written = write(report, &message, sizeof message);
  };
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

  int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  dup2(null, 1);
  if (quiet) dup2(null, 2);
  // Keep both ends clear of the final positions before they are put there.
  int high_socket = fcntl(socket, F_DUPFD, 10);
  int high_report = fcntl(report, F_DUPFD, 10);
  dup2(high_socket, kProtocolFd);
  report = dup2(high_report, kProtocolFd + 1);
  fcntl(report, F_SETFD, FD_CLOEXEC);
  close_from(kProtocolFd + 2);

  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, 256);
  limit(RLIMIT_FSIZE, 512u << 20);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < 32; ++number) signal(number, SIG_DFL);
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0) tell(0);

  char timezone[] = "TZ=UTC", locale[] = "LC_ALL=en_US.UTF-8";
  char* const environment[] = {timezone, locale, nullptr};
  execve(program, argv, environment);
  tell(1);
  _exit(127);
}

}  // namespace

WorkerLauncher::WorkerLauncher(std::string lib_dir)
    : lib_dir_(std::move(lib_dir)), hash_seed_(static_cast<uint32_t>(random_u64() % 0x7ffffffe) + 1) {}

Result<std::unique_ptr<WorkerProcess>> WorkerLauncher::launch() {
  Result<std::unique_ptr<WorkerProcess>> worker =
      Error::overloaded("ShuttingDown", "The server is shutting down");
  fork_thread_.run([&] { worker = fork_worker(); });
  return worker;
}

Result<std::unique_ptr<WorkerProcess>> WorkerLauncher::fork_worker() {
  int sockets[2], report[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return Error::internal(std::string("socketpair: ") + std::strerror(errno));
  }
  if (pipe2(report, O_CLOEXEC) != 0) {
    close(sockets[0]);
    close(sockets[1]);
    return Error::internal(std::string("pipe2: ") + std::strerror(errno));
  }
  // Everything the child needs is made before the fork: it must not allocate.
  std::string program = lib_dir_ + "/node", module = lib_dir_ + "/worker.node",
              runtime = lib_dir_ + "/runtime.js";
  std::string seed = "--hash-seed=" + std::to_string(hash_seed_);
  std::vector<std::string> words = {program,
                                    seed,
                                    "--disable-sigusr1",
                                    "--stack-size=2048",
                                    "--no-wasm-async-compilation",
                                    "--wasm-max-mem-pages=1024",
                                    kInterruptible,
                                    kHeapLimitOnly,
                                    "-e",
                                    kBootstrap,
                                    module,
                                    runtime};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  bool quiet = !spdlog::should_log(spdlog::level::debug);

  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) become_worker(sockets[1], report[1], parent, program.c_str(), argv.data(), quiet);
  int fork_error = errno;
  close(sockets[1]);
  close(report[1]);
  if (pid < 0) {
    close(sockets[0]);
    close(report[0]);
    return Error::internal(std::string("fork: ") + std::strerror(fork_error));
  }
  auto worker = std::make_unique<WorkerProcess>(pid, sockets[0]);
  struct {
    int what, error;
  } message{};
  std::optional<Error> failed;
  while (true) {
    ssize_t got = read(report[0], &message, sizeof message);
    if (got < 0 && errno == EINTR) continue;
    if (got != static_cast<ssize_t>(sizeof message)) break;  // exec closed the pipe
    if (message.what == 1) {
      failed = Error::internal("cannot start " + program + ": " + std::strerror(message.error));
    } else if (!reported_isolation_) {
      reported_isolation_ = true;
      spdlog::warn(
          "workers run without namespaces of their own: {}. The system-call filter still applies; allow user "
          "namespaces to isolate them further",
          std::strerror(message.error));
    }
  }
  close(report[0]);
  if (failed) return *std::move(failed);
  return worker;
}

}  // namespace hull
