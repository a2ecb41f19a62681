#include "functions/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <future>

#include "base/time.h"

namespace hull {

namespace {

constexpr int kSocketFd = 3;
constexpr size_t kMaxOutput = 64 << 10;

// In the child; only async-signal-safe calls. `report` receives the errno of a failed start.
[[noreturn]] void become(const ChildSpec& spec, char* const argv[], char* const envp[], int report,
                         pid_t parent) {
  auto give_up = [&] {
    int error = errno;
    [[maybe_unused]] ssize_t written = write(report, &error, sizeof error);
    _exit(127);
  };
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  if (chdir(spec.directory.c_str()) != 0) give_up();

  // Keep everything clear of the final positions before it is put there.
  report = fcntl(report, F_DUPFD_CLOEXEC, 16);
  int output = fcntl(spec.output, F_DUPFD, 16);
  int socket = spec.socket < 0 ? -1 : fcntl(spec.socket, F_DUPFD, 16);
  int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  dup2(output, 1);
  dup2(output, 2);
  int first_free = kSocketFd;
  if (socket >= 0) dup2(socket, first_free++);
  int last_report = dup2(report, first_free);
  fcntl(last_report, F_SETFD, FD_CLOEXEC);
  report = last_report;
#ifdef SYS_close_range
  if (syscall(SYS_close_range, static_cast<unsigned>(first_free + 1), ~0u, 0u) != 0)
#endif
    for (int fd = first_free + 1; fd < 65536; ++fd) close(fd);

  rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < 32; ++number) signal(number, SIG_DFL);
  execve(spec.program.c_str(), argv, envp);
  give_up();
  _exit(127);
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

Error failed(const char* what, int error) {
  return Error::internal(std::string(what) + ": " + std::strerror(error));
}

Result<pid_t> fork_child(const ChildSpec& spec) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return failed("pipe2", errno);
  // Everything the child needs is made before the fork: it must not allocate.
  std::vector<std::string> words = {spec.program};
  words.insert(words.end(), spec.arguments.begin(), spec.arguments.end());
  std::vector<std::string> variables = spec.environment;
  std::vector<char*> argv = pointers(words), envp = pointers(variables);
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) become(spec, argv.data(), envp.data(), report[1], parent);
  int fork_error = errno;
  close(report[1]);
  int start_error = 0;
  ssize_t got = 0;
  if (pid > 0) {
    do {
      got = read(report[0], &start_error, sizeof start_error);
    } while (got < 0 && errno == EINTR);
  }
  close(report[0]);
  if (pid < 0) return failed("fork", fork_error);
  if (got != static_cast<ssize_t>(sizeof start_error)) return pid;  // exec closed the pipe
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return failed(("cannot start " + spec.program).c_str(), start_error);
}

}  // namespace

struct ForkThread::Task {
  std::function<void()> body;
  std::promise<void> done;
};

ForkThread::ForkThread() : thread_([this] { loop(); }) {}

ForkThread::~ForkThread() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool ForkThread::run(std::function<void()> body) {
  Task task{std::move(body), {}};
  auto done = task.done.get_future();
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    tasks_.push_back(&task);
  }
  changed_.notify_all();
  done.get();
  return true;
}

void ForkThread::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    Task* task = tasks_.front();
    tasks_.pop_front();
    lock.unlock();
    task->body();
    task->done.set_value();
    lock.lock();
  }
}

Result<pid_t> spawn_child(ForkThread& thread, const ChildSpec& spec) {
  Result<pid_t> child = Error::overloaded("ShuttingDown", "The server is shutting down");
  thread.run([&] { child = fork_child(spec); });
  return child;
}

Result<CommandOutcome> run_command(ForkThread& thread, ChildSpec spec, double timeout_s) {
  int output[2];
  if (pipe2(output, O_CLOEXEC) != 0) return failed("pipe2", errno);
  spec.output = output[1];
  spec.socket = -1;
  auto child = spawn_child(thread, spec);
  close(output[1]);
  if (!child.ok()) {
    close(output[0]);
    return child.error();
  }
  CommandOutcome outcome;
  const int64_t deadline = monotonic_nanos() + static_cast<int64_t>(timeout_s * 1e9);
  while (true) {
    int64_t left_ms = (deadline - monotonic_nanos()) / 1000000;
    pollfd waiting{output[0], POLLIN, 0};
    int ready = left_ms <= 0 ? 0 : poll(&waiting, 1, static_cast<int>(std::min<int64_t>(left_ms + 1, 60000)));
    if (ready == 0 && monotonic_nanos() < deadline) continue;
    if (ready == 0) {
      outcome.timed_out = true;
      break;
    }
    char chunk[4096];
    ssize_t got = ready < 0 ? -1 : read(output[0], chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    outcome.output.append(chunk, static_cast<size_t>(got));
    if (outcome.output.size() > 2 * kMaxOutput) outcome.output.erase(0, outcome.output.size() - kMaxOutput);
  }
  close(output[0]);
  // Whoever closed the output has ended or is about to.
  int status = 0;
  if (outcome.timed_out) kill(-*child, SIGKILL);
  while (waitpid(*child, &status, 0) < 0 && errno == EINTR) {
  }
  outcome.succeeded = !outcome.timed_out && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (outcome.output.size() > kMaxOutput) outcome.output.erase(0, outcome.output.size() - kMaxOutput);
  return outcome;
}

std::string find_on_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string directories = path ? path : "/usr/local/bin:/usr/bin:/bin";
  for (size_t from = 0; from <= directories.size();) {
    size_t to = std::min(directories.find(':', from), directories.size());
    std::string file = directories.substr(from, to - from) + "/" + name;
    if (file[0] == '/' && access(file.c_str(), X_OK) == 0) return file;
    from = to + 1;
  }
  return "";
}

std::vector<std::string> inherited_environment(const std::vector<std::string>& names) {
  std::vector<std::string> variables;
  for (const std::string& name : names) {
    if (const char* value = std::getenv(name.c_str())) variables.push_back(name + "=" + value);
  }
  return variables;
}

}  // namespace hull
