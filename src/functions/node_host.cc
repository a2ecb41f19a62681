#include "functions/node_host.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/fmt/fmt.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "functions/analysis.h"

namespace hull {

namespace {

constexpr double kStartTimeoutS = 30, kAnalysisGraceS = 10;
constexpr size_t kMaxOutputLine = 4096;
// Of a process besides its heap: code, stacks, what V8 keeps of its own.
constexpr size_t kBaseRss = 64u << 20;

// Executors have working directories of their own.
NodeOptions with_absolute_paths(NodeOptions options) {
  std::error_code ignored;
  for (std::string* path : {&options.lib_dir, &options.scratch_dir, &options.packages_dir})
    *path = std::filesystem::absolute(*path, ignored).string();
  return options;
}

int64_t deadline_in(double seconds) { return monotonic_nanos() + static_cast<int64_t>(seconds * 1e9); }

}  // namespace

ActionPolicy node_action_policy(const Knobs& knobs) {
  ActionPolicy policy;
  policy.kind = "node actions";
  policy.max_concurrent = std::max<size_t>(1, knobs.max_concurrent_node_actions);
  policy.max_processes = 3;
  policy.max_busy = 3;
  policy.max_rss = knobs.node_action_memory;
  policy.full_rss = knobs.node_action_memory / 4 * 3;
  policy.check_interval_s = 0.25;
  policy.idle_s = knobs.node_process_idle_s;
  policy.keep_one = false;
  policy.user_timeout_s = knobs.node_action_user_timeout_s;
  policy.hung_after_s = 5;
  policy.hung_text =
      "Function execution unexpectedly timed out. Check your function for infinite loops or other "
      "long-running operations.";
  policy.out_of_memory_text = fmt::format(
      "JavaScript execution ran out of memory (maximum memory usage: {} MB)", knobs.node_action_memory >> 20);
  policy.crash_text =
      "The Node.js process that ran this action ended unexpectedly. Other actions in the same process, "
      "native "
      "modules or the operating system may have caused it.";
  return policy;
}

NodeHost::NodeHost(NodeOptions options, const Knobs* knobs, FunctionMetrics* metrics)
    : options_(with_absolute_paths(std::move(options))),
      knobs_(knobs),
      metrics_(metrics),
      modules_dir_(options_.scratch_dir + "/node"),
      runtime_(&forks_, options_.executable, options_.lib_dir + "/node"),
      packages_(&forks_, options_.packages_dir) {
  std::error_code ignored;
  std::filesystem::remove_all(modules_dir_, ignored);  // of a server that was killed
  if (pipe2(output_, O_CLOEXEC) != 0) output_[0] = output_[1] = -1;
  stop_output_ = eventfd(0, EFD_CLOEXEC);
  output_reader_ = std::thread([this] { read_output(); });
}

NodeHost::~NodeHost() {
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(stop_output_, &one, sizeof one);
  output_reader_.join();
  for (int fd : {output_[0], output_[1], stop_output_}) close(fd);
}

void NodeHost::read_output() {
  std::string text;
  while (true) {
    pollfd fds[2] = {{output_[0], POLLIN, 0}, {stop_output_, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[1].revents) return;
    if (!(fds[0].revents & POLLIN)) continue;
    char chunk[4096];
    ssize_t got = read(output_[0], chunk, sizeof chunk);
    if (got <= 0) continue;
    text.append(chunk, static_cast<size_t>(got));
    size_t from = 0;
    for (size_t end; (end = text.find('\n', from)) != std::string::npos; from = end + 1)
      spdlog::debug("node: {}", std::string_view(text).substr(from, end - from));
    text.erase(0, from);
    if (text.size() > kMaxOutputLine) {
      spdlog::debug("node: {}", text);
      text.clear();
    }
  }
}

Result<void> NodeHost::prepare(const NodeSettings& settings) {
  HULL_TRY(NodeExecutable node, runtime_.find(settings.version));
  HULL_TRY(std::string packages, packages_.ensure(settings, node));
  (void)packages;
  return {};
}

Result<NodeHost::Directory> NodeHost::directory_for(const Code& code, const NodeExecutable& node) {
  {
    std::lock_guard lock(mutex_);
    auto known = directories_.find(code.key());
    if (known != directories_.end()) {
      if (auto directory = known->second.lock()) return directory;
    }
  }
  HULL_TRY(std::string packages, packages_.ensure(code.node(), node));
  auto modules = [&code](const std::function<Result<void>(const ModuleSource&)>& each) -> Result<void> {
    for (const auto& [path, info] : code.modules()) {
      if (info.environment != "node") continue;
      ModuleSource module{path, "", "", info.environment};
      HULL_TRY(module.source, code.text(path, ModuleText::kSource));
      HULL_TRY(module.source_map, code.text(path, ModuleText::kSourceMap));
      HULL_CHECK_OK(each(module));
    }
    return {};
  };
  HULL_TRY(Directory made,
           NodeDirectory::make(modules_dir_ + "/" + code.key().substr(0, 16) + "-" + random_hex(4), modules,
                               packages));
  std::lock_guard lock(mutex_);
  std::erase_if(directories_, [](const auto& entry) { return entry.second.expired(); });
  directories_[code.key()] = made;
  newest_ = made;
  return made;
}

Result<std::unique_ptr<WorkerProcess>> NodeHost::launch(const NodeExecutable& node, Directory directory,
                                                        const std::map<std::string, std::string>& env) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
    return Error::internal(std::string("socketpair: ") + std::strerror(errno));
  const size_t heap = std::max(knobs_->node_action_memory, 2 * kBaseRss) - kBaseRss;
  ChildSpec spec;
  spec.program = node.path;
  spec.arguments = {"--max-old-space-size=" + std::to_string(heap >> 20),
                    options_.lib_dir + "/node_executor.mjs"};
  spec.environment = inherited_environment({"PATH", "LANG", "NODE_PATH", "UTC"});
  spec.environment.push_back("TZ=UTC");
  spec.environment.push_back("PWD=" + directory->path());
  spec.directory = directory->path();
  spec.output = output_[1];
  spec.socket = sockets[1];
  auto pid = spawn_child(forks_, spec);
  close(sockets[1]);
  if (!pid.ok()) {
    close(sockets[0]);
    return pid.error();
  }
  auto process = std::make_unique<WorkerProcess>(*pid, sockets[0]);
  wire::ToWorker message;
  message.mutable_init()->set_source_directory(directory->path());
  for (const auto& [name, value] : env) (*message.mutable_init()->mutable_env())[name] = value;
  process->hold(std::move(directory));
  process->send(message);
  int64_t deadline = deadline_in(kStartTimeoutS);
  while (true) {
    wire::FromWorker frame;
    auto event = process->receive(frame, deadline);
    if (event == WorkerProcess::Event::kTimeout)
      return Error::internal("a Node.js process did not become ready in time");
    if (event == WorkerProcess::Event::kClosed)
      return Error::internal("a Node.js process ended while it started; its output is logged at level debug");
    if (event == WorkerProcess::Event::kFrame && frame.has_ready()) return process;
  }
}

Result<std::unique_ptr<WorkerProcess>> NodeHost::start(const Code& code) {
  HULL_TRY(NodeExecutable node, runtime_.find(code.node().version));
  HULL_TRY(Directory directory, directory_for(code, node));
  const int64_t begin_ns = monotonic_nanos();
  HULL_TRY(auto process, launch(node, std::move(directory), code.env()));
  metrics_->worker_started(OutstandingCalls::Runtime::kNode,
                           static_cast<double>(monotonic_nanos() - begin_ns) / 1e9);
  return process;
}

Result<void> NodeHost::analyze(const AnalysisRequest& request, AnalysisOutcome& outcome) {
  HULL_TRY(NodeExecutable node, runtime_.find(request.node.version));
  HULL_TRY(std::string packages, packages_.ensure(request.node, node));
  auto modules = [&request](const std::function<Result<void>(const ModuleSource&)>& each) -> Result<void> {
    for (const auto& [path, environment] : request.modules) {
      if (environment != "node") continue;
      ModuleSource module{path, "", "", environment};
      HULL_TRY(module.source, request.text(path, ModuleText::kSource));
      HULL_TRY(module.source_map, request.text(path, ModuleText::kSourceMap));
      HULL_CHECK_OK(each(module));
    }
    return {};
  };
  HULL_TRY(Directory directory,
           NodeDirectory::make(modules_dir_ + "/analysis-" + random_hex(8), modules, packages));
  HULL_TRY(auto process, launch(node, std::move(directory), request.env));
  wire::ToWorker order;
  for (const std::string& path : request.node_modules) order.mutable_analyze()->add_modules(path);
  order.mutable_analyze()->set_user_timeout_ms(static_cast<uint32_t>(knobs_->analyze_user_timeout_s * 1000));
  process->send(order);
  double modules_count = static_cast<double>(request.node_modules.size());
  int64_t deadline = deadline_in(knobs_->analyze_user_timeout_s * modules_count + kAnalysisGraceS);
  while (true) {
    wire::FromWorker frame;
    auto event = process->receive(frame, deadline);
    if (event == WorkerProcess::Event::kTimeout) {
      outcome.failure = AnalysisOutcome::Failure{
          "",
          fmt::format("Function execution timed out (maximum duration: {}s)", knobs_->analyze_user_timeout_s),
          ""};
      return {};
    }
    if (event == WorkerProcess::Event::kClosed) {
      outcome.failure = AnalysisOutcome::Failure{
          "", "The Node.js process that loaded the modules ran out of memory or crashed", ""};
      return {};
    }
    if (event != WorkerProcess::Event::kFrame || !frame.has_analyzed()) continue;
    AnalysisOutcome found = outcome_of(frame.analyzed());
    outcome.failure = std::move(found.failure);
    for (AnalyzedModule& module : found.modules) outcome.modules.push_back(std::move(module));
    return {};
  }
}

}  // namespace hull
