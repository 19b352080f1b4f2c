import DataParallel
import Execution
import Graphs
import Testing

@Suite struct CanonicalTreeTests {
    /// The definition, level by level: node i of a level is the sum of nodes 2i and 2i + 1 of the level below, or the
    /// lone one that has no right neighbour.
    private func direct(_ leaves: [Float]) -> Float {
        var level = leaves
        while level.count > 1 {
            level = stride(from: 0, to: level.count, by: 2).map { index in
                index + 1 < level.count ? level[index] + level[index + 1] : level[index]
            }
        }
        return level[0]
    }

    /// What the lanes do: each adds its shards on a stack of buffers, then a program adds what they publish.
    private func byLanes(_ leaves: [Float], _ lanes: [Range<Int>]) throws -> Float {
        let tree = CanonicalTree(leafCount: leaves.count)
        var published: [(range: Range<Int>, value: Float)] = []
        for shards in lanes {
            let stack = ShardStack(shards: shards, tree: tree)
            var buffers = [Float](repeating: .nan, count: stack.bufferCount)
            for turn in stack.turns {
                buffers[turn.buffer] = leaves[turn.shard]
                for merge in 0..<turn.merges {
                    buffers[turn.buffer - merge - 1] += buffers[turn.buffer - merge]
                }
            }
            #expect(stack.published == tree.maximalSubtrees(of: shards))
            published += stack.published.enumerated().map { ($1, buffers[$0]) }
        }
        let sums = tree.combine(published.map(\.range))
        try #require(sums.count == 1)
        #expect(sums[0].range == 0..<leaves.count)
        var stack: [Float] = []
        for entry in sums[0].program {
            if entry >= 0 {
                stack.append(published[Int(entry)].value)
            } else {
                let right = stack.removeLast()
                stack[stack.count - 1] += right
            }
        }
        try #require(stack.count == 1)
        return stack[0]
    }

    private func leaves(_ count: Int, _ seed: Int) -> [Float] {
        let stream = RandomStream(seed: UInt64(seed), purpose: 6)
        // Numbers of many sizes, so that another order of additions gives other bits.
        return (0..<count).map { (stream.uniform(2 * $0) - 0.5) * Float(1 << (stream.word(2 * $0 + 1) % 20)) }
    }

    /// All contiguous splits of up to ten shards, bit by bit of the cuts.
    @Test(arguments: 1...10) func everySplitGivesTheSameBits(count: Int) throws {
        let leaves = leaves(count, count)
        let expected = direct(leaves)
        for cuts in 0..<(1 << (count - 1)) {
            let edges = [0] + (1..<max(1, count)).filter { cuts >> ($0 - 1) & 1 == 1 } + [count]
            let lanes = zip(edges, edges.dropFirst()).map { $0..<$1 }
            #expect(try byLanes(leaves, lanes).bitPattern == expected.bitPattern, "\(lanes)")
        }
    }

    /// The even splits that lanes get, and random ones.
    @Test(arguments: 1...40) func lanesGiveTheSameBits(count: Int) throws {
        let leaves = leaves(count, count)
        let expected = direct(leaves)
        for lanes in 1...count {
            let ranges = (0..<lanes).map { ($0 * count / lanes)..<(($0 + 1) * count / lanes) }
            #expect(try byLanes(leaves, ranges).bitPattern == expected.bitPattern, "\(lanes) lanes")
        }
        let stream = RandomStream(seed: UInt64(count), purpose: 7)
        for trial in 0..<20 {
            let edges = [0] + (1..<max(1, count)).filter { stream.word(trial * 64 + $0) & 3 == 0 } + [count]
            let ranges = zip(edges, edges.dropFirst()).map { $0..<$1 }
            #expect(try byLanes(leaves, ranges).bitPattern == expected.bitPattern, "\(ranges)")
        }
    }

    /// Otherwise the tests above would prove nothing.
    @Test func anotherOrderGivesOtherBits() {
        let differs = (3...40).count { count in
            let leaves = leaves(count, count)
            return leaves.reduce(0, +).bitPattern != direct(leaves).bitPattern
        }
        #expect(differs > 15)
    }

    @Test(arguments: 1...40) func doublesFollowTheSameTree(count: Int) {
        let leaves = leaves(count, count + 100).map(Double.init)
        var level = leaves
        while level.count > 1 {
            level = stride(from: 0, to: level.count, by: 2).map { index in
                index + 1 < level.count ? level[index] + level[index + 1] : level[index]
            }
        }
        #expect(CanonicalTree(leafCount: count).sum { leaves[$0] } == level[0])
    }

    @Test func siblings() {
        let tree = CanonicalTree(leafCount: 7)
        #expect(
            tree.areSiblings(0..<1, 1..<2) && tree.areSiblings(0..<2, 2..<4) && tree.areSiblings(4..<6, 6..<7)
        )
        #expect(tree.areSiblings(0..<4, 4..<7))
        #expect(!tree.areSiblings(1..<2, 2..<3))  // no node covers 1 and 2
        #expect(!tree.areSiblings(0..<4, 4..<6))  // the right half goes on to 7
        #expect(!tree.areSiblings(2..<4, 4..<6) && !tree.areSiblings(0..<1, 2..<3))
        #expect(!tree.areSiblings(0..<3, 3..<4) && !tree.areSiblings(0..<0, 0..<1))
        #expect(!tree.areSiblings(0..<1, 1..<1) && !tree.areSiblings(1..<2, 0..<1))
    }

    @Test func subtrees() {
        let tree = CanonicalTree(leafCount: 11)
        #expect(tree.maximalSubtrees(of: 0..<11) == [0..<11])
        #expect(tree.maximalSubtrees(of: 1..<11) == [1..<2, 2..<4, 4..<8, 8..<11])
        #expect(tree.maximalSubtrees(of: 3..<9) == [3..<4, 4..<8, 8..<9])
        #expect(tree.maximalSubtrees(of: 8..<11) == [8..<11])
        #expect(tree.maximalSubtrees(of: 5..<5) == [])
    }

    /// log₂ V + 1 buffers hold a whole aligned tree; a lane that starts in the middle needs at most twice that.
    @Test(arguments: 1...40) func fewBuffersHoldManyShards(count: Int) {
        let tree = CanonicalTree(leafCount: count)
        let levels = Int.bitWidth - (count - 1).leadingZeroBitCount  // ⌈log₂ count⌉
        #expect(tree.bufferCount(shards: 0..<count) <= levels + 1)
        for start in 0..<count {
            for end in (start + 1)...count {
                let stack = ShardStack(shards: start..<end, tree: tree)
                #expect(stack.bufferCount <= 2 * levels + 1)
                #expect(stack.turns.map(\.shard) == Array(start..<end))
                #expect(stack.turns.allSatisfy { $0.buffer < stack.bufferCount && $0.merges <= $0.buffer })
                #expect(stack.published.count <= stack.bufferCount)
                #expect(stack.published.flatMap { Array($0) } == Array(start..<end))
            }
        }
    }
}
