import Collectives
import DataParallel
import Execution
import Graphs

/// A rule of compression with its name on the command line.
public enum CompressionRule: String, CaseIterable, Sendable {
    /// Gradients travel as they are.
    case none
    /// See `BFloat16Compression`.
    case bfloat16
    /// See `Float16Compression`.
    case float16
    /// See `TopKCompression`.
    case topK
    /// See `PowerSGDCompression`.
    case powerSGD

    /// The rule, with its usual settings.
    var compression: (any GradientCompression)? {
        switch self {
        case .none: nil
        case .bfloat16: BFloat16Compression()
        case .float16: Float16Compression()
        case .topK: TopKCompression()
        case .powerSGD: PowerSGDCompression()
        }
    }
}

/// A workload trained by this rank alone, whatever job it is part of: what a node computes, without an exchange.
final class StepAlone {
    let replica: Replica
    private let workload: Workload
    private let configuration: ReplicaConfiguration
    private let precision: Precision

    /// Prepares the lanes.
    init(_ workload: Workload, lanes: Int, precision: Precision) throws {
        self.workload = workload
        self.precision = precision.available
        var configuration = try workload.subject().configuration(lanes)
        configuration.precision = precision.available
        self.configuration = configuration
        let map = try LaneMap(.solo, lanesPerReplica: lanes, logicalShards: lanes)
        let shared = try ReplicaShared(configuration, communicator: SoloCommunicator(), map: map)
        try shared.initialize()
        replica = try Replica(shared)
    }

    deinit { replica.stop() }

    /// The best seconds a step over some rounds of about half a second.
    func bestSeconds(rounds: Int) throws -> Double {
        try replica.run(until: replica.step + 2)
        let one = try Stopwatch.seconds { try replica.run(until: replica.step + 1) }
        let steps = Int(min(5000, max(1, 0.5 / max(one, 1e-6))))
        var best = one
        for _ in 0..<rounds {
            let took = try Stopwatch.seconds { try replica.run(until: replica.step + steps) }
            best = min(best, took / Double(steps))
        }
        return best
    }

    /// Where in a step of so many seconds the buckets are complete that several nodes would exchange.
    /// - Parameters:
    ///   - bucketByteCount: bytes after which a bucket ends; `nil` for the usual ones.
    ///   - runs: over which each operation is timed.
    func timeline(
        stepSeconds: Double, compression: CompressionRule = .none, memoryBytesPerSecond: Double,
        bucketByteCount: Int? = nil, runs: Int = 3
    ) throws -> StepTimeline {
        let layout = replica.shared.layout
        let ranges = BucketPlan(
            layout, targetByteCount: bucketByteCount ?? configuration.bucketByteCount,
            edgeByteCount: configuration.edgeBucketByteCount
        ).buckets
        let plan = try Plan(
            try configuration.trace(workload.batchSize), layout: layout, precision: precision,
            keepsPredictions: false)
        var ends = [0.0]
        for timing in try replica.timings(runs: runs, alone: false) {
            ends.append(ends[ends.count - 1] + timing.nanoseconds * 1e-9)
        }
        // The sum of the best times can be more than the best step, by noise.
        let program = ends[ends.count - 1]
        let factor = program > stepSeconds ? stepSeconds / program : 1
        let completions = plan.completions(of: ranges)
        let buckets = try ranges.indices.map { number in
            StepTimeline.Bucket(
                elementCount: ranges[number].count,
                ready: ends[min(completions[number], ends.count - 1)] * factor,
                packed: try compression.compression.map {
                    try PackedBucket($0, number: number, range: ranges[number], layout: layout)
                })
        }
        return StepTimeline(
            buckets: buckets, backward: program * factor, update: stepSeconds - program * factor,
            memoryBytesPerSecond: memoryBytesPerSecond)
    }
}

extension PackedBucket {
    /// Packs random gradients of a bucket once more than it is timed, and takes them apart.
    init(
        _ compression: any GradientCompression, number: Int, range: Range<Int>, layout: ParameterLayout
    ) throws {
        let piece = GradientPiece(number: number, range, layout)
        let size = compression.paddedByteCount(piece)
        let values = UnsafeMutablePointer<Float>.allocate(capacity: max(1, piece.elementCount))
        let packed = UnsafeMutableRawPointer.allocate(byteCount: max(64, size), alignment: 64)
        defer {
            values.deallocate()
            packed.deallocate()
        }
        let stream = RandomStream(seed: 1, purpose: 0, UInt32(number))
        for index in 0..<piece.elementCount { values[index] = stream.uniform(index) - 0.5 }
        var (packing, unpacking) = (Double.infinity, Double.infinity)
        for step in 0..<2 {
            packing = min(
                packing, Stopwatch.seconds { compression.pack(values, of: piece, step: step, into: packed) })
            unpacking = min(
                unpacking, Stopwatch.seconds { compression.unpack(packed, of: piece, into: values) })
        }
        self.init(byteCount: size, packing: packing, unpacking: unpacking)
    }
}
