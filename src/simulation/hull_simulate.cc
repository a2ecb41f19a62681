// hull_simulate: runs simulations from the command line (docs/simulation.md).
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "simulation/cron_simulation.h"
#include "simulation/job_simulation.h"
#include "simulation/simulation.h"

namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Runs seed after seed; the exit code.
template <class Report>
int run_seeds(Report (*run)(uint64_t), const char* flag, uint64_t seed, uint64_t runs, double seconds) {
  const double start = seconds_now();
  Report sum;
  unsigned long long done = 0;
  for (; done < runs && (seconds == 0 || seconds_now() - start < seconds); ++done) {
    const unsigned long long this_seed = seed + done;
    const Report report = run(this_seed);
    if (report.failure) {
      std::printf("FAILED after %llu runs (%.1f s), seed %llu: %s\nrepeat: scripts/simulate %s --seed %llu\n",
                  done + 1, seconds_now() - start, this_seed, report.failure->c_str(), flag, this_seed);
      return 1;
    }
    sum += report;
  }
  std::printf("%llu runs in %.1f s: %s\n", done, seconds_now() - start, sum.summary().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  using hull::simulation::run_cron_simulation;
  using hull::simulation::run_job_simulation;
  using hull::simulation::RunOptions;
  using hull::simulation::RunReport;
  CLI::App app{"Runs the database engine in deterministic simulations"};
  uint64_t seed = 1, runs = 1;
  double seconds = 0;
  RunOptions options;
  bool trace = false, verbose = false, jobs = false, crons = false;
  app.add_option("--seed", seed, "first seed");
  app.add_option("--runs", runs, "how many seeds");
  app.add_option("--seconds", seconds, "stop after this time, whatever --runs says");
  app.add_option("--steps", options.transactions, "transactions per client and life of the engine");
  app.add_flag("--jobs", jobs, "the scheduler instead of the database alone");
  app.add_flag("--crons", crons, "the cron jobs instead of the database alone");
  app.add_flag("--trace", trace, "print every decision of the scheduler");
  app.add_flag("--verbose", verbose, "print a line per run, and the engine's log");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(verbose ? spdlog::level::info : spdlog::level::off);
  if (trace)
    options.trace = [](std::string_view line) {
      std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
    };

  if (jobs) return run_seeds(run_job_simulation, "--jobs", seed, runs, seconds);
  if (crons) return run_seeds(run_cron_simulation, "--crons", seed, runs, seconds);
  const double start = seconds_now();
  auto elapsed = [start] { return seconds_now() - start; };
  uint64_t done = 0;
  RunReport sum;
  for (; done < runs && (seconds == 0 || elapsed() < seconds); ++done) {
    options.seed = seed + done;
    const RunReport report = run_simulation(options);
    if (verbose)
      std::printf("seed %llu: digest %016llx, %llu steps, %llu commits\n",
                  static_cast<unsigned long long>(options.seed),
                  static_cast<unsigned long long>(report.digest),
                  static_cast<unsigned long long>(report.steps),
                  static_cast<unsigned long long>(report.history.commits));
    if (report.failure) {
      std::printf(
          "FAILED after %llu runs (%.1f s), seed %llu: %s\nrepeat: scripts/simulate --seed %llu --steps "
          "%zu\n",
          static_cast<unsigned long long>(done) + 1, elapsed(), static_cast<unsigned long long>(options.seed),
          report.failure->c_str(), static_cast<unsigned long long>(options.seed), options.transactions);
      return 1;
    }
    sum += report;
  }
  std::printf("%llu runs in %.1f s: %s\n", static_cast<unsigned long long>(done), elapsed(),
              sum.summary().c_str());
  return 0;
}
