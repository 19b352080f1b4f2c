import Execution

/// A step of several equal nodes, event by event: every lane computes by its timeline, and one thread a node exchanges the
/// buckets in order, each as soon as it is complete and the one before has arrived.
///
/// What it leaves out: nodes that are not equally fast, and messages of others on the same links.
public struct StepSimulation: Sendable {
    /// What came out.
    public struct Outcome: Sendable, Equatable {
        /// Seconds of the step.
        public let step: Double
        /// Seconds in which the exchange was busy.
        public let exchange: Double
        /// Bytes that a node sent.
        public let sentByteCount: Int
    }

    /// What a node computes.
    public var timeline: StepTimeline
    /// The nodes.
    public var cluster: ClusterShape
    /// What lies between any two of them.
    public var link: NetworkLink
    /// Whether buckets travel while backward goes on.
    public var overlaps: Bool

    /// Sets a simulation up.
    public init(_ timeline: StepTimeline, cluster: ClusterShape, link: NetworkLink, overlaps: Bool = true) {
        self.timeline = timeline
        self.cluster = cluster
        self.link = link
        self.overlaps = overlaps
    }

    /// Runs it.
    public func run() -> Outcome {
        var (now, computed, busy, sent) = (0.0, 0.0, 0.0, 0)
        /// The lanes compute by themselves until they are so far.
        func compute(until target: Double) {
            now += max(0, target - computed)
            computed = max(computed, target)
        }
        guard cluster.nodes > 1 else {
            return Outcome(step: timeline.step, exchange: 0, sentByteCount: 0)
        }
        for bucket in timeline.buckets {
            compute(until: overlaps ? bucket.ready : timeline.backward)
            let job = job(bucket)
            // What the exchange takes of the processor, the lanes beside it lose.
            let rate = job.seconds > 0 ? max(0, 1 - job.processorSeconds / job.seconds) : 1
            now += job.seconds
            computed = min(timeline.backward, computed + job.seconds * rate)
            busy += job.seconds
            sent += job.sentByteCount
        }
        compute(until: timeline.backward)
        let reports = BucketExchange.reports(in: cluster)
        now += reports.seconds(link) + timeline.update
        return Outcome(
            step: now, exchange: busy + reports.seconds(link), sentByteCount: sent + reports.sentByteCount)
    }

    /// What the exchange of a bucket takes.
    private struct Job {
        let seconds: Double
        let processorSeconds: Double
        let sentByteCount: Int
    }

    private func job(_ bucket: StepTimeline.Bucket) -> Job {
        var exchange = BucketExchange(elementCount: bucket.elementCount, in: cluster)
        var processor = 0.0
        if let packed = bucket.packed {
            exchange = BucketExchange(
                elementCount: bucket.elementCount, packedByteCount: packed.byteCount, in: cluster)
            processor = packed.packing + Double(cluster.nodes) * packed.unpacking
        }
        processor += Double(exchange.memoryByteCount) / timeline.memoryBytesPerSecond
        let seconds = exchange.seconds(link) + processor
        processor += link.processorSecondsPerByte * Double(exchange.sentByteCount)
        return Job(seconds: seconds, processorSeconds: processor, sentByteCount: exchange.sentByteCount)
    }
}
