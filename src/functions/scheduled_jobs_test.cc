#include "functions/scheduled_jobs.h"

#include "database/engine_fixture.h"
#include "database/maintenance_jobs.h"
#include "value/json.h"

namespace hull {
namespace {

using State = ScheduledJob::State;
constexpr int64_t kNow = 1'800'000'000'000'000'000;

class ScheduledJobs : public testing::EngineFixture {
 protected:
  void SetUp() override { start(); }

  Transaction::Options options(TableAccess access) {
    Transaction::Options options;
    options.access = access;
    options.writable = true;
    options.knobs = &knobs_;
    return options;
  }
  static JobRequest request(int64_t at, std::string_view args = "[{}]") {
    return {*FunctionPath::parse("jobs:note"), *parse_convex_json(args), at};
  }
  void store(Transaction& transaction) {
    auto outcome = commit(transaction.commit_request("test"));
    ASSERT_TRUE(outcome.ts);
  }
  DocumentPtr shown(const DocumentId& id) {
    Transaction transaction(engine_->snapshot(), options(TableAccess::kUser));
    auto document = transaction.get(id.text(), true, std::nullopt);
    EXPECT_TRUE(document.ok());
    return document.ok() ? *document : nullptr;
  }
};

TEST_F(ScheduledJobs, AreShownWithTheirArgumentsAndTheirEnd) {
  Transaction transaction(engine_->snapshot(), options(TableAccess::kUser));
  auto id = insert_job(transaction, request(kNow - 5'000'000, R"([{"a":1}])"), std::nullopt, kNow);
  ASSERT_TRUE(id.ok());
  EXPECT_EQ((*find_job(transaction, *id))->next_ts, kNow);
  store(transaction);
  std::string json = to_json(shown(*id)->value);
  EXPECT_NE(json.find(R"("args":[{"a":1}])"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("name":"jobs.js:note")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("scheduledTime":1799999999995)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("state":{"kind":"pending"})"), std::string::npos) << json;
  EXPECT_EQ(json.find("completedTime"), std::string::npos) << json;

  Transaction end(engine_->snapshot(), options(TableAccess::kSystem));
  ASSERT_TRUE(end_job(end, **find_job(end, *id), State::kFailed, kNow + 1'000'000, "boom\n").ok());
  ASSERT_TRUE(cancel_job(end, *id, kNow + 2'000'000).ok());  // too late
  store(end);
  json = to_json(shown(*id)->value);
  EXPECT_NE(json.find(R"("state":{"error":"boom\n","kind":"failed"})"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("completedTime":1800000000001)"), std::string::npos) << json;

  Transaction removal(engine_->snapshot(), options(TableAccess::kSystem));
  ASSERT_TRUE(remove_job(removal, *id).ok());
  store(removal);
  EXPECT_EQ(shown(*id), nullptr);
}

TEST_F(ScheduledJobs, AreBornCanceledIfTheirParentIs) {
  Transaction transaction(engine_->snapshot(), options(TableAccess::kUser));
  auto parent = insert_job(transaction, request(kNow), std::nullopt, kNow);
  auto before = insert_job(transaction, request(kNow + 1), parent->text(), kNow);
  ASSERT_TRUE(cancel_job(transaction, *parent, kNow).ok());
  auto after = insert_job(transaction, request(kNow + 1), parent->text(), kNow);
  EXPECT_EQ((*find_job(transaction, *before))->state, State::kPending);
  auto job = *find_job(transaction, *after);
  EXPECT_EQ(job->state, State::kCanceled);
  EXPECT_EQ(job->original_ts, kNow);
  EXPECT_EQ(job->completed_ts, kNow);
  EXPECT_FALSE(job->next_ts);
}

TEST_F(ScheduledJobs, AreBoundedPerTransactionAndARollbackGivesThemBack) {
  knobs_.max_jobs_scheduled = 3;
  knobs_.max_job_args_bytes = 500;
  Transaction transaction(engine_->snapshot(), options(TableAccess::kUser));
  auto schedule = [&](std::string_view args = "[{}]") {
    return insert_job(transaction, request(kNow, args), std::nullopt, kNow);
  };
  ASSERT_TRUE(schedule().ok());
  transaction.begin_nested();
  ASSERT_TRUE(schedule().ok());
  ASSERT_TRUE(schedule().ok());
  auto too_many = schedule();
  ASSERT_FALSE(too_many.ok());
  EXPECT_EQ(too_many.error().message, "Too many functions scheduled by this mutation (limit: 3)");
  transaction.rollback_nested();
  EXPECT_EQ(transaction.usage().jobs_scheduled, 1u);
  auto too_large = schedule("[{\"a\":\"" + std::string(600, 'x') + "\"}]");
  ASSERT_FALSE(too_large.ok());
  EXPECT_EQ(too_large.error().code, "ScheduledFunctionsArgumentsTooLarge");
  EXPECT_EQ(too_large.error().message,
            "Too large total size of the arguments of scheduled functions from this mutation (limit: 500 "
            "bytes)");
  transaction.begin_nested({.jobs_scheduled = 0});
  EXPECT_FALSE(schedule().ok());
  transaction.rollback_nested();
  EXPECT_TRUE(schedule().ok());
}

TEST_F(ScheduledJobs, LargeArgumentsAreWarnedAbout) {
  knobs_.large_job_args_bytes = 100;
  auto args = [](size_t size) { return *parse_convex_json("[\"" + std::string(size, 'x') + "\"]"); };
  EXPECT_FALSE(large_args_warning(args(60), knobs_));
  auto warning = large_args_warning(args(200), knobs_);
  ASSERT_TRUE(warning);
  EXPECT_EQ(warning->code, "ScheduledFunctionsArgumentsTooLarge");
}

}  // namespace
}  // namespace hull
