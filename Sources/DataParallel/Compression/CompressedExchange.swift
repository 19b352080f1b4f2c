import CKernels
import Collectives
import Execution

/// What an exchange with compression keeps: the pieces, where their packed forms lie, and the node's residual.
final class CompressedExchange: @unchecked Sendable {
    let compression: any GradientCompression
    private let pieces: [GradientPiece]
    /// The elements of each bucket that are packed; those behind them, state that follows statistics, travel as they are.
    private let packed: [Range<Int>]
    private let exact: [Range<Int>]
    /// In each bucket's packed elements, those that belong to no parameter: zero, whatever a rule makes of them.
    private let padding: [[Range<Int>]]
    private let memory: NodeMemory
    private let map: LaneMap
    private let blockByteCount: Int

    init(
        _ compression: any GradientCompression, memory: NodeMemory, map: LaneMap, plan: BucketPlan,
        layout: ParameterLayout
    ) {
        self.compression = compression
        self.memory = memory
        self.map = map
        let parts = Self.parts(plan, layout)
        (pieces, packed, exact) = (parts.map(\.piece), parts.map(\.packed), parts.map(\.exact))
        padding = packed.map { range in
            layout.segments.compactMap { segment in
                let gap = (segment.offset + segment.elementCount)..<segment.end
                let cut = gap.clamped(to: range)
                return cut.isEmpty
                    ? nil : (cut.lowerBound - range.lowerBound)..<(cut.upperBound - range.lowerBound)
            } + Self.tail(range, layout)
        }
        blockByteCount = Self.blockByteCount(compression, plan, layout)
    }

    private static func parts(_ plan: BucketPlan, _ layout: ParameterLayout) -> [(
        piece: GradientPiece, packed: Range<Int>, exact: Range<Int>
    )] {
        plan.buckets.enumerated().map { number, bucket in
            let end = min(bucket.upperBound, max(bucket.lowerBound, layout.trainedElementCount))
            let range = bucket.lowerBound..<end
            return (GradientPiece(number: number, range, layout), range, end..<bucket.upperBound)
        }
    }

    /// What lies behind the last parameter.
    private static func tail(_ range: Range<Int>, _ layout: ParameterLayout) -> [Range<Int>] {
        let end = layout.segments.last?.end ?? 0
        guard range.upperBound > end else { return [] }
        return [(max(end, range.lowerBound) - range.lowerBound)..<range.count]
    }

    /// The most bytes that a node sends for a bucket.
    private static func blockByteCount(
        _ compression: any GradientCompression, _ plan: BucketPlan, _ layout: ParameterLayout
    ) -> Int {
        parts(plan, layout).map { piece, _, exact in
            compression.paddedByteCount(piece)
                + ParameterLayout.padded(exact.count * MemoryLayout<Float>.size, to: 64)
        }.max() ?? 0
    }

    /// Memory of such an exchange: the sum over nodes, everybody's packed bucket, and two buckets to work in.
    static func size(
        _ compression: any GradientCompression, nodeCount: Int, isFirstNode: Bool, plan: BucketPlan,
        layout: ParameterLayout
    ) -> ExchangeSize {
        let blocks = nodeCount * blockByteCount(compression, plan, layout) / MemoryLayout<Float>.size
        let keeps = compression.keepsResidual
        return ExchangeSize(
            outgoing: 0, incoming: 1, scratchCount: blocks + 2 * (plan.buckets.map(\.count).max() ?? 0),
            residuals: keeps ? 1 : 0, gatheredResiduals: keeps && isFirstNode ? nodeCount : 0)
    }

    private func block(_ node: Int, _ byteCount: Int) -> UnsafeMutableRawBufferPointer {
        let start = UnsafeMutableRawPointer(memory.scratch) + node * blockByteCount
        return UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }

    /// One of two places for a bucket's values.
    private func place(_ index: Int, _ count: Int) -> UnsafeMutablePointer<Float> {
        memory.scratch + map.nodeCount * blockByteCount / MemoryLayout<Float>.size + index * count
    }

    /// Packs the node's sums of a bucket, sends them, and adds up what all sent, in the order of nodes.
    /// - Parameters:
    ///   - own: arenas whose sum is the node's.
    ///   - send: sends the first block and fills all.
    func run(
        bucket: Int, step: Int, own: [UnsafeMutablePointer<Float>],
        send: (UnsafeRawBufferPointer, [UnsafeMutableRawBufferPointer]) throws -> Void
    ) throws {
        let (piece, range, exact) = (pieces[bucket], packed[bucket], exact[bucket])
        let packedByteCount = compression.paddedByteCount(piece)
        let byteCount = packedByteCount + exact.count * MemoryLayout<Float>.size
        let blocks = (0..<map.nodeCount).map { block($0, byteCount) }
        let mine = blocks[map.nodeIndex]
        guard let start = mine.baseAddress else { return }
        let values = place(0, range.count)
        if piece.elementCount > 0 {
            add(own, range, to: values)
            if compression.keepsResidual {
                accumulate(memory.residual + range.lowerBound, onto: values, range.count)
            }
            compression.pack(values, of: piece, step: step, into: start)
        }
        add(own, exact, to: (start + packedByteCount).assumingMemoryBound(to: Float.self))
        try send(UnsafeRawBufferPointer(mine), blocks)
        let unpacked = place(1, range.count)
        for (node, block) in blocks.enumerated() {
            guard let start = block.baseAddress else { continue }
            if piece.elementCount > 0 {
                compression.unpack(start, of: piece, into: unpacked)
                for gap in padding[bucket] {
                    (unpacked + gap.lowerBound).update(repeating: 0, count: gap.count)
                }
                if node == map.nodeIndex, compression.keepsResidual {
                    keepResidual(values, minus: unpacked, range)
                }
                take(unpacked, range, isFirst: node == 0)
            }
            take(
                (start + packedByteCount).assumingMemoryBound(to: Float.self), exact, isFirst: node == 0)
        }
    }

    private func add(
        _ arenas: [UnsafeMutablePointer<Float>], _ range: Range<Int>, to values: UnsafeMutablePointer<Float>
    ) {
        guard range.count > 0 else { return }
        values.update(from: arenas[0] + range.lowerBound, count: range.count)
        for arena in arenas.dropFirst() {
            accumulate(arena + range.lowerBound, onto: values, range.count)
        }
    }

    private func accumulate(
        _ more: UnsafePointer<Float>, onto sum: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        lk_add(sum, LK_FLOAT32, more, LK_FLOAT32, sum, LK_FLOAT32, count)
    }

    /// A node's values go on the sum over nodes.
    private func take(_ values: UnsafePointer<Float>, _ range: Range<Int>, isFirst: Bool) {
        let sum = memory.incoming(0) + range.lowerBound
        if isFirst {
            sum.update(from: values, count: range.count)
        } else if range.count > 0 {
            accumulate(values, onto: sum, range.count)
        }
    }

    /// What packing lost; a value that is not finite, which makes the step be skipped, leaves nothing.
    private func keepResidual(
        _ values: UnsafePointer<Float>, minus sent: UnsafePointer<Float>, _ range: Range<Int>
    ) {
        let residual = memory.residual + range.lowerBound
        for index in 0..<range.count {
            let lost = values[index] - sent[index]
            residual[index] = lost.isFinite ? lost : 0
        }
    }
}
