import Diagnostics

extension Graph {
    /// Adds the nodes that compute the gradients of a scalar by every parameter (reverse mode).
    ///
    /// Contributions to a value used several times are added in the order in which backward meets them, which is
    /// fixed by the trace alone. A block that is to be computed again (see ``Recompute``) is, right before its gradients.
    /// - Returns: a gradient for each of ``parameters``; `nil` where the scalar does not depend on it.
    /// - Throws: `LockstepError` when `loss` is not a scalar, or an operation on the way has no gradient.
    public func gradients(of loss: Tensor) throws -> [Tensor?] {
        guard loss.shape == .scalar else {
            throw LockstepError(
                .usage, "a loss is one number, this one has shape \(loss.shape)",
                remedy: "sum it before differentiating")
        }
        let reaches = dependsOnParameters()
        var upstream: [Int: Tensor] = [loss.node: constant(1)]
        var waiting = blocks
        var copies: [Int: Int] = [:]
        for index in stride(from: loss.node, through: 0, by: -1) where reaches[index] {
            guard let gradient = upstream[index], let operation = nodes[index].operation else { continue }
            while let block = waiting.last, index < block.nodes.upperBound {
                waiting.removeLast()
                if block.nodes.contains(index) { copies = computeAgain(block) }
            }
            try scope("gradient of " + nodes[index].path) {
                let operands = nodes[index].operands
                let contributions = try gradients(
                    of: operation,
                    operands: operands.map { Tensor(graph: self, node: copies[$0] ?? $0) },
                    result: Tensor(graph: self, node: copies[index] ?? index), upstream: gradient)
                for (operand, contribution) in zip(operands, contributions) where reaches[operand] {
                    guard let contribution else { continue }
                    upstream[operand] = try upstream[operand].map { try $0 + contribution } ?? contribution
                }
            }
        }
        return parameters.map { upstream[$0.node] }
    }

    private func gradients(
        of operation: any Operation, operands: [Tensor], result: Tensor, upstream: Tensor
    ) throws -> [Tensor?] {
        do {
            return try operation.gradients(operands: operands, result: result, upstream: upstream)
        } catch let error as ShapeError {
            throw LockstepError(.usage, error.message, remedy: error.remedy)
        }
    }

    /// For every node, whether any parameter flows into it.
    private func dependsOnParameters() -> [Bool] {
        var reaches: [Bool] = []
        for node in nodes {
            if case .parameter = node.leaf {
                reaches.append(true)
            } else {
                reaches.append(node.operands.contains { reaches[$0] })
            }
        }
        return reaches
    }
}
