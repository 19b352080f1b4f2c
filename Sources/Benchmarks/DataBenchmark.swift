import Collectives
import DataParallel
import DataPipeline
import Diagnostics
import Foundation

/// What a benchmark of the data pipeline times: a recipe's training data, and the steps that it feeds.
public struct DataSubject: Sendable {
    /// The name in results.
    public var name: String
    /// The training samples.
    public var sampleCount: Int
    /// The bytes that a model reads of a sample, its label included.
    public var sampleByteCount: Int
    /// Whether samples are decoded in memory when the data is opened.
    public var isResident: Bool
    /// Seconds that it took to open the data: to index and fit it, to fill caches, to decode what stays in memory.
    public var openSeconds: Double
    /// Logical shards of a step of so many lanes.
    public var logicalShards: @Sendable (_ laneCount: Int) -> Int
    /// Steps of an epoch.
    public var stepsPerEpoch: Int
    /// Opens the micro-batches of some shards of so many, from a step on.
    public var makeLoader:
        @Sendable (_ shards: Range<Int>, _ shardCount: Int, _ startStep: Int) throws -> BatchLoader
    /// What is trained, for so many logical shards.
    public var configuration: @Sendable (_ logicalShards: Int) throws -> ReplicaConfiguration

    /// Describes a subject.
    public init(
        name: String, sampleCount: Int, sampleByteCount: Int, isResident: Bool, openSeconds: Double,
        stepsPerEpoch: Int, logicalShards: @escaping @Sendable (_ laneCount: Int) -> Int,
        makeLoader:
            @escaping @Sendable (_ shards: Range<Int>, _ shardCount: Int, _ startStep: Int) throws ->
            BatchLoader,
        configuration: @escaping @Sendable (_ logicalShards: Int) throws -> ReplicaConfiguration
    ) {
        (self.name, self.sampleCount, self.sampleByteCount) = (name, sampleCount, sampleByteCount)
        (self.isResident, self.openSeconds, self.stepsPerEpoch) = (isResident, openSeconds, stepsPerEpoch)
        (self.logicalShards, self.makeLoader) = (logicalShards, makeLoader)
        self.configuration = configuration
    }
}

/// Times the data pipeline by itself, and what of a training step is spent waiting for it.
public struct DataBenchmark: Sendable {
    /// How fast micro-batches come from one loader.
    public struct Rate: Sendable {
        /// Samples, bytes and micro-batches a second.
        public var samples, bytes, batches: Double
    }

    private let subject: DataSubject
    private let lanes: Int
    private let seconds: Double

    /// Creates a benchmark.
    /// - Parameters:
    ///   - lanes: lanes of the training steps, each with a loader.
    ///   - seconds: how long each part may take; the first epoch ends it sooner.
    public init(_ subject: DataSubject, lanes: Int, seconds: Double) {
        (self.subject, self.lanes, self.seconds) = (subject, lanes, seconds)
    }

    /// Runs it, alone in its process.
    public func run() throws -> DataBenchmarkResult {
        let first = try rate(fromEpoch: 0, epochLimit: 1)
        let later = try rate(fromEpoch: 1, epochLimit: .max)
        let loaderMemory = PeakMemory.ownByteCount
        let (step, wait) = try training()
        return DataBenchmarkResult(
            name: subject.name, sampleCount: subject.sampleCount, sampleByteCount: subject.sampleByteCount,
            isResident: subject.isResident, openSeconds: subject.openSeconds, first: first, later: later,
            lanes: lanes, stepMilliseconds: step * 1e3, waitMilliseconds: wait * 1e3,
            loaderMemory: loaderMemory, trainingMemory: PeakMemory.ownByteCount,
            peakMemory: PeakMemory.byteCount)
    }

