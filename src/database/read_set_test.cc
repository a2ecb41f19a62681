#include "database/read_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "database/interval_tree.h"

namespace hull {
namespace {

// All strings over {00, 'a', 'b', FF} up to length 3: a dense model of the key space.
std::vector<std::string> universe() {
  std::vector<std::string> all = {""};
  const std::string letters("\0ab\xff", 4);
  for (size_t from = 0; from < all.size(); ++from) {
    if (all[from].size() == 3) continue;
    for (char c : letters) all.push_back(all[from] + c);
  }
  std::sort(all.begin(), all.end());
  return all;
}

Interval random_interval(std::mt19937& random, const std::vector<std::string>& keys) {
  std::string start = keys[random() % keys.size()];
  switch (random() % 4) {
    case 0:
      return {start, start + '\0'};
    case 1:
      return {start, std::nullopt};
    default:
      return {start, keys[random() % keys.size()]};
  }
}

TEST(IntervalSet, MatchesNaiveModel) {
  const auto keys = universe();
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    IntervalSet set;
    std::set<std::string> model;
    for (int step = 0; step < 12; ++step) {
      Interval interval = random_interval(random, keys);
      if (round % 3 != 0 && !interval.end) continue;  // infinity would soon cover everything
      set.add(interval);
      for (const auto& key : keys)
        if (interval.contains(key)) model.insert(key);
      for (const auto& key : keys) ASSERT_EQ(set.contains(key), model.contains(key));
      std::optional<std::string> last;
      bool unbounded = false;
      for (const auto& part : set.intervals()) {
        ASSERT_FALSE(part.empty());
        ASSERT_FALSE(unbounded);
        if (last) {
          ASSERT_LT(*last, part.start);  // disjoint and not touching
        }
        last = part.end;
        unbounded = !part.end;
      }
    }
  }
}

TEST(IntervalSet, CoalescesAdjacentReads) {
  IntervalSet set;
  set.add({"a", "c"});
  set.add({"c", "e"});
  set.add({"x", std::nullopt});
  EXPECT_EQ(set.size(), 2u);
  set.add({"e", "x"});
  EXPECT_EQ(set.size(), 1u);
  set.add({"q", "q"});
  EXPECT_EQ(set.intervals(), (std::vector<Interval>{{"a", std::nullopt}}));
}

TEST(ReadSet, CountsUserIntervalsOnly) {
  ReadSet reads;
  reads.add_point(IndexId{1}, "k", false);
  EXPECT_EQ(reads.user_intervals(), 0u);
  reads.add_point(IndexId{2}, "k", true);
  reads.add_point(IndexId{2}, "m", true);
  EXPECT_EQ(reads.user_intervals(), 2u);
  reads.add(IndexId{2}, {"a", "z"}, true);
  EXPECT_EQ(reads.user_intervals(), 1u);
  reads.add_point(IndexId{1}, "n", true);  // now the user reads index 1 too
  EXPECT_EQ(reads.user_intervals(), 3u);
  reads.add(IndexId{3}, {"b", "b"}, true);
  EXPECT_FALSE(reads.indexes().contains(IndexId{3}));
  EXPECT_TRUE(reads.contains(IndexId{2}, "q"));
  EXPECT_FALSE(reads.contains(IndexId{2}, "z"));
  EXPECT_FALSE(reads.contains(IndexId{4}, "q"));
}

TEST(ReadSet, Merge) {
  ReadSet a, b;
  a.add(IndexId{1}, {"a", "c"}, true);
  b.add(IndexId{1}, {"b", "d"}, true);
  b.add_point(IndexId{2}, "x", false);
  a.merge(b);
  EXPECT_EQ(a.user_intervals(), 1u);
  EXPECT_TRUE(a.contains(IndexId{1}, "cc"));
  EXPECT_TRUE(a.contains(IndexId{2}, "x"));
  EXPECT_GT(a.memory_bytes(), 0u);
}

TEST(ReadSet, Points) {
  EXPECT_TRUE(is_point("a", std::string("a\0", 2)));
  EXPECT_FALSE(is_point("a", std::string("a")));
  EXPECT_FALSE(is_point("a", std::string("b\0", 2)));
  EXPECT_FALSE(is_point("a", std::nullopt));
}

TEST(IntervalTree, MatchesNaiveModel) {
  const auto keys = universe();
  std::mt19937 random(2);
  IntervalTree<int> tree;
  std::map<int, IntervalTree<int>::Node*> nodes;
  int next = 0;
  for (int step = 0; step < 4000; ++step) {
    if (random() % 5 < 3 || nodes.empty()) {
      nodes[next] = tree.insert(random_interval(random, keys), next);
      ++next;
    } else {
      auto it = nodes.lower_bound(static_cast<int>(random() % static_cast<unsigned>(next)));
      if (it == nodes.end()) it = nodes.begin();
      tree.erase(it->second);
      nodes.erase(it);
    }
    ASSERT_EQ(tree.size(), nodes.size());
    const std::string& key = keys[random() % keys.size()];
    std::set<int> expected, found;
    for (const auto& [value, node] : nodes)
      if (node->interval.contains(key)) expected.insert(value);
    tree.stab(key, [&](int value) { ASSERT_TRUE(found.insert(value).second); });
    ASSERT_EQ(found, expected);
  }
}

}  // namespace
}  // namespace hull
