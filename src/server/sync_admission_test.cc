#include "server/sync_admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hull {
namespace {

using ::testing::ElementsAre;

class SyncAdmissionTest : public ::testing::Test {
 protected:
  std::shared_ptr<void> enter(int who, size_t queries) {
    return admission_.enter(queries, [this, who] { admitted_.push_back(who); });
  }
  SyncAdmission admission_{100};
  std::vector<int> admitted_;
};

TEST_F(SyncAdmissionTest, AdmitsInOrderAsFarAsThereIsRoom) {
  auto a = enter(1, 60), b = enter(2, 60), c = enter(3, 10);
  EXPECT_THAT(admitted_, ElementsAre(1)) << "nobody overtakes, however little he wants";
  a.reset();
  EXPECT_THAT(admitted_, ElementsAre(1, 2, 3));
}

TEST_F(SyncAdmissionTest, WhoGivesUpMakesRoomForTheNext) {
  auto a = enter(1, 60), b = enter(2, 60), c = enter(3, 40);
  b.reset();
  EXPECT_THAT(admitted_, ElementsAre(1, 3));
  a.reset();
  c.reset();
  auto all = enter(4, 100);
  EXPECT_THAT(admitted_, ElementsAre(1, 3, 4)) << "every place was given back";
}

TEST_F(SyncAdmissionTest, WhoWantsMoreThanThereIsGetsAll) {
  auto a = enter(1, 5000), b = enter(2, 1);
  EXPECT_THAT(admitted_, ElementsAre(1));
  a.reset();
  EXPECT_THAT(admitted_, ElementsAre(1, 2));
}

}  // namespace
}  // namespace hull
