import Supervision
import Testing

@Suite("CPUBudget")
struct CPUBudgetTests {
    @Test func lanesShareTheMachine() {
        #expect(CPUBudget(affinityCPUs: 8, nodeCPUs: 8).lanes(localReplicas: 1) == 8)
        #expect(CPUBudget(affinityCPUs: 8, nodeCPUs: 8).lanes(localReplicas: 3) == 2)
        #expect(CPUBudget(affinityCPUs: 1, nodeCPUs: 8).lanes(localReplicas: 2) == 1)
        #expect(CPUBudget(affinityCPUs: 2, nodeCPUs: 2).lanes(localReplicas: 4) == 1)
        #expect(CPUBudget(affinityCPUs: 8, nodeCPUs: 8, quotaCPUs: 4.5).lanes(localReplicas: 2) == 2)
        #expect(CPUBudget(affinityCPUs: 8, nodeCPUs: 8, quotaCPUs: 0.2).lanes(localReplicas: 1) == 1)
        #expect(CPUBudget(affinityCPUs: 8, nodeCPUs: 8, quotaCPUs: 1e300).usableCPUs == 8)
        #expect(CPUBudget(affinityCPUs: 4, nodeCPUs: 4).lanes(localReplicas: 0) == 4)
    }

    @Test func aNarrowMaskNamesTheRemedy() {
        let warning = CPUBudget(affinityCPUs: 1, nodeCPUs: 8).affinityWarning(localReplicas: 2)
        #expect(warning?.contains("--map-by slot:PE=4") == true)
        #expect(CPUBudget(affinityCPUs: 4, nodeCPUs: 8).affinityWarning(localReplicas: 2) == nil)
        #expect(
            CPUBudget(affinityCPUs: 2, nodeCPUs: 64, quotaCPUs: 2).affinityWarning(localReplicas: 1) == nil)
    }

    @Test func theSystemsOwnNumbersMakeSense() {
        let budget = CPUBudget.current()
        #expect(budget.affinityCPUs >= 1 && budget.affinityCPUs <= budget.nodeCPUs)
        #expect(budget.affinityCores >= 1 && budget.affinityCores <= budget.affinityCPUs)
    }

    @Test func affinityListsAreRead() {
        func mask(_ list: String) -> [Int]? {
            CPUBudget.affinityMask(status: "Name:\tx\nCpus_allowed_list:\t\(list)\n")
        }
        #expect(mask("0-3,8") == [0, 1, 2, 3, 8])
        #expect(mask("5") == [5])
        for list in ["", "x", "3-1", "1-2-3", "0-99999999999"] {
            #expect(mask(list) == nil)
        }
        #expect(CPUBudget.affinityMask(status: "Name: x") == nil)
    }

    @Test func quotaTextsOfBothVersions() {
        #expect(CgroupQuota.version2("150000 100000\n") == 1.5)
        #expect(CgroupQuota.version2("max 100000\n") == nil)
        #expect(CgroupQuota.version1(quota: "-1\n", period: "100000\n") == nil)
        #expect(CgroupQuota.version1(quota: "200000\n", period: "100000\n") == 2)
        for text in ["", "x", "1", "1 0", "nan nan", "1 2 3", "-5 100"] {
            #expect(CgroupQuota.version2(text) == nil)
        }
    }

    @Test func theSmallestQuotaOnTheWayUpCounts() {
        let files = [
            "/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/cpu.max": "max 100000",
            "/sys/fs/cgroup/a/cpu.max": "300000 100000",
        ]
        #expect(CgroupQuota.cpus { files[$0] } == 3)
        let old = [
            "/proc/self/cgroup": "4:cpu,cpuacct:/job\n3:memory:/\n",
            "/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "50000\n",
            "/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
        ]
        #expect(CgroupQuota.cpus { old[$0] } == 0.5)
        #expect(CgroupQuota.cpus { _ in nil } == nil)
        #expect(CgroupQuota.cpus { $0 == "/proc/self/cgroup" ? "garbage\n0:\n:::" : "x" } == nil)
    }
}