    /// One loader's micro-batches, until so many epochs are over, or the time.
    private func rate(fromEpoch epoch: Int, epochLimit: Int) throws -> Rate {
        let shards = subject.logicalShards(lanes)
        let start = epoch * subject.stepsPerEpoch
        let loader = try subject.makeLoader(0..<shards, shards, start)
        defer { loader.stop() }
        let clock = ContinuousClock()
        let begin = clock.now
        var (samples, batches, elapsed) = (0, 0, 0.0)
        let (count, overflow) = (shards * subject.stepsPerEpoch).multipliedReportingOverflow(by: epochLimit)
        while overflow || batches < count {
            samples += try loader.next().count
            batches += 1
            // The clock takes longer than a small batch.
            guard batches % 8 == 0 || elapsed > 0.1 else { continue }
            elapsed = Self.seconds(clock.now - begin)
            if elapsed > seconds { break }
        }
        elapsed = max(1e-9, Self.seconds(clock.now - begin))
        return Rate(
            samples: Double(samples) / elapsed,
            bytes: Double(samples * subject.sampleByteCount) / elapsed, batches: Double(batches) / elapsed)
    }

    /// Trains for a while.
    /// - Returns: seconds of a step, and of them those that a lane waited for micro-batches.
    private func training() throws -> (step: Double, wait: Double) {
        let communicator = SoloCommunicator()
        let shards = subject.logicalShards(lanes)
        let map = try LaneMap(communicator.topology, lanesPerReplica: lanes, logicalShards: shards)
        let times = WaitTimes()
        var configuration = try subject.configuration(shards)
        let makeSource = configuration.makeSource
        configuration.makeSource = { shards, step in
            TimedSource(try makeSource(shards, step), times)
        }
        let shared = try ReplicaShared(configuration, communicator: communicator, map: map)
        try shared.initialize()
        let replica = try Replica(shared)
        defer { replica.stop() }
        // The first steps make plans and wait for the first batches.
        try replica.run(until: 3)
        let clock = ContinuousClock()
        let (begin, startStep, startWait) = (clock.now, replica.step, times.nanoseconds)
        var elapsed = 0.0
        var stretch = 1
        while elapsed < seconds {
            try replica.run(until: replica.step + stretch)
            elapsed = Self.seconds(clock.now - begin)
            // Starting a stretch costs something: a hundred of them, however short steps are.
            stretch = max(1, min(10_000, Int(Double(replica.step - startStep) * seconds / elapsed / 100)))
        }
        let steps = Double(replica.step - startStep)
        let waited = Double(times.nanoseconds - startWait) * 1e-9 / Double(lanes)
        return (elapsed / steps, waited / steps)
    }

    private static func seconds(_ duration: Duration) -> Double {
        let parts = duration.components
        return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
    }
}

/// What lanes waited for their sources, all together.
private final class WaitTimes: @unchecked Sendable {
    private let lock = NSLock()
    private var counters: [Counter] = []

    /// The nanoseconds of one lane, which alone writes it.
    final class Counter: @unchecked Sendable { var nanoseconds: Int64 = 0 }

    /// Read while lanes are at rest.
    var nanoseconds: Int64 { lock.withLock { max(0, counters.reduce(0) { $0 + $1.nanoseconds }) } }

    func makeCounter() -> Counter {
        lock.withLock {
            counters.append(Counter())
            return counters[counters.count - 1]
        }
    }

    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

}

/// A source that says how long its lane waited.
private final class TimedSource: MicroBatchSource {
    private let source: any MicroBatchSource
    private let counter: WaitTimes.Counter

    init(_ source: any MicroBatchSource, _ times: WaitTimes) {
        (self.source, counter) = (source, times.makeCounter())
    }

    func next(step: Int, shard: Int) throws -> MicroBatchView {
        // Reading the clock is no waiting, and takes longer between two steps than in a loop of its own: what it takes
        // here is measured here.
        let before = WaitTimes.now()
        let begin = WaitTimes.now()
        let view = try source.next(step: step, shard: shard)
        counter.nanoseconds += (WaitTimes.now() - begin) - (begin - before)
        return view
    }
}
