#include "services/cron_expression.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace hull {
namespace {

using std::chrono::days, std::chrono::sys_days, std::chrono::year_month_day;

// "2024-02-29 12:30" and back.
int64_t at(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0;
  EXPECT_EQ(std::sscanf(text.c_str(), "%d-%d-%d %d:%d", &year, &month, &day, &hour, &minute), 5) << text;
  const sys_days date = std::chrono::year{year} / month / day;
  return int64_t{date.time_since_epoch().count()} * 86400 + hour * 3600 + minute * 60;
}
std::string text(int64_t unix_s) {
  const sys_days date{days{unix_s / 86400}};
  const year_month_day civil{date};
  char out[32];
  std::snprintf(out, sizeof out, "%04d-%02u-%02u %02d:%02d", static_cast<int>(civil.year()),
                static_cast<unsigned>(civil.month()), static_cast<unsigned>(civil.day()),
                static_cast<int>(unix_s % 86400 / 3600), static_cast<int>(unix_s % 3600 / 60));
  return out;
}
std::string failure(const std::string& expression) {
  auto parsed = CronExpression::parse(expression);
  if (parsed.ok()) return "";
  EXPECT_EQ(parsed.error().code, "InvalidCron");
  return parsed.error().message;
}
// The next times after `from`.
std::string nexts(const std::string& expression, const std::string& from, int count) {
  auto parsed = CronExpression::parse(expression);
  if (!parsed.ok()) return parsed.error().message;
  std::string out;
  int64_t now = at(from);
  for (int i = 0; i < count; ++i) out += (i > 0 ? ", " : "") + text(now = parsed->next(now));
  return out;
}

TEST(CronExpressionTest, Grammar) {
  for (const char* good : {"* * * * *",          "*/5 0-23/2 1,15 JAN-mar MON",
                           "0 22-2 * * FRI-MON", "0 0 L * *",
                           "0 0 L-3W * *",       "0 0 15W * *",
                           "0 0 LW * *",         "0 0 L-30 * *",
                           "0 0 * * 5L",         "0 0 * * friL",
                           "0 0 * * L",          "0 0 * * 2#3",
                           "0\t0  29 2 *",       "0 0 31 2 MON",
                           "0 0 31 1,2 *",       "50-10 * * * *",
                           "5/59 * * * *",       "*/2,5 * * * *",
                           "0 0 */30 */11 */6",  "0 0 1,L * 0,5L"})
    EXPECT_EQ(failure(good), "") << good;
  for (const char* bad : {"",
                          " ",
                          "* * * *",
                          "* * * * * *",
                          " * * * * *",
                          "* * * * * ",
                          "60 * * * *",
                          "* 24 * * *",
                          "* * 0 * *",
                          "* * 32 * *",
                          "* * * 13 *",
                          "* * * 0 *",
                          "* * * * 7",
                          "*/60 * * * *",
                          "* */24 * * *",
                          "* * */31 * *",
                          "* * * */12 *",
                          "* * * * */7",
                          "*/0 * * * *",
                          "*,5 * * * *",
                          "5,* * * * *",
                          "@daily",
                          "0 0 l * *",
                          "0 0 * * 2#6",
                          "0 0 * * 2#0",
                          "0 0 * * #2",
                          "0 0 W * *",
                          "0 0 L-31 * *",
                          "0 0 L-0 * *",
                          "0 0 L3 * *",
                          "0 0 L-W * *",
                          "1- * * * *",
                          "-1 * * * *",
                          "1,,2 * * * *",
                          "1, * * * *",
                          "L * * * *",
                          "JAN * * * *",
                          "* * * MON *",
                          "+1 * * * *",
                          "1.5 * * * *",
                          "99999 * * * *",
                          "1-2-3 * * * *",
                          "1/2/3 * * * *",
                          "*\n* * * *"})
    EXPECT_EQ(failure(bad), "Failed to parse cron expression") << bad;
  for (const char* never : {"0 0 31 2 *", "0 0 30 FEB *", "0 0 31 4,6 *", "0 0 30-31 2 *", "0 0 L-30 4 *"})
    EXPECT_EQ(failure(never), "The cron spec \"" + std::string(never) + "\" will never match any time");
}

TEST(CronExpressionTest, NextTimes) {
  struct Row {
    const char *expression, *from, *expected;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"* * * * *", "2025-12-31 23:58", "2025-12-31 23:59, 2026-01-01 00:00, 2026-01-01 00:01"},
           {"30 * * * *", "2025-03-30 00:30", "2025-03-30 01:30, 2025-03-30 02:30, 2025-03-30 03:30"},
           {"*/25 23 * * *", "2025-01-01 00:00", "2025-01-01 23:00, 2025-01-01 23:25, 2025-01-01 23:50"},
           {"7/20 0 * * *", "2025-01-01 00:00", "2025-01-01 00:07, 2025-01-01 00:27, 2025-01-01 00:47"},
           {"58-1 4 * * *", "2025-01-01 00:00", "2025-01-01 04:00, 2025-01-01 04:01, 2025-01-01 04:58"},
           {"50-10/15 4 * * *", "2025-01-01 00:00", "2025-01-01 04:05, 2025-01-01 04:50, 2025-01-02 04:05"},
           // Leap years, also of centuries.
           {"0 12 29 2 *", "2023-01-01 00:00", "2024-02-29 12:00, 2028-02-29 12:00, 2032-02-29 12:00"},
           {"0 0 29 2 *", "2096-02-29 00:00", "2104-02-29 00:00, 2108-02-29 00:00, 2112-02-29 00:00"},
           {"0 0 29 2 *", "1999-06-01 00:00", "2000-02-29 00:00, 2004-02-29 00:00, 2008-02-29 00:00"},
           // Months without the day are left out.
           {"15 3 31 * *", "2025-01-31 03:15", "2025-03-31 03:15, 2025-05-31 03:15, 2025-07-31 03:15"},
           {"0 0 30 * *", "2025-01-30 00:00", "2025-03-30 00:00, 2025-04-30 00:00, 2025-05-30 00:00"},
           {"0 0 28-2 2-3 *", "2025-02-27 00:00", "2025-02-28 00:00, 2025-03-01 00:00, 2025-03-02 00:00"},
           {"0 0 1 nov-FEB *", "2025-10-05 00:00", "2025-11-01 00:00, 2025-12-01 00:00, 2026-01-01 00:00"},
           // The last day, days before it, weekdays near a day.
           {"0 0 L * *", "2024-01-15 00:00", "2024-01-31 00:00, 2024-02-29 00:00, 2024-03-31 00:00"},
           {"0 0 L-2 * *", "2025-01-30 00:00", "2025-02-26 00:00, 2025-03-29 00:00, 2025-04-28 00:00"},
           {"0 0 L-30 * *", "2025-01-02 00:00", "2025-03-01 00:00, 2025-05-01 00:00, 2025-07-01 00:00"},
           {"0 0 LW * *", "2025-05-01 00:00", "2025-05-30 00:00, 2025-06-30 00:00, 2025-07-31 00:00"},
           {"0 0 L-1W * *", "2025-08-01 00:00", "2025-08-29 00:00, 2025-09-29 00:00, 2025-10-30 00:00"},
           {"0 0 15W * *", "2025-02-01 00:00", "2025-02-14 00:00, 2025-03-14 00:00, 2025-04-15 00:00"},
           {"0 0 1W * *", "2025-02-01 00:00", "2025-02-03 00:00, 2025-03-03 00:00, 2025-04-01 00:00"},
           {"0 0 31W * *", "2025-08-01 00:00", "2025-08-29 00:00, 2025-10-31 00:00, 2025-12-31 00:00"},
           // Days of the week.
           {"0 9 * * MON-FRI", "2025-01-03 09:00", "2025-01-06 09:00, 2025-01-07 09:00, 2025-01-08 09:00"},
           {"0 9 * * FRI-MON", "2025-01-06 09:00", "2025-01-10 09:00, 2025-01-11 09:00, 2025-01-12 09:00"},
           {"0 0 * * L", "2025-01-01 00:00", "2025-01-04 00:00, 2025-01-11 00:00, 2025-01-18 00:00"},
           {"0 0 * * 5L", "2025-01-01 00:00", "2025-01-31 00:00, 2025-02-28 00:00, 2025-03-28 00:00"},
           {"0 0 * * 0#5", "2025-01-01 00:00", "2025-03-30 00:00, 2025-06-29 00:00, 2025-08-31 00:00"},
           {"0 0 * 2 1#5", "2025-01-01 00:00", "2044-02-29 00:00, 2072-02-29 00:00, 2112-02-29 00:00"},
           // Either day field, if both are restricted; a step counts as a restriction.
           {"0 0 13 * FRI", "2025-06-01 00:00", "2025-06-06 00:00, 2025-06-13 00:00, 2025-06-20 00:00"},
           {"0 0 31 2 MON", "2025-02-01 00:00", "2025-02-03 00:00, 2025-02-10 00:00, 2025-02-17 00:00"},
           {"0 0 */10 * 1", "2025-01-01 00:00", "2025-01-06 00:00, 2025-01-11 00:00, 2025-01-13 00:00"},
           {"0 0 10 * */6", "2025-01-05 00:00", "2025-01-10 00:00, 2025-01-11 00:00, 2025-01-12 00:00"},
       })
    EXPECT_EQ(nexts(row.expression, row.from, 3), row.expected) << row.expression;
}

