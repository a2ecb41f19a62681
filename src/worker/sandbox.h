// Takes from the process what JavaScript never needs: after a break out of V8 there is nothing to reach but
// the protocol socket.
//
// Close() runs at start, before user code is known: a seccomp allow-list on all threads (memory, threads,
// clocks, already open descriptors, opening files) and no new privileges. Seal() runs before the first user
// code and also forbids opening and changing files, for the isolate thread by Landlock as well. Refused
// system calls fail with EPERM, so that V8 and libuv degrade instead of dying.
#pragma once

#include <string>

namespace hull::worker {

class Sandbox {
 public:
  // Text of what could not be applied, "" if everything was.
  std::string Close();
  // `may_rename`: the process writes a snapshot beneath `directory` and renames it when user code is done.
  // False if the sandbox was closed but cannot be sealed.
  bool Seal(bool may_rename, const std::string& directory);

 private:
  bool closed_ = false;
  bool sealed_ = false;
};

}  // namespace hull::worker
