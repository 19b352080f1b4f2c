import Execution

/// The gradient arena cut into buckets, in the order in which backward fills them, and each bucket into slices, one a
/// lane of the node. All cuts are at multiples of 1,024 elements, the chunk of the gradient norm; they do not change
/// bits, as every element is summed and updated by itself.
public struct BucketPlan: Sendable, Equatable {
    /// Elements of each bucket in the arena.
    public let buckets: [Range<Int>]

    /// Cuts an arena.
    /// - Parameters:
    ///   - targetByteCount: a bucket ends with the first parameter that reaches this size.
    ///   - edgeByteCount: the same for the first bucket; the last one is cut so that no more than this, or one
    ///     parameter, is left. `nil` cuts neither.
    public init(_ layout: ParameterLayout, targetByteCount: Int = 4 << 20, edgeByteCount: Int? = nil) {
        func elements(_ byteCount: Int) -> Int { max(1, byteCount / MemoryLayout<Float>.size) }
        let target = elements(targetByteCount)
        let edge = edgeByteCount.map { min(elements($0), target) }
        // A chunk that two parameters share is ready with the later one.
        let ends = layout.segments.map { $0.end / ParameterLayout.chunk * ParameterLayout.chunk }
        var cuts = [0]
        for end in ends {
            let start = cuts[cuts.count - 1]
            if end - start >= (start == 0 ? edge ?? target : target) { cuts.append(end) }
        }
        let tail = layout.elementCount - (edge ?? layout.elementCount)
        if let cut = ends.dropLast().first(where: { $0 >= tail }) ?? ends.dropLast().last, edge != nil,
            cut > cuts[cuts.count - 1]
        {
            cuts.append(cut)
        }
        if cuts.last != layout.elementCount { cuts.append(layout.elementCount) }
        buckets = zip(cuts, cuts.dropFirst()).map { $0..<$1 }
    }

    /// One of so many slices of a range: whole chunks, as even as they go.
    public static func slice(_ range: Range<Int>, _ number: Int, of count: Int) -> Range<Int> {
        let chunks = range.count / ParameterLayout.chunk
        let first = range.lowerBound + number * chunks / count * ParameterLayout.chunk
        let end = range.lowerBound + (number + 1) * chunks / count * ParameterLayout.chunk
        return first..<end
    }

    /// The elements of a bucket that a lane owns.
    public func slice(bucket: Int, lane: Int, of laneCount: Int) -> Range<Int> {
        Self.slice(buckets[bucket], lane, of: laneCount)
    }

    /// The elements that a lane of the node owns, bucket by bucket; empty slices are left out.
    public func slices(lane: Int, of laneCount: Int) -> [Range<Int>] {
        buckets.map { Self.slice($0, lane, of: laneCount) }.filter { !$0.isEmpty }
    }
}
