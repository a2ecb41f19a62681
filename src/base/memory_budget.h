// MemoryBudget: how much memory the server's caches may use together, and how it is divided. Derived from
// what the process may use (cgroup limit, else the machine's memory) unless HULL_MEMORY_BUDGET_BYTES says
// otherwise. Workers, sockets and running calls are not part of it; they have limits of their own.
#pragma once

#include <cstddef>
#include <string>

namespace hull {

struct MemoryBudget {
  size_t total = 0;          // bytes
  size_t query_cache = 0;    // results of queries
  size_t recent_writes = 0;  // row images of recent commits, for snapshots and conflict checks
  size_t unapplied = 0;      // commits that the stored state does not show yet
  size_t page_cache = 0;     // pages of the embedded store

  // A quarter of what is available, at least 64 MiB and at most 400 MiB.
  static MemoryBudget for_available(size_t available);
  // Divides a given total.
  static MemoryBudget divide(size_t total);
};

// What this process may use: the smallest limit of its cgroups (v2 and v1) below `root`, else physical
// memory.
size_t available_memory(const std::string& root = "");

}  // namespace hull
