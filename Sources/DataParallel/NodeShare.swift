import Execution

/// The elements of the arenas that a node updates and keeps optimizer state of. All of them; or with ZeRO (Rajbhandari et
/// al. 2020) of every bucket the part whose sum the exchange between nodes completes on this node, so that all nodes
/// together hold the state once.
struct NodeShare: Sendable, Equatable {
    /// Of each bucket the node's elements, in whole chunks; may be empty.
    let parts: [Range<Int>]
    /// Elements of the arenas that lie before each part and belong to the node.
    private let starts: [Int]
    /// Elements in all: the length of an arena of optimizer state.
    let elementCount: Int
    /// Whether other nodes have shares of their own.
    let isPartial: Bool

    /// Everything.
    init(_ plan: BucketPlan) { self.init(plan.buckets, isPartial: false) }

    /// The part of one of several nodes.
    init(_ plan: BucketPlan, scheme: ExchangeScheme, node: Int, of nodeCount: Int) {
        self.init(
            plan.buckets.map { scheme.part($0, node: node, of: nodeCount) }, isPartial: nodeCount > 1)
    }

    private init(_ parts: [Range<Int>], isPartial: Bool) {
        self.parts = parts
        self.isPartial = isPartial
        var next = 0
        starts = parts.map { part in
            defer { next += part.count }
            return next
        }
        elementCount = next
    }

    /// Where an element of the share lies in an arena that holds nothing else.
    /// - Parameter element: its place in the arena of parameters.
    func position(_ element: Int) -> Int {
        let bucket = parts.firstIndex { $0.contains(element) } ?? 0
        return starts[bucket] + element - parts[bucket].lowerBound
    }

    /// The elements of a part that a lane of the node owns: whole chunks, as even as they go.
    func slice(bucket: Int, lane: Int, of laneCount: Int) -> Range<Int> {
        BucketPlan.slice(parts[bucket], lane, of: laneCount)
    }

    /// The elements that a lane of the node owns, bucket by bucket; empty slices are left out.
    func slices(lane: Int, of laneCount: Int) -> [Range<Int>] {
        parts.indices.map { slice(bucket: $0, lane: lane, of: laneCount) }.filter { !$0.isEmpty }
    }
}

extension ExchangeScheme {
    /// The part of a bucket whose sum the exchange completes on a node.
    func part(_ bucket: Range<Int>, node: Int, of nodeCount: Int) -> Range<Int> {
        switch self {
        case .gather: bucket
        case .halving: Self.halvings(bucket, node: node, of: nodeCount).last ?? bucket
        case .scatter: BucketPlan.slice(bucket, node, of: nodeCount)
        }
    }

    /// What recursive halving leaves to a node at each level, from the whole bucket on: neighbours halve first, and the
    /// left of two keeps the lower half.
    static func halvings(_ bucket: Range<Int>, node: Int, of nodeCount: Int) -> [Range<Int>] {
        var parts = [bucket]
        var distance = 1
        while distance < nodeCount {
            let isLeft = node & distance == 0
            parts.append(BucketPlan.slice(parts[parts.count - 1], isLeft ? 0 : 1, of: 2))
            distance *= 2
        }
        return parts
    }
}