TEST(CronExpressionTest, StrictlyAfterAndAtWholeMinutes) {
  auto every = CronExpression::parse("* * * * *");
  EXPECT_EQ(every->next(at("2025-01-01 00:00") - 1), at("2025-01-01 00:00"));
  EXPECT_EQ(every->next(at("2025-01-01 00:00")), at("2025-01-01 00:01"));
  EXPECT_EQ(every->next(at("2025-01-01 00:00") + 59), at("2025-01-01 00:01"));
  EXPECT_EQ(every->next(-1), 0);
}

// --- against a matcher that looks at one minute after the other
// -----------------------------------------------

struct Civil {
  int minute, hour, day, month, week_day, last;
};
Civil civil(int64_t unix_s) {
  const sys_days date{days{unix_s / 86400}};
  const year_month_day ymd{date};
  return {static_cast<int>(unix_s / 60 % 60),
          static_cast<int>(unix_s / 3600 % 24),
          static_cast<int>(static_cast<unsigned>(ymd.day())),
          static_cast<int>(static_cast<unsigned>(ymd.month())),
          static_cast<int>((unix_s / 86400 + 4) % 7),
          static_cast<int>(static_cast<unsigned>((ymd.year() / ymd.month() / std::chrono::last).day()))};
}
using Matcher = std::function<bool(const Civil&)>;
struct RandomField {
  std::string text;
  Matcher matches;
  bool bare_star = false;
};

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  RandomField field(int number) {
    if (chance(number == 0 ? 5 : 3)) return {"*", [](const Civil&) { return true; }, true};
    RandomField out;
    std::vector<Matcher> any;
    for (int i = 0, n = below(3) + 1; i < n; ++i) {
      auto [text, matcher] = item(number);
      out.text += (i > 0 ? "," : "") + text;
      any.push_back(matcher);
    }
    out.matches = [any](const Civil& c) {
      return std::any_of(any.begin(), any.end(), [&](const Matcher& m) { return m(c); });
    };
    return out;
  }
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

 private:
  bool chance(int one_in) { return below(one_in) == 0; }
  static int value(const Civil& c, int number) {
    const int all[] = {c.minute, c.hour, c.day, c.month, c.week_day};
    return all[number];
  }
  // The weekday nearest to `day` within the month, by trying all distances.
  static int nearest(const Civil& c, int day) {
    for (int distance : {0, -1, 1, -2, 2}) {
      const int other = day + distance, week_day = ((c.week_day + other - c.day) % 7 + 7) % 7;
      if (other >= 1 && other <= c.last && week_day != 0 && week_day != 6) return other;
    }
    return 0;
  }
  std::pair<std::string, Matcher> item(int number) {
    static const int low[] = {0, 0, 1, 1, 0}, high[] = {59, 23, 31, 12, 6};
    const int size = high[number] - low[number] + 1, a = low[number] + below(size),
              b = low[number] + below(size);
    const auto s = [](int n) { return std::to_string(n); };
    if (number == 2 && chance(4)) {
      const int back = below(31);
      const bool weekday = chance(2);
      return {(back > 0 ? "L-" + s(back) : "L") + (weekday ? "W" : ""), [=](const Civil& c) {
                const int day = c.last - back;
                return day >= 1 && c.day == (weekday ? nearest(c, day) : day);
              }};
    }
    if (number == 2 && chance(4))
      return {s(a) + "W", [=](const Civil& c) { return a <= c.last && c.day == nearest(c, a); }};
    if (number == 4 && chance(4))
      return {s(a) + "L", [=](const Civil& c) { return c.week_day == a && c.day + 7 > c.last; }};
    if (number == 4 && chance(4)) {
      const int nth = below(5) + 1;
      return {s(a) + "#" + s(nth),
              [=](const Civil& c) { return c.week_day == a && c.day > 7 * (nth - 1) && c.day <= 7 * nth; }};
    }
    int first = a, last = a, step = 1;
    std::string text = s(a);
    switch (below(5)) {
      case 0:
        return {text, [=](const Civil& c) { return value(c, number) == a; }};
      case 1:
        last = b;
        text = s(a) + "-" + s(b);
        break;
      case 2:
        last = b;
        step = below(size - 1) + 1;
        text = s(a) + "-" + s(b) + "/" + s(step);
        break;
      case 3:
        last = high[number];
        step = below(size - 1) + 1;
        text = s(a) + "/" + s(step);
        break;
      default:
        first = low[number];
        last = high[number];
        step = below(size - 1) + 1;
        text = "*/" + s(step);
    }
    std::set<int> values;
    for (int v = first, i = 0;; v = v == high[number] ? low[number] : v + 1, ++i) {
      if (i % step == 0) values.insert(v);
      if (v == last) break;
    }
    return {text, [=](const Civil& c) { return values.count(value(c, number)) > 0; }};
  }

  std::mt19937 random_;
};

