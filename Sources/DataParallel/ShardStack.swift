import Execution

extension CanonicalTree {
    /// Gradient buffers that a lane needs for a range of shards; see ``ShardStack``.
    public func bufferCount(shards: Range<Int>) -> Int { ShardStack(shards: shards, tree: self).bufferCount }
}

/// The gradient buffers that a lane needs for its shards: a stack on which two halves of a node are added as soon as
/// both are there, so that log₂ V + 1 buffers hold any number of shards.
package struct ShardStack: Sendable, Equatable {
    /// What to do for one shard: compute into a buffer, then add buffers into the one below.
    package struct Turn: Sendable, Equatable {
        package let shard: Int
        /// The buffer that the shard's gradients are written to.
        package let buffer: Int
        /// How many times the top buffer is then added to the one below it.
        package let merges: Int
    }

    /// The shards in order.
    package let turns: [Turn]
    /// Buffers that are needed at once.
    package let bufferCount: Int
    /// The subtrees that remain, in buffers 0, 1, ….
    package let published: [Range<Int>]

    package init(shards: Range<Int>, tree: CanonicalTree) {
        var turns: [Turn] = []
        var stack: [Range<Int>] = []
        var depth = 0
        for shard in shards {
            let buffer = stack.count
            stack.append(shard..<(shard + 1))
            depth = max(depth, stack.count)
            var merges = 0
            while stack.count > 1, tree.areSiblings(stack[stack.count - 2], stack[stack.count - 1]) {
                let right = stack.removeLast()
                stack[stack.count - 1] = stack[stack.count - 1].lowerBound..<right.upperBound
                merges += 1
            }
            turns.append(Turn(shard: shard, buffer: buffer, merges: merges))
        }
        self.turns = turns
        bufferCount = depth
        published = stack
    }
}
