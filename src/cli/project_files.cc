#include "cli/project_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace hull {
namespace {

Error file_error(const std::string& what, const std::string& path) {
  return Error::internal("cannot " + what + " " + path + ": " + std::strerror(errno));
}

// The variable a line sets; "" = none.
std::string_view variable_of(std::string_view line) {
  constexpr std::string_view kSpace = " \t";
  auto trim = [&](std::string_view text) {
    size_t first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos) return std::string_view();
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
  };
  size_t equals = line.find('=');
  if (equals == std::string_view::npos) return {};
  std::string_view name = trim(line.substr(0, equals));
  if (name.starts_with("export ")) name = trim(name.substr(7));
  return name.starts_with('#') ? std::string_view() : name;
}

template <typename F>
void for_each_line(std::string_view text, F&& visit) {
  while (!text.empty()) {
    size_t end = text.find('\n');
    visit(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
}

}  // namespace

Result<std::string> read_text(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::string();
  std::ifstream in(path, std::ios::binary);
  std::ostringstream buffer;
  buffer << in.rdbuf();
  if (!in.good() && !in.eof()) return file_error("read", path);
  return buffer.str();
}

Result<void> write_file(const std::string& path, const std::string& text, bool executable) {
  std::error_code error;
  const auto parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (error) return Error::internal("cannot create " + parent.string() + ": " + error.message());
  const std::string temporary = path + ".new";
  {
    const int fd =
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, executable ? 0755 : 0600);
    if (fd < 0) return file_error("create", temporary);
    const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (close(fd) != 0 || !written) return file_error("write", temporary);
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return file_error("replace", path);
  return {};
}

std::string with_variables(std::string_view text, const std::map<std::string, std::string>& variables) {
  auto rest = variables;
  std::string out;
  auto put = [&out](const std::string& name, const std::string& value) { out += name + "=" + value + "\n"; };
  for_each_line(text, [&](std::string_view line) {
    const std::string name(variable_of(line));
    auto variable = variables.find(name);
    if (variable == variables.end()) {
      out += std::string(line) + "\n";
    } else if (rest.erase(name) > 0) {
      put(name, variable->second);
    }
  });
  for (const auto& [name, value] : rest) put(name, value);
  return out;
}

bool sets_variable(std::string_view text, std::string_view name) {
  bool found = false;
  for_each_line(text, [&](std::string_view line) { found = found || variable_of(line) == name; });
  return found;
}

Result<void> ignore_state(const std::string& project_dir) {
  const std::string path = project_dir + "/.convex/.gitignore";
  std::error_code error;
  if (std::filesystem::exists(path, error)) return {};
  return write_file(path, "/*\n");
}

}  // namespace hull
