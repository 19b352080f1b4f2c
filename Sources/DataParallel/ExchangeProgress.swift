import Collectives
import Diagnostics

/// How far the lanes of a node and the exchange with other nodes are, as counters in the node's shared memory. Bucket k
/// of step s is number s · R + M + k + 1 of K buckets; the M meetings of synchronized statistics come before them, the
/// reports of the shards behind, and last, where nodes update shares, the K buckets of parameters: R = M + K + 1 (+ K).
struct ExchangeProgress: Sendable {
    private let meetingCount: Int
    private let rounds: Int
    private let ready: [Flag]
    private let exchanged: Flag

    /// Views of the counters. Who waits sleeps: it has no core of its own. A lane and the exchange of one rank wait for
    /// each other a second longer than for others, so that the one that knows who is missing speaks first.
    /// - Parameters:
    ///   - exchangesParameters: whether their buckets follow the reports.
    ///   - ownLanes: the lanes of this rank, numbered within the node.
    init(
        memory: NodeMemory, bucketCount: Int, meetingCount: Int, exchangesParameters: Bool,
        ownLanes: Range<Int>, timeLimit: Duration, abortSignal: AbortSignal, describe: (Int) -> String
    ) {
        self.meetingCount = meetingCount
        rounds = meetingCount + bucketCount + 1 + (exchangesParameters ? bucketCount : 0)
        let longer = timeLimit + .seconds(1)
        ready = (0..<memory.laneCount).map { lane in
            Flag(
                at: memory.ready(lane: lane), spinCount: 0,
                timeout: ownLanes.contains(lane) ? longer : timeLimit, abortSignal: abortSignal,
                name: "gradients of \(describe(lane))")
        }
        exchanged = Flag(
            at: memory.exchanged, spinCount: 0, timeout: longer, abortSignal: abortSignal,
            name: "exchange between nodes")
    }

    private func number(_ bucket: Int, _ step: Int) -> UInt64 {
        UInt64(step * rounds + meetingCount + bucket + 1)
    }

    private func number(meeting: Int, _ step: Int) -> UInt64 { number(meeting - meetingCount, step) }

    /// Lane: its sums of this bucket, and of those before it, are complete. The number of buckets stands for the reports;
    /// numbers behind it for the buckets of parameters.
    func publishReady(lane: Int, bucket: Int, step: Int) { ready[lane].publish(number(bucket, step)) }

    /// Exchange: waits until all lanes of the node have come so far.
    func waitUntilReady(bucket: Int, step: Int) throws {
        for flag in ready { try flag.wait(until: number(bucket, step)) }
    }

    /// Exchange: everything that the sums of this bucket need is on this node.
    func publishExchanged(bucket: Int, step: Int) { exchanged.publish(number(bucket, step)) }

    /// Lane: waits for that.
    func waitUntilExchanged(bucket: Int, step: Int) throws { try exchanged.wait(until: number(bucket, step)) }

    /// Lane: its numbers for a meeting are there.
    func publishReady(lane: Int, meeting: Int, step: Int) {
        ready[lane].publish(number(meeting: meeting, step))
    }

    /// Exchange: waits for those of all lanes of the node.
    func waitUntilReady(meeting: Int, step: Int) throws {
        for flag in ready { try flag.wait(until: number(meeting: meeting, step)) }
    }

    /// Exchange: the numbers of all nodes are there.
    func publishExchanged(meeting: Int, step: Int) { exchanged.publish(number(meeting: meeting, step)) }

    /// Lane: waits for that.
    func waitUntilExchanged(meeting: Int, step: Int) throws {
        try exchanged.wait(until: number(meeting: meeting, step))
    }
}