TEST(CronExpressionTest, AgreesWithAMinuteByMinuteMatcher) {
  Generator random(20250101);
  int found = 0;
  for (int round = 0; round < 400; ++round) {
    RandomField fields[5];
    std::string expression;
    for (int i = 0; i < 5; ++i) {
      fields[i] = random.field(i);
      expression += (i > 0 ? " " : "") + fields[i].text;
    }
    auto matches = [&](int64_t t) {
      const Civil c = civil(t);
      const bool month_day = fields[2].matches(c), week_day = fields[4].matches(c);
      const bool day =
          fields[2].bare_star || fields[4].bare_star ? month_day && week_day : month_day || week_day;
      return fields[0].matches(c) && fields[1].matches(c) && fields[3].matches(c) && day;
    };
    auto parsed = CronExpression::parse(expression);
    const int64_t from = at("2023-11-20 00:00") + random.below(500 * 86400);
    if (!parsed.ok()) {
      EXPECT_NE(parsed.error().message.find("will never match"), std::string::npos) << expression;
      for (int64_t t = from - from % 60; t < from + 60 * 86400; t += 60)
        ASSERT_FALSE(matches(t)) << expression;
      continue;
    }
    int64_t now = from;
    const int64_t end = from + 100 * 86400;
    for (int i = 0; i < 20 && now < end; ++i) {
      int64_t expected = now - now % 60 + 60;
      while (expected < end && !matches(expected)) expected += 60;
      const int64_t next = parsed->next(now);
      if (expected >= end) {
        ASSERT_GE(next, end) << expression << " after " << text(now);
        break;
      }
      ASSERT_EQ(text(next), text(expected)) << expression << " after " << text(now);
      ++found;
      now = next;
    }
  }
  EXPECT_GT(found, 2000);
}

}  // namespace
}  // namespace hull
