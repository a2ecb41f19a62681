// The push route that waits.
#include <future>

#include "database/catalog_rows.h"
#include "server/pipeline_fixture.h"

namespace hull {
namespace {

class FakeDeploy final : public Deploy {
 public:
  FakeDeploy(Engine& engine, const Knobs& knobs, DocumentId schema)
      : engine_(engine), knobs_(knobs), schema_(schema) {}
  Result<std::string> get_config_hashes(std::string, IdentityPtr) override { return std::string("hashes"); }
  Result<std::string> start_push(std::string, IdentityPtr) override { std::abort(); }
  Result<std::string> evaluate_push(std::string, IdentityPtr) override { std::abort(); }
  Result<std::string> evaluate_schema(std::string, IdentityPtr) override { std::abort(); }
  Result<std::string> finish_push(std::string, IdentityPtr) override { std::abort(); }
  Result<std::string> report_push_completed(std::string, IdentityPtr) override { std::abort(); }
  Result<SchemaWait> wait_for_schema(std::string, IdentityPtr) override {
    return SchemaWait{SchemaWatch(engine_, knobs_, schema_), std::chrono::seconds(10)};
  }

 private:
  Engine& engine_;
  const Knobs& knobs_;
  const DocumentId schema_;
};

class FakeTimers final : public IoTimers {
 public:
  std::shared_ptr<void> after(std::chrono::milliseconds, std::function<void()> fire) override {
    auto timer = std::make_shared<std::function<void()>>(std::move(fire));
    timers.push_back(timer);
    return timer;
  }
  std::vector<std::weak_ptr<std::function<void()>>> timers;
};

class DeployRoutesTest : public PipelineTest {
 protected:
  DeployRoutesTest() {
    Transaction::Options options;
    options.access = TableAccess::kSystem;
    options.writable = true;
    options.knobs = &knobs_;
    Transaction transaction(engine_.snapshot(), options);
    auto schema = transaction.system_insert(
        "_schemas",
        schema_row_fields(SchemaState::kPending, R"({"tables":[],"schemaValidation":true})", std::nullopt));
    EXPECT_TRUE(schema.ok());
    EXPECT_TRUE(engine_.database.commit(transaction.commit_request("test")));
    deploy_ = std::make_unique<FakeDeploy>(engine_, knobs_, *schema);
    context_.deploy = deploy_.get();
    context_.timers = &timers_;
  }
  ~DeployRoutesTest() override { pool_.stop(); }

  std::future<std::string> post_later(const std::string& path) {
    auto request = std::make_shared<HttpRequest>();
    request->method = "POST";
    set_target(*request, path);
    request->headers.emplace_back("Content-Type", "application/json");
    request->body = "{}";
    auto answer = std::make_shared<std::promise<std::string>>();
    pipeline_->handle(request, [answer](HttpResponse response) { answer->set_value(response.body); });
    return answer->get_future();
  }
  // Several, so that none holds the only thread of the pool.
  std::vector<std::future<std::string>> wait_thrice() {
    std::vector<std::future<std::string>> waiting;
    for (int i = 0; i < 3; ++i) waiting.push_back(post_later("/api/deploy2/wait_for_schema"));
    EXPECT_EQ(post_later("/api/get_config_hashes").get(), "hashes");
    for (auto& each : waiting) EXPECT_EQ(each.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
    return waiting;
  }

  const std::string still_validating_ =
      R"({"type":"inProgress","components":{"":{"schemaValidationComplete":false,"indexesComplete":0,)"
      R"("indexesTotal":0}}})";
  FakeEngine engine_;
  FakeTimers timers_;
  std::unique_ptr<FakeDeploy> deploy_;
};

TEST_F(DeployRoutesTest, WaitingForASchemaHoldsNoThreadAndEndsInTime) {
  auto waiting = wait_thrice();
  for (auto& timer : timers_.timers) (*timer.lock())();
  for (auto& each : waiting) EXPECT_EQ(each.get(), still_validating_);
}

TEST_F(DeployRoutesTest, TheEndOfTheServerAnswersWhoWaitsForASchema) {
  auto waiting = wait_thrice();
  context_.parked.end_all();
  for (auto& each : waiting) EXPECT_EQ(each.get(), still_validating_);
}

}  // namespace
}  // namespace hull
