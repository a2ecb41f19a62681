// One attempt at a query or mutation over a transaction, whichever way the function is made: user code on a
// worker, or a system function in this process. Used by the query and the mutation runner on the thread that
// runs the call.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "functions/runner_parts.h"

namespace hull {

inline bool is_system_call(const FunctionCall& call) { return call.path.module.is_system(); }

// A transaction for the call, with the dependencies of the function's lookup recorded.
std::unique_ptr<Transaction> begin_call(RunnerParts& parts, const FunctionCall& call, UdfType type,
                                        SnapshotPtr snapshot, double now_ms);

// Looks the function up and checks the arguments, and whether a caller from outside may run it. For user code
// only.
Result<const FunctionInfo*> admit_call(RunnerParts& parts, const FunctionCall& call, UdfType type,
                                       const Code& code, const Catalog& catalog);

CallOutcome run_on_worker(RunnerParts& parts, WorkerProcess& worker, const Code& code,
                          const FunctionCall& call, UdfType type, const FunctionInfo& function,
                          Transaction& transaction, std::optional<std::string> journal_end, double now_ms);
CallOutcome run_system_function(RunnerParts& parts, const FunctionCall& call, UdfType type,
                                Transaction& transaction, std::optional<std::string> journal_end);

// An outcome that failed before anything ran.
CallOutcome failed_outcome(const Error& error);

// Lines about counters near their limits (runtime.md §5.3).
void append_warnings(CallOutcome& outcome, const FunctionCall& call, UdfType type,
                     const Transaction* transaction, const Knobs& knobs);
LogLine warning_line(std::string text, std::string_view code, std::string_view level = "WARN");

// For counting the calls that wait and run.
std::shared_ptr<CallTicket> queue_call(RunnerParts& parts, UdfType type);
void start_call(RunnerParts& parts, UdfType type, CallTicket& ticket);

// What the transaction has read of each user table.
std::vector<FunctionLogEntry::TableRows> tables_read(const Transaction& transaction);

// A completion entry with everything that depends on the call alone. System functions are never logged.
FunctionLogEntry completion_entry(const FunctionCall& call, UdfType type, double started_ms);

}  // namespace hull
