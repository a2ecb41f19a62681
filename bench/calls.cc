// What a function call costs in CPU time of all processes: the function runner in this process with its
// workers, without network, next to the same number of bare V8 contexts from the workers' own snapshot.
//   bench_calls <data directory with tests/app pushed> <lib directory> <bench_contexts.node> <seconds>
// prints one line of JSON, microseconds of CPU each:
//   context           a context from the snapshot, made and dropped in a bare loop (bench_contexts)
//   context_kept      the same with V8's function table kept mapped, as workers do (worker/function_table.h)
//   query             an empty query that is not in the cache, 32 of them waiting at any time
//   query_worker      the workers' part of it
//   query_alone       the same with one at a time
//   mutation          one insert, 32 at a time
//   op                one more `db.get` in a query
//   socket            sending 100 bytes to another process and back: what an operation cannot do without
// All take turns, since the machine's speed drifts; each figure is the median of its rounds.
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "functions/runner.h"
#include "storage/sqlite/sqlite_store.h"
#include "value/json.h"

extern char** environ;

namespace hull::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 7;
constexpr size_t kWindow = 32;
constexpr int kOps = 200;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "bench_calls: %s\n", what.c_str());
  std::_Exit(1);
}

template <typename T>
T must(Result<T> result, const std::string& doing) {
  if (!result.ok()) fail(doing + ": " + result.error().message);
  return std::move(*result);
}

double cpu_us(clockid_t clock) {
  timespec now{};
  if (clock_gettime(clock, &now) != 0) return 0;
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

std::vector<pid_t> children() {
  std::vector<pid_t> pids;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::ifstream list(task.path() / "children");
    for (pid_t pid = 0; list >> pid;) pids.push_back(pid);
  }
  return pids;
}

std::vector<std::string> command_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline");
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

struct Cpu {
  double own = 0, workers = 0;
  double total() const { return own + workers; }
};
// So far. Workers must not come or go between two readings that are subtracted.
Cpu cpu_now() {
  Cpu cpu{cpu_us(CLOCK_PROCESS_CPUTIME_ID), 0};
  for (pid_t pid : children()) {
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock) == 0) cpu.workers += cpu_us(clock);
  }
  return cpu;
}

class Deployment {
 public:
  Deployment(const std::string& data_dir, const std::string& lib_dir) : data_dir_(data_dir) {
    SqliteOptions sqlite;
    sqlite.path = data_dir + "/hull.sqlite3";
    engine_ = must(Engine::open(must(open_sqlite_store(sqlite), "opening the store"), knobs_), "opening");
    blobs_ = must(open_local_blob_store(data_dir + "/storage"), "opening the files");
    RunnerOptions options;
    options.engine = engine_.get();
    options.blobs = blobs_.get();
    options.knobs = &knobs_;
    options.secret = &secret_;
    options.instance_name = "bench";
    options.lib_dir = lib_dir;
    options.scratch_dir = data_dir + "/scratch";
    options.cloud_origin = "http://127.0.0.1:3210";
    options.site_origin = "http://127.0.0.1:3211";
    runner_ = must(FunctionRunner::start(options), "starting the runner");
  }
  ~Deployment() { runner_.reset(); }

  std::string snapshot() const {
    for (const auto& file : fs::directory_iterator(data_dir_ + "/scratch")) {
      if (file.path().extension() == ".snapshot") return file.path();
    }
    fail("the workers run without a snapshot");
  }

  using Done = std::function<void(std::string)>;  // JSON of the value
  void query(const std::string& path, const std::string& args, Done done) {
    runner_->query(call(path, args), std::nullopt, Timestamp{}, false, [done](const QueryOutcome& outcome) {
      if (!outcome.query) fail("a query failed: " + outcome.system_error->message);
      if (!outcome.query->ok() || outcome.from_cache) fail("a query did not run");
      done(outcome.query->value_json());
    });
  }
  void mutation(const std::string& path, const std::string& args, Done done) {
    runner_->mutation(call(path, args), std::nullopt, [done](const FunctionResult& result) {
      if (!result.value) fail("a mutation failed");
      done(to_json(*result.value));
    });
  }

 private:
  static FunctionCall call(const std::string& path, const std::string& args) {
    FunctionCall call;
    call.path = must(FunctionPath::parse(path), "parsing a path");
    call.args = must(parse_convex_json("[" + args + "]"), "parsing arguments");
    call.args_json = to_json(call.args);
    call.context.request_id = random_hex(8);
    return call;
  }

  const std::string data_dir_;
  const Knobs knobs_ = Knobs::from_environment();
  InstanceSecret secret_ = InstanceSecret::generate();
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<FunctionRunner> runner_;
};

// Runs calls for some time, `window` of them at once, as the threads of a server do: the thread that submits
// them is another than those that get the answers, and sleeps while enough are under way.
class Load {
 public:
  using Start = std::function<void(Deployment::Done)>;

  static Cpu per_call(size_t window, double seconds, const Start& start) {
    Load load;
    const Cpu before = cpu_now();
    const int64_t end_ns = monotonic_nanos() + static_cast<int64_t>(seconds * 1e9);
    size_t count = 0;
    while (monotonic_nanos() < end_ns) {
      for (size_t free = load.wait_for_room(window); free > 0; --free, ++count) load.start_one(start);
    }
    load.wait_for_room(1);
    const Cpu after = cpu_now();
    const auto n = static_cast<double>(count);
    return {(after.own - before.own) / n, (after.workers - before.workers) / n};
  }

