import CKernels
import Execution

/// The orders of exchange that move the fewest bytes: each part of a bucket is summed on one node, in the canonical
/// tree, and then sent to all. The sums end in ``total``.
extension NodeExchange {
    /// Recursive halving, neighbours first. After level k a node holds the sum over the aligned 2ᵏ⁺¹ nodes around it, of
    /// an ever smaller part: the left nodes' sum plus the right nodes', as the tree has it.
    func halve(_ bucket: Range<Int>) throws {
        let (result, scratch) = (total, memory.scratch)
        let parts = ExchangeScheme.halvings(bucket, node: map.nodeIndex, of: map.nodeCount)
        var source = own[0]
        var distance = 1
        for (whole, kept) in zip(parts, parts.dropFirst()) {
            let isLeft = map.nodeIndex & distance == 0
            let given = Self.rest(of: whole, without: kept)
            let partner = map.nodeIndex ^ distance
            try swap(
                source + given.lowerBound, given.count, to: partner, into: scratch, kept.count, from: partner)
            let mine = source + kept.lowerBound
            lk_add(
                isLeft ? mine : scratch, LK_FLOAT32, isLeft ? scratch : mine, LK_FLOAT32,
                result + kept.lowerBound, LK_FLOAT32, kept.count)
            (source, distance) = (result, distance * 2)
        }
    }

    /// Recursive doubling: the parts of a bucket that halving has left to the nodes go to all.
    func double(_ bucket: Range<Int>, in arena: UnsafeMutablePointer<Float>) throws {
        let parts = ExchangeScheme.halvings(bucket, node: map.nodeIndex, of: map.nodeCount)
        var distance = map.nodeCount
        for (whole, part) in zip(parts, parts.dropFirst()).reversed() {
            distance /= 2
            let missing = Self.rest(of: whole, without: part)
            let partner = map.nodeIndex ^ distance
            try swap(
                arena + part.lowerBound, part.count, to: partner, into: arena + missing.lowerBound,
                missing.count, from: partner)
        }
    }

    /// The other half.
    private static func rest(of whole: Range<Int>, without part: Range<Int>) -> Range<Int> {
        part.lowerBound == whole.lowerBound
            ? part.upperBound..<whole.upperBound : whole.lowerBound..<part.lowerBound
    }

    /// Part i of everybody's subtrees goes to node i, which adds them up in the tree.
    func scatter(_ bucket: Range<Int>) throws {
        let (nodeCount, nodeIndex) = (map.nodeCount, map.nodeIndex)
        let mine = BucketPlan.slice(bucket, nodeIndex, of: nodeCount)
        let most = layout.subtreesOfNode.map(\.count).max() ?? 0
        for round in 1..<nodeCount {
            let (to, from) = ((nodeIndex + round) % nodeCount, (nodeIndex + nodeCount - round) % nodeCount)
            let theirs = BucketPlan.slice(bucket, to, of: nodeCount)
            // A node that has fewer subtrees than others sends and receives empty messages.
            for index in 0..<most {
                let sends = index < own.count ? theirs.count : 0
                let receives = index < layout.subtreesOfNode[from].count ? mine.count : 0
                try swap(
                    own[min(index, own.count - 1)] + theirs.lowerBound, sends, to: to,
                    into: scratchOfSubtree(layout.firstSubtree[from] + index, mine), receives, from: from)
            }
        }
        for index in own.indices {
            scratchOfSubtree(layout.firstSubtree[nodeIndex] + index, mine)
                .update(from: own[index] + mine.lowerBound, count: mine.count)
        }
        addUp(mine)
    }

    /// The part of a bucket that each node has completed goes to all.
    func spread(_ bucket: Range<Int>, in arena: UnsafeMutablePointer<Float>) throws {
        let (nodeCount, nodeIndex) = (map.nodeCount, map.nodeIndex)
        let mine = BucketPlan.slice(bucket, nodeIndex, of: nodeCount)
        for round in 1..<nodeCount {
            let (to, from) = ((nodeIndex + round) % nodeCount, (nodeIndex + nodeCount - round) % nodeCount)
            let theirs = BucketPlan.slice(bucket, from, of: nodeCount)
            try swap(
                arena + mine.lowerBound, mine.count, to: to, into: arena + theirs.lowerBound, theirs.count,
                from: from)
        }
    }

    private func scratchOfSubtree(_ subtree: Int, _ part: Range<Int>) -> UnsafeMutablePointer<Float> {
        memory.scratch + subtree * part.count
    }

    /// The canonical tree over all subtrees of a part, which lie side by side in scratch memory.
    private func addUp(_ part: Range<Int>) {
        let count = layout.subtrees.count
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: count) { sources in
            for index in 0..<count { sources[index] = UnsafePointer(scratchOfSubtree(index, part)) }
            guard let base = sources.baseAddress else { return }
            lk_tree_sum(
                base, wholeTree, wholeTree.count, total + part.lowerBound, part.count, nil)
        }
    }
}
