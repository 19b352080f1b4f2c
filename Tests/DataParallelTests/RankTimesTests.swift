import Collectives
import DataParallel
import Testing

@Suite struct RankTimesTests {
    /// Three ranks of two lanes with one shard each.
    private let map: LaneMap
    private let times: RankTimes

    init() throws {
        map = try LaneMap(Topology.even(ranksPerNode: 3), lanesPerReplica: 2, logicalShards: 6)
        times = RankTimes(map)
    }

    /// One step: the seconds of work and of waiting of each lane, and its loss terms.
    private func note(_ lanes: [(work: Double, wait: Double)], terms: [Double]? = nil) {
        let reports = lanes.enumerated().map { lane, seconds in
            var report = ShardReport(lossSum: 0, termCount: 0, stopRequests: 0)
            report.stepSeconds = seconds.work + seconds.wait
            report.waitSeconds = seconds.wait
            report.lastTermCount = terms?[lane] ?? 8
            report.sentBytes = lane % 2 == 0 ? Double(100 * lane) : 0
            return report
        }
        reports.withUnsafeBufferPointer { times.note($0.baseAddress!) }
    }

    private let even = [
        (0.01, 0.001), (0.01, 0.001), (0.01, 0.001), (0.01, 0.001), (0.01, 0.001), (0.01, 0.001),
    ]
    .map { (work: $0.0, wait: $0.1) }
    /// A lane of rank 1 is slow, so that all others wait.
    private func slow(_ work: Double) -> [(work: Double, wait: Double)] {
        (0..<6).map { $0 == 3 ? (work, 0) : (0.01, work - 0.01) }
    }

    @Test func meansAreByRank() throws {
        #expect(times.drain().isEmpty)
        note(even)
        note(slow(0.04))
        let means = times.drain()
        #expect(means.map(\.rank) == [0, 1, 2])
        #expect(means.map(\.sentBytes) == [0, 200, 400])
        #expect(abs(means[0].wait - 0.0155) < 1e-9, "the least waiting of a rank's lanes: \(means)")
        #expect(abs(means[1].wait - 0.0005) < 1e-9, "\(means)")
        #expect(means.allSatisfy { abs($0.step - 0.0255) < 1e-9 }, "\(means)")
        #expect(times.drain().isEmpty)
    }

    @Test func aStragglerIsNamedAfterTwentyStepsAndOnce() {
        for _ in 0..<19 { note(slow(0.021)) }
        #expect(times.takeStraggler() == nil)
        note(slow(0.021))
        let found = times.takeStraggler()
        #expect(found?.rank == 1 && found?.steps == 20)
        #expect(found.map { abs($0.ratio - 2.1) < 1e-9 } == true)
        for _ in 0..<50 { note(slow(0.021)) }
        #expect(times.takeStraggler() == nil, "once")
        for _ in 0..<5 { note(even) }
        for _ in 0..<20 { note(slow(0.05)) }
        #expect(times.takeStraggler() == nil, "five fast steps are no recovery")
        for _ in 0..<10 { note(even) }
        for _ in 0..<20 { note(slow(0.05)) }
        #expect(times.takeStraggler()?.rank == 1, "ten are")
    }

    @Test func lessThanTwiceOrNowAndThenIsNone() {
        for _ in 0..<100 { note(slow(0.0199)) }
        for step in 0..<300 { note(step % 3 == 0 ? even : slow(0.4)) }
        #expect(times.takeStraggler() == nil)
        for step in 0..<60 { note(step % 10 == 0 ? even : slow(0.4)) }
        #expect(times.takeStraggler()?.rank == 1, "a rare fast step does not hide it")
    }

    /// Three times the terms take three times as long.
    @Test func moreWorkIsNotSlowness() {
        for _ in 0..<30 { note(slow(0.03), terms: [8, 8, 0, 24, 4, 4]) }
        #expect(times.takeStraggler()?.rank == nil)
        for _ in 0..<30 { note(slow(0.03), terms: [8, 8, 8, 8, 0, 0]) }
        #expect(times.takeStraggler() == nil, "a step in which a rank had no sample says nothing")
    }
}