 private:
  void start_one(const Start& start) {
    {
      std::lock_guard lock(mutex_);
      ++running_;
    }
    start([this](const std::string&) {
      std::lock_guard lock(mutex_);
      --running_;
      if (running_ <= wanted_) room_.notify_one();
    });
  }
  // Until half of `window` is free; how many may be started.
  size_t wait_for_room(size_t window) {
    std::unique_lock lock(mutex_);
    wanted_ = window / 2;
    room_.wait(lock, [this] { return running_ <= wanted_; });
    return window - running_;
  }

  std::mutex mutex_;
  std::condition_variable room_;
  size_t running_ = 0, wanted_ = 0;
};

// Runs a program to its end and returns what it prints.
std::string output_of(std::vector<std::string> words) {
  int ends[2];
  if (pipe(ends) != 0) fail("pipe");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  pid_t pid = 0;
  if (posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ) != 0)
    fail("cannot run " + words[0]);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string text;
  char chunk[256];
  for (ssize_t n; (n = read(ends[0], chunk, sizeof chunk)) > 0;) text.append(chunk, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  if (status != 0) fail(words[0] + " failed");
  return text;
}

double context_us(const std::vector<std::string>& worker, const std::string& program,
                  const std::string& snapshot, double seconds, const std::string& keep) {
  std::vector<std::string> words(worker.begin(), std::find(worker.begin(), worker.end(), "-e"));
  words.insert(words.end(), {"-e", "process.dlopen({exports:{}}, process.argv[1], 2|8)", program, snapshot,
                             "facts.js", std::to_string(seconds), keep});
  double rate = 0, cpu = 0;
  if (std::sscanf(output_of(words).c_str(), "%lf %lf", &rate, &cpu) != 2)
    fail("no figure from bench_contexts");
  return cpu;
}

double socket_us(double seconds) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) fail("socketpair");
  std::array<char, 100> message{};
  auto pass = [&](int fd) {
    return read(fd, message.data(), message.size()) == static_cast<ssize_t>(message.size()) &&
           write(fd, message.data(), message.size()) == static_cast<ssize_t>(message.size());
  };
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    while (pass(ends[1])) {
    }
    _exit(0);
  }
  close(ends[1]);
  clockid_t other;
  clock_getcpuclockid(pid, &other);
  const double before = cpu_us(CLOCK_THREAD_CPUTIME_ID) + cpu_us(other);
  const int64_t end_ns = monotonic_nanos() + static_cast<int64_t>(seconds * 1e9);
  if (write(ends[0], message.data(), message.size()) < 0) fail("write");
  size_t count = 0;
  for (; monotonic_nanos() < end_ns; ++count) {
    if (!pass(ends[0])) fail("the other process ended");
  }
  const double after = cpu_us(CLOCK_THREAD_CPUTIME_ID) + cpu_us(other);
  close(ends[0]);
  waitpid(pid, nullptr, 0);
  return (after - before) / static_cast<double>(count);
}

double median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  return samples[samples.size() / 2];
}

void measure(const std::string& data_dir, const std::string& lib_dir, const std::string& contexts,
             double seconds) {
  Deployment deployment(data_dir, lib_dir);
  uint64_t salt = random_u64() >> 12;  // arguments no query had before
  const auto echo = [&](Deployment::Done done) {
    deployment.query("facts:echo", "{\"value\":" + std::to_string(++salt) + "}", std::move(done));
  };
  const auto add = [&](Deployment::Done done) {
    deployment.mutation("notes:add", R"({"text":"bench","rank":)" + std::to_string(++salt) + "}",
                        std::move(done));
  };
  std::promise<std::string> added;
  deployment.mutation("notes:add", R"({"text":"bench","rank":0})",
                      [&](std::string id) { added.set_value(std::move(id)); });
  const std::string id = added.get_future().get();
  const auto gets = [&](int times) {
    return [&, times](Deployment::Done done) {
      deployment.query("facts:gets",
                       "{\"id\":" + id + ",\"times\":" + std::to_string(times) +
                           ",\"salt\":" + std::to_string(++salt) + "}",
                       std::move(done));
    };
  };
  Load::per_call(kWindow, seconds / kRounds, echo);  // starts all workers
  const std::vector<std::string> worker = command_of(children().at(0));
  const std::string snapshot = deployment.snapshot();

  std::map<std::string, std::vector<double>> samples;
  const double slice = seconds / kRounds;
  for (int round = 0; round < kRounds; ++round) {
    samples["context"].push_back(context_us(worker, contexts, snapshot, slice, ""));
    samples["context_kept"].push_back(context_us(worker, contexts, snapshot, slice, "keep"));
    const Cpu query = Load::per_call(kWindow, slice, echo);
    samples["query"].push_back(query.total());
    samples["query_worker"].push_back(query.workers);
    samples["query_alone"].push_back(Load::per_call(1, slice, echo).total());
    samples["mutation"].push_back(Load::per_call(kWindow, slice, add).total());
    const double without = Load::per_call(1, slice, gets(0)).total();
    samples["op"].push_back((Load::per_call(1, slice, gets(kOps)).total() - without) / kOps);
    samples["socket"].push_back(socket_us(slice));
    for (const auto& [name, values] : samples) std::fprintf(stderr, "%s %.0f  ", name.c_str(), values.back());
    std::fprintf(stderr, "\n");
  }
  std::string separator = "{";
  for (const auto& [name, values] : samples) {
    std::printf("%s\"%s\":%.2f", separator.c_str(), name.c_str(), median(values));
    separator = ",";
  }
  std::printf("}\n");
}

}  // namespace
}  // namespace hull::bench

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  spdlog::set_level(spdlog::level::err);
  hull::bench::measure(argv[1], argv[2], argv[3], std::atof(argv[4]));
  return 0;
}
