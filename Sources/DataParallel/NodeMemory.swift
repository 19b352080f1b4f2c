import Collectives
import Execution

/// The map of the memory that all ranks of a node share: synchronization, what the shards report, the one parameter
/// arena of the node, optimizer state (each slice lives once) and every lane's gradient buffers.
struct NodeMemory: Sendable {
    private let memory: SharedMemory
    private let offsets: Offsets
    private let layout: Layout
    /// Elements of an arena.
    var elementCount: Int { layout.elementCount }
    var laneCount: Int { layout.buffersOfLane.count }
    var shardCount: Int { layout.shardCount }

    /// What the memory is for.
    struct Layout: Sendable {
        /// Elements of an arena.
        let elementCount: Int
        /// Arenas of optimizer state.
        let stateCount: Int
        /// Elements of each: those that the node updates.
        let stateElementCount: Int
        let shardCount: Int
        /// Gradient buffers of each lane of the node.
        let buffersOfLane: [Int]
        /// What the exchange between nodes takes; nothing on a single node.
        var exchange = ExchangeSize()
        /// Whether a bfloat16 copy of the parameters is kept.
        var hasNarrowParameters = false
        /// What the numbers of all shards take at the largest meeting of a step.
        var meetingByteCount = 0

        /// All bytes.
        var byteCount: Int { Offsets(self).total }
    }

    /// Where the regions start, in bytes.
    private struct Offsets: Sendable {
        var abort = 0
        var barrier = 0
        var boundary = 0
        var copied = 0
        var exchanged = 0
        var ready: [Int] = []
        var notice = 0
        var reports = 0
        var meetings = 0
        var squares = 0
        var digests = 0
        var parameters = 0
        var narrowParameters: Int?
        var states = 0
        var gradients: [Int] = []
        var outgoing = 0
        var incoming = 0
        var scratch = 0
        var residual = 0
        var gathered = 0
        var total = 0

        init(_ layout: Layout) {
            func take(_ byteCount: Int) -> Int {
                defer { total += (byteCount + 63) / 64 * 64 }
                return total
            }
            // So that a chunk, which may be given back, is a page.
            func takePages(_ byteCount: Int) -> Int {
                total = (total + 4095) / 4096 * 4096
                return take(byteCount)
            }
            let arena = layout.elementCount * MemoryLayout<Float>.size
            let chunks = layout.elementCount / ParameterLayout.chunk
            abort = take(AbortSignal.byteCount)
            barrier = take(NodeBarrier.byteCount(participants: layout.buffersOfLane.count))
            boundary = take(Flag.byteCount)
            copied = take(Flag.byteCount)
            exchanged = take(Flag.byteCount)
            ready = layout.buffersOfLane.map { _ in take(Flag.byteCount) }
            notice = take(MemoryLayout<BoundaryNotice>.stride)
            reports = take(layout.shardCount * MemoryLayout<ShardReport>.stride)
            meetings = take(2 * layout.meetingByteCount)
            squares = take(chunks * MemoryLayout<Double>.size)
            digests = take(chunks * MemoryLayout<UInt64>.size)
            parameters = take(arena)
            if layout.hasNarrowParameters { narrowParameters = take(arena / 2) }
            states = take(layout.stateElementCount * layout.stateCount * MemoryLayout<Float>.size)
            gradients = layout.buffersOfLane.map { takePages(arena * $0) }
            outgoing = take(arena * layout.exchange.outgoing)
            incoming = take(arena * layout.exchange.incoming)
            scratch = take(layout.exchange.scratchCount * MemoryLayout<Float>.size)
            residual = take(arena * layout.exchange.residuals)
            gathered = take(arena * layout.exchange.gatheredResiduals)
        }
    }

    /// Takes the memory from the communicator. Collective: every rank of the node, same order.
    init(_ communicator: any Communicator, _ layout: Layout) throws {
        self.layout = layout
        offsets = Offsets(layout)
        memory = try communicator.allocateShared(byteCount: offsets.total)
    }

    var abort: UnsafeMutableRawPointer { memory.base + offsets.abort }
    var barrier: UnsafeMutableRawPointer { memory.base + offsets.barrier }
    var boundary: UnsafeMutableRawPointer { memory.base + offsets.boundary }
    var copied: UnsafeMutableRawPointer { memory.base + offsets.copied }

    /// The flag that says how far the exchange between nodes is; see `ExchangeProgress`.
    var exchanged: UnsafeMutableRawPointer { memory.base + offsets.exchanged }

    /// The flag that says how far a lane of the node is with what is exchanged.
    func ready(lane: Int) -> UnsafeMutableRawPointer { memory.base + offsets.ready[lane] }

    var notice: UnsafeMutablePointer<BoundaryNotice> {
        (memory.base + offsets.notice).assumingMemoryBound(to: BoundaryNotice.self)
    }

    /// One report a logical shard.
    var reports: UnsafeMutablePointer<ShardReport> {
        (memory.base + offsets.reports).assumingMemoryBound(to: ShardReport.self)
    }

