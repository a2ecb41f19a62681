// The analysis of pushed modules as the push answer carries it (deploy-and-cli.md §2.5), made from what the
// workers report, with the checks that need no JavaScript (§3.3, §3.5, §3.6), and read back in finish_push.
// Pure functions, thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "functions/code.h"
#include "services/cron_specs.h"

namespace hull {

// Canonical module path -> JSON of its "Analyzed module". Error: 400 InvalidModules, InvalidFunctionName or
// InvalidCron.
Result<std::map<std::string, std::string>> analysis_json(const AnalysisOutcome& outcome);

// JSON of a module without functions (auth.config.js).
std::string empty_analysis_json();

// The routes of http.js as [{"method","path"},...], or "null" without one.
std::string http_routes_json(const AnalysisOutcome& outcome);

// The error a failed analysis is reported with: code and text per §3.1, §3.7, §3.8, §3.9.
Error analysis_error(const AnalysisOutcome::Failure& failure, std::string_view schema_path,
                     std::string_view auth_path, std::string_view definition_path);

// Functions of an analyzed module (parsed by parse_plain_json), as the runner knows them.
Result<std::map<std::string, FunctionInfo>> functions_of(ValueView analyzed_module);
Result<std::vector<CronSpec>> cron_specs_of(ValueView analyzed_module);

}  // namespace hull
