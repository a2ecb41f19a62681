// PlainAction: a running action that was called by name, with arguments and a result.
#pragma once

#include "functions/running_action.h"

namespace hull {

class PlainAction final : public RunningAction {
 public:
  PlainAction(RunnerParts* parts, std::shared_ptr<const Code> code, const FunctionInfo* function,
              const SnapshotPtr& snapshot, FunctionCall call, FunctionCallback done);

 protected:
  void describe(wire::StartCall& start) const override;
  Result<bool> start_own_op(const wire::Op&) override { return false; }
  CallOutcome succeeded(const wire::CallDone& done) override;
  void conclude(CallOutcome& outcome) override;
  void describe_entry(FunctionLogEntry& entry) const override;
  void answer_caller(CallOutcome outcome, std::vector<LogLine> lines) override;

 private:
  const FunctionInfo* const function_;
  const std::shared_ptr<const Catalog> catalog_;
  std::optional<size_t> return_bytes_;
  FunctionCallback done_;
};

}  // namespace hull
