import CKernels
import Execution

/// The orders of exchange that move the fewest bytes: each part of a bucket is summed on one node, in the canonical
/// tree, and then sent to all. The sums end in `memory.incoming(0)`.
extension NodeExchange {
    /// Recursive halving, neighbours first, then doubling. After level k a node holds the sum over the aligned 2ᵏ⁺¹
    /// nodes around it, of an ever smaller part: the left nodes' sum plus the right nodes', as the tree has it.
    func halve(_ bucket: Range<Int>) throws {
        let (result, scratch) = (memory.incoming(0), memory.scratch)
        var wholes: [Range<Int>] = []
        var part = bucket
        var source = own[0]
        var distance = 1
        while distance < map.nodeCount {
            let isLeft = map.nodeIndex & distance == 0
            let middle = Self.cut(part, 1, of: 2)
            let (low, high) = (part.lowerBound..<middle, middle..<part.upperBound)
            let (kept, given) = isLeft ? (low, high) : (high, low)
            let partner = map.nodeIndex ^ distance
            try swap(
                source + given.lowerBound, given.count, to: partner, into: scratch, kept.count, from: partner)
            let mine = source + kept.lowerBound
            lk_add(
                isLeft ? mine : scratch, LK_FLOAT32, isLeft ? scratch : mine, LK_FLOAT32,
                result + kept.lowerBound, LK_FLOAT32, kept.count)
            wholes.append(part)
            (part, source, distance) = (kept, result, distance * 2)
        }
        while let whole = wholes.popLast() {
            distance /= 2
            let missing =
                part.lowerBound == whole.lowerBound
                ? part.upperBound..<whole.upperBound : whole.lowerBound..<part.lowerBound
            let partner = map.nodeIndex ^ distance
            try swap(
                result + part.lowerBound, part.count, to: partner, into: result + missing.lowerBound,
                missing.count, from: partner)
            part = whole
        }
    }

    /// Part i of everybody's subtrees goes to node i, which adds them up in the tree; then its sum goes to all.
    func scatter(_ bucket: Range<Int>) throws {
        let (nodeCount, nodeIndex) = (map.nodeCount, map.nodeIndex)
        let parts = (0..<nodeCount).map {
            Self.cut(bucket, $0, of: nodeCount)..<Self.cut(bucket, $0 + 1, of: nodeCount)
        }
        let mine = parts[nodeIndex]
        let most = layout.subtreesOfNode.map(\.count).max() ?? 0
        for round in 1..<nodeCount {
            let (to, from) = ((nodeIndex + round) % nodeCount, (nodeIndex + nodeCount - round) % nodeCount)
            // A node that has fewer subtrees than others sends and receives empty messages.
            for index in 0..<most {
                let sends = index < own.count ? parts[to].count : 0
                let receives = index < layout.subtreesOfNode[from].count ? mine.count : 0
                try swap(
                    own[min(index, own.count - 1)] + parts[to].lowerBound, sends, to: to,
                    into: scratchOfSubtree(layout.firstSubtree[from] + index, mine), receives, from: from)
            }
        }
        for index in own.indices {
            scratchOfSubtree(layout.firstSubtree[nodeIndex] + index, mine)
                .update(from: own[index] + mine.lowerBound, count: mine.count)
        }
        addUp(mine)
        let result = memory.incoming(0)
        for round in 1..<nodeCount {
            let (to, from) = ((nodeIndex + round) % nodeCount, (nodeIndex + nodeCount - round) % nodeCount)
            try swap(
                result + mine.lowerBound, mine.count, to: to, into: result + parts[from].lowerBound,
                parts[from].count, from: from)
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
                base, wholeTree, wholeTree.count, memory.incoming(0) + part.lowerBound, part.count, nil)
        }
    }

    /// Where the number-th of so many parts of a bucket begins, in whole chunks.
    private static func cut(_ bucket: Range<Int>, _ number: Int, of count: Int) -> Int {
        bucket.lowerBound + number * (bucket.count / ParameterLayout.chunk) / count * ParameterLayout.chunk
    }
}
