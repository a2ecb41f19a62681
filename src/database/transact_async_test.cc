#include "database/transact_async.h"

#include <future>
#include <thread>
#include <vector>

#include "database/engine_fixture.h"
#include "database/transact.h"

namespace hull {
namespace {

class TransactAsyncTest : public testing::EngineFixture {
 protected:
  void SetUp() override { start(); }
  void TearDown() override {
    for (std::thread& thread : threads_) thread.join();
  }

  Result<bool> run(std::function<Result<bool>(Transaction&)> body) {
    std::promise<Result<bool>> answer;
    transact_async({engine_.get(), &knobs_, "test", std::move(body),
                    [this](std::function<void()> attempt) {
                      std::lock_guard lock(mutex_);
                      threads_.emplace_back(std::move(attempt));
                    },
                    [&](Result<bool> result) { answer.set_value(std::move(result)); }});
    return answer.get_future().get();
  }
  static Value row(int64_t next_ts) {
    ValueBuilder b;
    return b.begin_object().key("nextTs").int64(next_ts).end().finish();
  }
  Result<DocumentId> insert() {
    DocumentId id;
    auto done = transact(*engine_, knobs_, "test", [&](Transaction& transaction) -> Result<void> {
      HULL_TRY(id, transaction.system_insert("_scheduled_jobs", row(0)));
      return {};
    });
    if (!done.ok()) return std::move(done).error();
    return id;
  }
  int64_t stored(const DocumentId& id) {
    auto document = engine_->snapshot()->get(Catalog::system_tablet("_scheduled_jobs"), id.internal);
    return (*document)->value.view().find("nextTs")->as_int64();
  }

  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

TEST_F(TransactAsyncTest, IsRunAgainAfterAConflict) {
  auto id = insert();
  ASSERT_TRUE(id.ok()) << id.error().message;
  int attempts = 0;
  auto add_ten = [&](Transaction& transaction) -> Result<bool> {
    HULL_TRY(DocumentPtr before, transaction.system_get(*id));
    if (++attempts == 1) {
      auto other = transact(*engine_, knobs_, "other",
                            [&](Transaction& rival) { return rival.system_replace(*id, row(1)); });
      EXPECT_TRUE(other.ok());
    }
    HULL_CHECK_OK(transaction.system_replace(*id, row(before->value.view().find("nextTs")->as_int64() + 10)));
    return true;
  };
  auto done = run(add_ten);
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_TRUE(*done);
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(stored(*id), 11);
}

TEST_F(TransactAsyncTest, CommitsNothingIfTheBodySaysSoOrFails) {
  auto id = insert();
  ASSERT_TRUE(id.ok()) << id.error().message;
  auto unwanted = run([&](Transaction& transaction) -> Result<bool> {
    HULL_CHECK_OK(transaction.system_replace(*id, row(5)));
    return false;
  });
  ASSERT_TRUE(unwanted.ok());
  EXPECT_FALSE(*unwanted);
  auto failed = run([&](Transaction& transaction) -> Result<bool> {
    HULL_CHECK_OK(transaction.system_replace(*id, row(5)));
    return Error::bad_request("Refused", "refused");
  });
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, "Refused");
  EXPECT_EQ(stored(*id), 0);
}

}  // namespace
}  // namespace hull
