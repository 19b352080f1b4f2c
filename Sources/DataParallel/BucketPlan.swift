import Execution

/// The gradient arena cut into buckets, in the order in which backward fills them, and each bucket into slices, one a
/// lane of the node. All cuts are at multiples of 1,024 elements, the chunk of the gradient norm; they do not change
/// bits, as every element is summed and updated by itself.
public struct BucketPlan: Sendable, Equatable {
    /// Elements of each bucket in the arena.
    public let buckets: [Range<Int>]

    /// Cuts an arena.
    /// - Parameter targetByteCount: a bucket ends with the first parameter that reaches this size.
    public init(_ layout: ParameterLayout, targetByteCount: Int = 4 << 20) {
        let target = max(1, targetByteCount / MemoryLayout<Float>.size)
        var buckets: [Range<Int>] = []
        var start = 0
        for segment in layout.segments where segment.end - start >= target {
            let end = min(layout.elementCount, ParameterLayout.padded(segment.end, to: ParameterLayout.chunk))
            if end > start { buckets.append(start..<end) }
            start = end
        }
        if start < layout.elementCount { buckets.append(start..<layout.elementCount) }
        self.buckets = buckets
    }

    /// The elements of a bucket that a lane owns: whole chunks, as even as they go.
    public func slice(bucket: Int, lane: Int, of laneCount: Int) -> Range<Int> {
        let range = buckets[bucket]
        let chunks = range.count / ParameterLayout.chunk
        let first = range.lowerBound + lane * chunks / laneCount * ParameterLayout.chunk
        let end = range.lowerBound + (lane + 1) * chunks / laneCount * ParameterLayout.chunk
        return first..<end
    }

    /// The elements that a lane of the node owns, bucket by bucket; empty slices are left out.
    public func slices(lane: Int, of laneCount: Int) -> [Range<Int>] {
        buckets.indices.map { slice(bucket: $0, lane: lane, of: laneCount) }.filter { !$0.isEmpty }
    }
}
