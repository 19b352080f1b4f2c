import Diagnostics

/// What backward computes again instead of keeping it from forward: memory for time (Chen et al. 2016, "Training deep
/// nets with sublinear memory cost"). Values have the same bits either way, random masks included.
public enum Recompute: String, Sendable, CaseIterable, Codable {
    /// Everything that backward needs is kept.
    case nothing
    /// The inside of every block (a transformer's, a residual network's, a ``Graph/block(_:)`` of one's own): what
    /// enters a block is kept, the rest lives only while the block runs, forward and then again in backward.
    case everyBlock
}

/// A stretch of nodes that backward computes again.
struct RecomputedBlock {
    /// The nodes.
    let nodes: Range<Int>
    /// The block's result, which others keep.
    let output: Int
}

extension Graph {
    /// Traces a part of a model that `recompute: everyBlock` computes again in backward. Blocks inside of blocks are
    /// parts of the outer one.
    public func block(_ body: () throws -> Tensor) rethrows -> Tensor {
        guard recompute == .everyBlock, isTraining, !isInsideBlock else { return try body() }
        isInsideBlock = true
        defer { isInsideBlock = false }
        let start = nodes.count
        let output = try body()
        blocks.append(RecomputedBlock(nodes: start..<nodes.count, output: output.node))
        return output
    }

    /// Refuses a wish that would do nothing.
    /// - Throws: `LockstepError` when blocks are to be computed again and the model has none.
    public func requireBlocks() throws {
        guard recompute == .everyBlock, isTraining, blocks.isEmpty else { return }
        throw LockstepError(
            .usage, "the model has no blocks that backward could compute again",
            remedy: "leave training.recompute out, or put parts of the model into graph.block { }")
    }

    /// Adds a block's operations once more.
    /// - Returns: for each node of the block, the node that stands for it in backward.
    func computeAgain(_ block: RecomputedBlock) -> [Int: Int] {
        var copies: [Int: Int] = [:]
        for index in block.nodes {
            var node = nodes[index]
            guard let operation = node.operation else { continue }
            let again = (operation as? Companion)?.withSources { copies[$0] ?? $0 } ?? operation
            node = Node(
                operation: again, leaf: nil, operands: node.operands.map { copies[$0] ?? $0 },
                type: node.type, path: node.path, isRecomputed: true)
            copies[index] = append(node).node
        }
        copies[block.output] = block.output
        return copies
    }
}