    /// What the shards hand in at a meeting; two places in turn, so that nobody overwrites what others still read.
    /// - Parameters:
    ///   - number: the meeting's number within its step.
    ///   - count: the meetings of a step.
    func meeting(_ number: Int, of count: Int, step: Int) -> UnsafeMutableRawPointer {
        memory.base + offsets.meetings + (step * count + number) % 2 * layout.meetingByteCount
    }

    /// The sum of squares of every chunk of the summed gradient.
    var squares: UnsafeMutablePointer<Double> {
        (memory.base + offsets.squares).assumingMemoryBound(to: Double.self)
    }

    /// Chunks of an arena.
    var chunkCount: Int { elementCount / ParameterLayout.chunk }

    /// The digest of every chunk of the parameters, as of the last comparison between nodes.
    var digests: UnsafeMutablePointer<UInt64> {
        (memory.base + offsets.digests).assumingMemoryBound(to: UInt64.self)
    }

    /// The node's parameters.
    var parameters: UnsafeMutablePointer<Float> { floats(offsets.parameters) }

    /// The node's parameters rounded to bfloat16; `nil` when products compute in float32.
    var narrowParameters: UnsafeMutablePointer<UInt16>? {
        offsets.narrowParameters.map { (memory.base + $0).assumingMemoryBound(to: UInt16.self) }
    }

    /// An arena of optimizer state: the node's share.
    func state(_ index: Int) -> UnsafeMutablePointer<Float> {
        floats(offsets.states) + index * layout.stateElementCount
    }

    /// Gradient buffers of a lane of the node.
    func bufferCount(lane: Int) -> Int { layout.buffersOfLane[lane] }

    /// A gradient buffer of a lane of the node.
    func gradients(lane: Int, buffer: Int) -> UnsafeMutablePointer<Float> {
        floats(offsets.gradients[lane]) + buffer * elementCount
    }

    /// A sum that this node sends.
    func outgoing(_ index: Int) -> UnsafeMutablePointer<Float> {
        floats(offsets.outgoing) + index * elementCount
    }

    /// A sum of another node, received, or the sum over all nodes.
    func incoming(_ index: Int) -> UnsafeMutablePointer<Float> {
        floats(offsets.incoming) + index * elementCount
    }

    /// What compression has kept from other nodes so far.
    var residual: UnsafeMutablePointer<Float> { floats(offsets.residual) }

    /// On the first node, another node's residual as it was at the last boundary.
    func gatheredResidual(_ node: Int) -> UnsafeMutablePointer<Float> {
        floats(offsets.gathered) + node * elementCount
    }

    /// Where parts of a bucket lie while they are summed.
    var scratch: UnsafeMutablePointer<Float> { floats(offsets.scratch) }

    private func floats(_ offset: Int) -> UnsafeMutablePointer<Float> {
        (memory.base + offset).assumingMemoryBound(to: Float.self)
    }
}

/// Memory for the exchange between nodes.
struct ExchangeSize: Equatable {
    /// Arenas for sums that this node sends.
    var outgoing = 0
    /// Arenas for sums that it receives.
    var incoming = 0
    /// Elements for parts of a bucket.
    var scratchCount = 0
    /// One where the node keeps what compression lost.
    var residuals = 0
    /// On the first node, whose ranks write checkpoints, places for the residuals of all.
    var gatheredResiduals = 0

    /// All bytes.
    /// - Parameter arena: bytes of an arena.
    func byteCount(arena: Int) -> Int {
        arena * (outgoing + incoming + residuals + gatheredResiduals)
            + scratchCount * MemoryLayout<Float>.size
    }
}

/// What a logical shard adds to a step beside its gradients.
package struct ShardReport {
    /// The summed loss.
    package var lossSum: Double
    /// The terms that it sums.
    package var termCount: Double
    /// Non-zero when the shard's rank was asked to stop.
    package var stopRequests: Double
    /// Of a lane's first shard: seconds that the lane's last step took.
    package var stepSeconds = 0.0
    /// Of a lane's first shard: seconds of them in which the lane waited for others.
    package var waitSeconds = 0.0
    /// Of a lane's first shard: loss terms of the lane in its last step.
    package var lastTermCount = 0.0
    /// Of a lane's first shard: bytes that the lane's rank has sent to other nodes since the report before; zero for all
    /// but a rank's first lane.
    package var sentBytes = 0.0

    /// Of a node's first shard, where nodes average: the updates that the node has applied.
    package var updates = 0.0

    /// Creates a report.
    package init(lossSum: Double, termCount: Double, stopRequests: Double) {
        self.lossSum = lossSum
        self.termCount = termCount
        self.stopRequests = stopRequests
    }
}

/// Where the replicas of the node stand between two steps, and why they paused; read by a coordinator that may be
/// another process.
public struct BoundaryNotice: Sendable {
    /// The steps done so far.
    public let step: Int
    /// Updates applied: steps that were not skipped.
    public let updates: Int
    /// Steps skipped in a row up to now.
    public let skippedInRow: Int
    /// Why they paused.
    public let kind: Boundary

    /// Creates a notice.
    public init(step: Int, updates: Int, skippedInRow: Int, kind: Boundary) {
        self.step = step
        self.updates = updates
        self.skippedInRow = skippedInRow
        self.kind = kind
    }
}
