import Execution

/// How long a rank took for its steps, on average.
public struct RankTime: Sendable, Equatable, Codable {
    /// The rank.
    public var rank: Int
    /// Seconds from the beginning of a step to the next; the slowest lane's.
    public var step: Double
    /// Seconds of it spent waiting for others: for lanes of the node, for messages, for the coordinator's copy. The
    /// least of the rank's lanes.
    public var wait: Double
    /// Bytes sent to other nodes in a step.
    public var sentBytes: Double
}

/// A rank that is much slower than the others.
public struct Straggler: Sendable, Equatable {
    /// The rank.
    public var rank: Int
    /// Its seconds of work for each of its loss terms, as a multiple of the median rank's.
    public var ratio: Double
    /// Steps for which it was so slow, not counting those that faster ones in between took back.
    public var steps: Int
}

/// What all lanes report about their time, gathered rank by rank. Every lane writes the times of its last step into the
/// report of its first shard, which travels between nodes anyhow.
///
/// Work is compared for each loss term, so that a rank with more shards, or longer ones, is not called slow.
public final class RankTimes {
    /// How many times the median rank's work makes a straggler.
    static let ratio = 2.0
    /// Slow steps after which it is named; each faster one in between takes two back.
    static let steps = 20

    private let ranks: [Int]
    /// For every lane of the job, its first shard and the place of its rank.
    private let lanes: [(shard: Int, place: Int)]
    private var sums: [RankTime]
    private var count = 0
    private var work: [Double]
    private var terms: [Double]
    private var step: [Double]
    private var wait: [Double]
    private var paces: [Double]
    private var slowSteps: [Int]
    private var isNamed: [Bool]
    private var found: Straggler?

    package init(_ map: LaneMap) {
        ranks = map.replicasOfNode.flatMap { $0 }
        lanes = (0..<map.laneCount).map { (map.shards(ofLane: $0).lowerBound, $0 / map.lanesPerReplica) }
        sums = ranks.map { RankTime(rank: $0, step: 0, wait: 0, sentBytes: 0) }
        let zeros = [Double](repeating: 0, count: ranks.count)
        (work, terms, step, wait, paces) = (zeros, zeros, zeros, zeros, zeros)
        slowSteps = [Int](repeating: 0, count: ranks.count)
        isNamed = [Bool](repeating: false, count: ranks.count)
    }

    /// Takes the times of a step out of the reports. Allocates nothing.
    package func note(_ reports: UnsafePointer<ShardReport>) {
        for place in ranks.indices {
            (work[place], terms[place], step[place], wait[place]) = (0, 0, 0, .infinity)
        }
        for (shard, place) in lanes {
            let report = reports[shard]
            step[place] = max(step[place], report.stepSeconds)
            wait[place] = min(wait[place], report.waitSeconds)
            work[place] = max(work[place], report.stepSeconds - report.waitSeconds)
            terms[place] += report.lastTermCount
            sums[place].sentBytes += report.sentBytes
        }
        count += 1
        for place in ranks.indices {
            sums[place].step += step[place]
            sums[place].wait += wait[place]
        }
        findStraggler()
    }

    private func findStraggler() {
        var known = 0
        for place in ranks.indices where terms[place] > 0 {
            paces[known] = work[place] / terms[place]
            known += 1
        }
        guard known > 1, known == ranks.count else { return }
        paces.sort()
        // Of two ranks the faster one is the measure.
        let median = paces[(known - 1) / 2]
        for place in ranks.indices {
            let ratio = work[place] / terms[place] / median
            guard ratio >= Self.ratio else {
                slowSteps[place] = max(0, slowSteps[place] - 2)
                if slowSteps[place] == 0 { isNamed[place] = false }
                continue
            }
            slowSteps[place] = min(slowSteps[place] + 1, Self.steps)
            // Named once, and again after it has been as fast as the others for a while.
            if slowSteps[place] == Self.steps, !isNamed[place] {
                isNamed[place] = true
                found = Straggler(rank: ranks[place], ratio: ratio, steps: Self.steps)
            }
        }
    }

    /// A rank found slow since the last call.
    public func takeStraggler() -> Straggler? {
        defer { found = nil }
        return found
    }

    /// The means since the last call; empty where no step was done.
    public func drain() -> [RankTime] {
        guard count > 0 else { return [] }
        let means = sums.map { sum in
            RankTime(
                rank: sum.rank, step: sum.step / Double(count), wait: sum.wait / Double(count),
                sentBytes: sum.sentBytes / Double(count))
        }
        sums = ranks.map { RankTime(rank: $0, step: 0, wait: 0, sentBytes: 0) }
        count = 0
        return means
    }
}
