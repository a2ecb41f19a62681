// Benchmarks of the database engine without JavaScript or network.
//   bench_engine <command> [name=value...]     prints one line of JSON; the commands are in engine_commands.h
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/log.h"
#include "engine_commands.h"
#include "engine_lab.h"

namespace hull::bench {

Arguments::Arguments(int argc, char** argv) {
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    const size_t equals = word.find('=');
    if (equals == std::string::npos) fail("expected name=value: " + word);
    values_[word.substr(0, equals)] = word.substr(equals + 1);
  }
}
std::string Arguments::text(const std::string& name) const {
  auto it = values_.find(name);
  if (it == values_.end()) fail("missing argument " + name);
  return it->second;
}
double Arguments::number(const std::string& name, double fallback) const {
  auto it = values_.find(name);
  return it == values_.end() ? fallback : std::atof(it->second.c_str());
}

Report& Report::add(const std::string& name, double value) {
  char number[32];
  std::snprintf(number, sizeof number, "%.6g", value);
  json_ += (json_.empty() ? "\"" : ",\"") + name + "\":" + number;
  return *this;
}
void Report::print() const { std::printf("{%s}\n", json_.c_str()); }

}  // namespace hull::bench

int main(int argc, char** argv) {
  using namespace hull::bench;
  struct Command {
    std::string_view name;
    void (*run)(const Arguments&);
  };
  constexpr Command kCommands[] = {{"transactions", transactions},
                                   {"contention", contention},
                                   {"prepare", prepare},
                                   {"open", open_store},
                                   {"sizes", sizes},
                                   {"queue", queue},
                                   {"notify", notify}};
  spdlog::set_level(spdlog::level::off);
  for (const Command& command : kCommands) {
    if (argc < 2 || command.name != argv[1]) continue;
    command.run(Arguments(argc - 2, argv + 2));
    return 0;
  }
  return 2;
}
