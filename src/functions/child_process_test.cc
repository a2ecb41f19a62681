#include "functions/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "base/time.h"

namespace hull {
namespace {

ChildSpec shell(const std::string& script) {
  ChildSpec spec;
  spec.program = "/bin/sh";
  spec.arguments = {"-c", script};
  spec.environment = {"GREETING=hello"};
  spec.directory = "/tmp";
  return spec;
}

TEST(ChildProcessTest, RunsACommandWithNothingButWhatItIsGiven) {
  ForkThread thread;
  setenv("HULL_TEST_SECRET", "s3cr3t", 1);
  auto outcome =
      run_command(thread, shell("echo $GREETING $HULL_TEST_SECRET; pwd >&2; ls /proc/self/fd"), 10);
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_TRUE(outcome->succeeded);
  // 3 is the directory that ls reads.
  EXPECT_EQ(outcome->output, "hello\n/tmp\n0\n1\n2\n3\n");
}

TEST(ChildProcessTest, TellsFailuresApart) {
  ForkThread thread;
  auto failed = run_command(thread, shell("echo why; exit 3"), 10);
  ASSERT_TRUE(failed.ok());
  EXPECT_FALSE(failed->succeeded);
  EXPECT_FALSE(failed->timed_out);
  EXPECT_EQ(failed->output, "why\n");
  ChildSpec missing = shell("");
  missing.program = "/nowhere/program";
  EXPECT_EQ(run_command(thread, missing, 10).error().message,
            "cannot start /nowhere/program: No such file or directory");
}

TEST(ChildProcessTest, ATimeLimitEndsTheWholeGroup) {
  ForkThread thread;
  int64_t begin = monotonic_nanos();
  auto outcome = run_command(thread, shell("sleep 60 & echo $!; wait"), 0.3);
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome->timed_out);
  EXPECT_LT(monotonic_nanos() - begin, int64_t{20} * 1000000000);
  pid_t sleeper = std::stoi(outcome->output);
  for (int i = 0; i < 500 && kill(sleeper, 0) == 0; ++i) usleep(10000);
  EXPECT_NE(kill(sleeper, 0), 0);
}

TEST(ChildProcessTest, LongOutputKeepsItsEnd) {
  ForkThread thread;
  auto outcome = run_command(thread,
                             shell("i=0; while [ $i -lt 3000 ]; do echo $i "
                                   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; i=$((i+1)); "
                                   "done"),
                             30);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->output.size(), 64u << 10);
  EXPECT_TRUE(outcome->output.ends_with("x\n"));
  EXPECT_NE(outcome->output.find("\n2999 x"), std::string::npos);
}

}  // namespace
}  // namespace hull
