#include "services/job_runner.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "functions/lookup.h"
#include "functions/stopped_text.h"

namespace hull {
namespace {

class DeployedFunctions final : public JobRunner {
 public:
  explicit DeployedFunctions(FunctionRunner& runner) : runner_(runner) {}

  Result<UdfType> kind(const FunctionPath& path) override {
    HULL_TRY(auto code, runner_.code().load(*runner_.engine().snapshot()->catalog()));
    HULL_TRY(
        const FunctionInfo* function,
        find_function(*code, path, std::nullopt, {.allow_internal = true, .public_not_found_text = false}));
    auto type = udf_type_of(*function);
    if (!type) return Error::bad_request("FunctionNotFound", not_found_text(path, false));
    return *type;
  }
  std::optional<std::string> stopped() override {
    return stopped_text(*runner_.engine().snapshot()->catalog());
  }
  void mutation(FunctionCall call, MutationFrame frame, FunctionCallback done) override {
    runner_.framed_mutation(std::move(call), std::move(frame), std::move(done));
  }
  void action(FunctionCall call, FunctionCallback done) override {
    runner_.action(std::move(call), std::move(done));
  }

 private:
  FunctionRunner& runner_;
};

}  // namespace

std::unique_ptr<JobRunner> job_runner(FunctionRunner& runner) {
  return std::make_unique<DeployedFunctions>(runner);
}

bool was_stopped(const FunctionResult& result) {
  // What a function throws itself begins otherwise.
  return result.error && result.error->message == std::string(kStoppedText) + "\n";
}

int64_t job_backoff_ns(double initial_ms, double max_ms, int64_t earlier) {
  const double bound_ms = std::min(max_ms, initial_ms * std::pow(2.0, static_cast<double>(earlier)));
  const double share = static_cast<double>(random_u64() >> 11) / 9007199254740992.0;
  return static_cast<int64_t>(std::min(bound_ms * share * 1e6, 1e18));
}

}  // namespace hull
