// The subcommands of bench_engine. Each prints one line of JSON with what it measured.
#pragma once

#include <map>
#include <string>

namespace hull::bench {

// Arguments as name=value.
class Arguments {
 public:
  Arguments(int argc, char** argv);
  std::string text(const std::string& name) const;  // must be there
  double number(const std::string& name, double fallback) const;

 private:
  std::map<std::string, std::string> values_;
};

class Report {
 public:
  Report& add(const std::string& name, double value);
  void print() const;

 private:
  std::string json_;
};

void transactions(const Arguments& arguments);  // engine_commits.cc
void contention(const Arguments& arguments);    // engine_commits.cc
void prepare(const Arguments& arguments);       // engine_build.cc
void open_store(const Arguments& arguments);    // engine_build.cc
void sizes(const Arguments& arguments);         // engine_sizes.cc
void queue(const Arguments& arguments);         // engine_queue.cc
void notify(const Arguments& arguments);        // engine_notify.cc

}  // namespace hull::bench
