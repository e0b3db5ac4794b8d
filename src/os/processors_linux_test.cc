#include "os/cgroup_linux.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "os/processors.h"

namespace sluice::os {
namespace {

using processors = std::optional<std::uint32_t>;

// A folder that stands for "/".
class FakeRootTest : public testing::Test {
 protected:
  FakeRootTest() {
    std::string name = testing::TempDir() + "sluice_root_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    root_ = name;
  }
  ~FakeRootTest() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void group(const std::string& text) const { write("/proc/self/cgroup", text); }
  void mounts(const std::string& text) const { write("/proc/self/mountinfo", text); }
  void v1(const std::string& folder, const std::string& quota, const std::string& period) const {
    write(folder + "/cpu.cfs_quota_us", quota + "\n");
    write(folder + "/cpu.cfs_period_us", period + "\n");
  }
  [[nodiscard]] processors limit() const { return cgroup_processors(root_); }

 private:
  std::string root_;
};

constexpr const char* v2_mount =
    "25 1 0:22 / /sys rw,nosuid - sysfs sysfs rw\n"
    "30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:4 master:9 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* v1_mounts =
    "31 25 0:27 / /sys/fs/cgroup/cpuset rw shared:5 - cgroup cgroup rw,cpuset\n"
    "33 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:6 - cgroup cgroup rw,cpu,cpuacct\n";

TEST_F(FakeRootTest, WithoutFilesThereIsNoLimit) { EXPECT_EQ(limit(), std::nullopt); }

TEST_F(FakeRootTest, V2ReadsTheOwnGroupsQuotaRoundedUp) {
  group("0::/app\n");
  mounts(v2_mount);
  write("/sys/fs/cgroup/app/cpu.max", "250000 100000\n");
  EXPECT_EQ(limit(), processors(3));
}

TEST_F(FakeRootTest, V2TheSmallestQuotaOfAllAncestorsHolds) {
  group("0::/slice/pod/app\n");
  mounts(v2_mount);
  write("/sys/fs/cgroup/slice/pod/app/cpu.max", "800000 100000\n");
  write("/sys/fs/cgroup/slice/pod/cpu.max", "max 100000\n");
  write("/sys/fs/cgroup/slice/cpu.max", "150000 100000\n");
  EXPECT_EQ(limit(), processors(2));
}

TEST_F(FakeRootTest, V2TheNearestQuotaHoldsIfItIsSmaller) {
  group("0::/slice/app\n");
  mounts(v2_mount);
  write("/sys/fs/cgroup/slice/app/cpu.max", "100000 100000\n");
  write("/sys/fs/cgroup/slice/cpu.max", "400000 100000\n");
  EXPECT_EQ(limit(), processors(1));
}

TEST_F(FakeRootTest, V2InAContainerTheTopOfTheMountIsTheGroup) {
  group("0::/\n");
  mounts(v2_mount);
  write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(limit(), processors(1));
}

TEST_F(FakeRootTest, V2MaxIsNoLimit) {
  group("0::/app\n");
  mounts(v2_mount);
  write("/sys/fs/cgroup/app/cpu.max", "max 100000\n");
  EXPECT_EQ(limit(), std::nullopt);
}

TEST_F(FakeRootTest, V2AGroupOutsideOfTheNamespaceFallsBackToTheTop) {
  group("0::/../other\n");
  mounts(v2_mount);
  write("/sys/fs/cgroup/cpu.max", "300000 100000\n");
  write("/sys/fs/other/cpu.max", "100000 100000\n");
  EXPECT_EQ(limit(), processors(3));
}

TEST_F(FakeRootTest, V1ReadsTheHierarchyThatHasTheCpuController) {
  group("5:cpuset:/sets\n4:cpu,cpuacct:/app\n");
  mounts(v1_mounts);
  v1("/sys/fs/cgroup/cpu,cpuacct/app", "150000", "100000");
  v1("/sys/fs/cgroup/cpuset/sets", "100000", "100000");
  EXPECT_EQ(limit(), processors(2));
}

TEST_F(FakeRootTest, V1MinusOneIsNoLimitButAnAncestorsQuotaIs) {
  group("4:cpu,cpuacct:/slice/app\n");
  mounts(v1_mounts);
  v1("/sys/fs/cgroup/cpu,cpuacct/slice/app", "-1", "100000");
  EXPECT_EQ(limit(), std::nullopt);
  v1("/sys/fs/cgroup/cpu,cpuacct/slice", "400000", "100000");
  EXPECT_EQ(limit(), processors(4));
}

TEST_F(FakeRootTest, V1AMountThatShowsTheContainersGroupAsItsTop) {
  group("4:cpu,cpuacct:/docker/12:34/inner\n");
  mounts("33 25 0:28 /docker/12:34 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n");
  v1("/sys/fs/cgroup/cpu", "200000", "100000");
  v1("/sys/fs/cgroup/cpu/inner", "700000", "100000");
  EXPECT_EQ(limit(), processors(2));
}

TEST_F(FakeRootTest, HybridTheSmallerOfBothHierarchiesHolds) {
  group("4:cpu,cpuacct:/one\n0::/two\n");
  mounts(std::string(v1_mounts) + "34 25 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  v1("/sys/fs/cgroup/cpu,cpuacct/one", "500000", "100000");
  EXPECT_EQ(limit(), processors(5));
  write("/sys/fs/cgroup/unified/two/cpu.max", "300000 100000\n");
  EXPECT_EQ(limit(), processors(3));
}

TEST_F(FakeRootTest, AMountPointMayHoldBlanks) {
  group("0::/my app\n");
  mounts("30 25 0:26 / /a\\040folder rw - cgroup2 cgroup2 rw\n");
  write("/a folder/my app/cpu.max", "200000 100000\n");
  EXPECT_EQ(limit(), processors(2));
}

TEST_F(FakeRootTest, GarbageIsNoLimit) {
  group("nonsense\n\n0:\n0::relative\n:::\n4:cpu\n");
  mounts(std::string("x\n- - -\n1 2 3 4\n\n") + v2_mount + v1_mounts);
  write("/sys/fs/cgroup/cpu.max", "100000 100000\n");
  EXPECT_EQ(limit(), std::nullopt);
}

TEST(CpuMaxTest, OnlyAPositiveQuotaWithAPositivePeriodCounts) {
  EXPECT_EQ(parse_cpu_max("100000 100000\n"), processors(1));
  EXPECT_EQ(parse_cpu_max("1 100000"), processors(1));
  EXPECT_EQ(parse_cpu_max("100001 100000"), processors(2));
  EXPECT_EQ(parse_cpu_max("9223372036854775807 1"), processors(4294967295u));
  for (const char* garbage :
       {"", "\n", "max 100000\n", "max", "100000", "100000 ", "0 100000", "100000 0", "-1 100000",
        "x 100000", "100000 y", "1e5 100000", "99999999999999999999 1", "100000 100000 100000"}) {
    EXPECT_EQ(parse_cpu_max(garbage), std::nullopt) << garbage;
  }
}

TEST(CfsTest, OnlyAPositiveQuotaWithAPositivePeriodCounts) {
  EXPECT_EQ(parse_cfs("350000\n", "100000\n"), processors(4));
  EXPECT_EQ(parse_cfs("-1\n", "100000\n"), std::nullopt);
  EXPECT_EQ(parse_cfs("100000\n", ""), std::nullopt);
  EXPECT_EQ(parse_cfs("", "100000\n"), std::nullopt);
}

TEST(UsableProcessorsTest, IsAtLeastOneAndAtMostTheAffinity) {
  std::uint32_t before = 0;
  std::uint32_t pinned = 0;
  std::jthread([&] {  // a thread of its own, whose affinity goes with it
    before = usable_processors();
    cpu_set_t set;
    ASSERT_EQ(::sched_getaffinity(0, sizeof(set), &set), 0);
    EXPECT_LE(before, static_cast<std::uint32_t>(CPU_COUNT(&set)));
    int first = 0;
    while (!CPU_ISSET(first, &set)) ++first;
    CPU_ZERO(&set);
    CPU_SET(first, &set);
    ASSERT_EQ(::sched_setaffinity(0, sizeof(set), &set), 0);
    pinned = usable_processors();
  })
      .join();
  EXPECT_GE(before, 1u);
  EXPECT_EQ(pinned, 1u);
}

}  // namespace
}  // namespace sluice::os
