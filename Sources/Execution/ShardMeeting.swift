/// Where the programs of a step's logical shards meet half way, to take statistics over all of them (synchronized batch
/// norm). Every shard's program meets equally often, with as many numbers each time; see ``Plan/meetings``.
public protocol ShardMeeting: AnyObject {
    /// Hands in a shard's numbers, and waits for those of every other shard.
    /// - Parameters:
    ///   - weight: how much the shard counts, for instance its elements of a channel; 0 for a shard without samples.
    ///   - values: as many as the plan says for this meeting.
    /// - Returns: what every shard handed in; valid until the next meeting.
    /// - Throws: `LockstepError` where others do not come.
    func meet(weight: Double, _ values: UnsafeBufferPointer<Float>) throws -> ShardValues
}

/// The numbers of every logical shard: a block each, in the order of the shards.
public struct ShardValues {
    /// The order in which they are joined.
    let tree: CanonicalTree
    private let base: UnsafeMutableRawPointer
    private let stride: Int
    private let valueCount: Int

    /// The bytes before a block's numbers, which begin with the weight; keeps them on cache lines of their own.
    private static let headerByteCount = 64

    /// The bytes that a shard's block takes.
    public static func blockByteCount(valueCount: Int) -> Int {
        headerByteCount + (valueCount * MemoryLayout<Float>.size + 63) / 64 * 64
    }

    /// Blocks in memory.
    /// - Parameter base: room for ``blockByteCount(valueCount:)`` bytes a leaf of the tree.
    public init(at base: UnsafeMutableRawPointer, valueCount: Int, tree: CanonicalTree) {
        self.base = base
        self.valueCount = valueCount
        self.tree = tree
        stride = Self.blockByteCount(valueCount: valueCount)
    }

    /// Writes a shard's block.
    /// - Parameter values: `valueCount` numbers; nothing for a shard without samples.
    public func write(shard: Int, weight: Double, _ values: UnsafeBufferPointer<Float>) {
        let block = base + shard * stride
        block.storeBytes(of: weight, as: Double.self)
        guard let source = values.baseAddress else { return }
        (block + Self.headerByteCount).copyMemory(
            from: source, byteCount: min(values.count, valueCount) * MemoryLayout<Float>.size)
    }

    /// How much a shard counts.
    func weight(ofShard shard: Int) -> Double { (base + shard * stride).load(as: Double.self) }

    /// Eight neighbouring numbers of a shard.
    func eight(at index: Int, ofShard shard: Int) -> SIMD8<Double> {
        let block = base + shard * stride + Self.headerByteCount
        let values = block.loadUnaligned(
            fromByteOffset: index * MemoryLayout<Float>.size, as: SIMD8<Float>.self)
        return SIMD8<Double>(values)
    }
}
