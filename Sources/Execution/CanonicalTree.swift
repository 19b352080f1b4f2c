/// The one tree in which values of logical shards are summed, fixed by the number of shards alone: the node of level k
/// and number i covers shards [i·2ᵏ, (i+1)·2ᵏ), cut at the last shard, and is its left half plus its right half.
///
/// Whoever computes which part, the additions and their order are the same, and so are the bits.
public struct CanonicalTree: Sendable, Equatable {
    /// How many leaves there are.
    public let leafCount: Int

    /// The tree of a number of logical shards, at least one.
    public init(leafCount: Int) { self.leafCount = leafCount }

    /// The place where a node is divided: the start of its right half; `nil` for a leaf.
    /// - Parameter node: a node's leaves.
    private func middle(of node: Range<Int>) -> Int? {
        guard node.count > 1 else { return nil }
        var half = 1
        while half * 2 < node.count { half *= 2 }
        return node.lowerBound + half
    }

    /// Whether two neighbouring ranges are the halves of a node.
    public func areSiblings(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        guard left.upperBound == right.lowerBound, !left.isEmpty, !right.isEmpty else { return false }
        let size = left.count
        // A left half is whole: a power of two, at an even multiple of itself; the right half fills the node or ends
        // with the tree.
        guard size & (size - 1) == 0, left.lowerBound % (2 * size) == 0 else { return false }
        return right.upperBound == min(left.lowerBound + 2 * size, leafCount)
    }

    /// The fewest nodes that cover a range: what a lane, or a node of the cluster, can sum on its own.
    public func maximalSubtrees(of range: Range<Int>) -> [Range<Int>] {
        var stack: [Range<Int>] = []
        for leaf in range {
            stack.append(leaf..<(leaf + 1))
            while stack.count > 1, areSiblings(stack[stack.count - 2], stack[stack.count - 1]) {
                let right = stack.removeLast()
                let left = stack.removeLast()
                stack.append(left.lowerBound..<right.upperBound)
            }
        }
        return stack
    }

    /// The additions that turn neighbouring subtrees into the maximal subtrees of the range that they cover together.
    /// - Parameter leaves: neighbouring nodes of the tree, in order.
    /// - Returns: for each resulting subtree its leaves and a program in postfix order: a number pushes that operand,
    ///   −1 adds the top two.
    public func combine(_ leaves: [Range<Int>]) -> [(range: Range<Int>, program: [Int32])] {
        var stack: [(range: Range<Int>, program: [Int32])] = []
        for (index, leaf) in leaves.enumerated() {
            stack.append((leaf, [Int32(index)]))
            while stack.count > 1, areSiblings(stack[stack.count - 2].range, stack[stack.count - 1].range) {
                let right = stack.removeLast()
                let left = stack.removeLast()
                stack.append(
                    (left.range.lowerBound..<right.range.upperBound, left.program + right.program + [-1]))
            }
        }
        return stack
    }

    /// The sum of one number a leaf, in float64.
    public func sum(_ value: (Int) -> Double) -> Double { leafCount > 0 ? fold(value, +) : 0 }

    /// What is joined of one part a leaf, each node's left part with its right one; at least one leaf.
    public func fold<Part>(_ leaf: (Int) -> Part, _ join: (Part, Part) -> Part) -> Part {
        fold(0..<leafCount, leaf, join)
    }

    private func fold<Part>(_ node: Range<Int>, _ leaf: (Int) -> Part, _ join: (Part, Part) -> Part) -> Part {
        guard let middle = middle(of: node) else { return leaf(node.lowerBound) }
        return join(fold(node.lowerBound..<middle, leaf, join), fold(middle..<node.upperBound, leaf, join))
    }
}
