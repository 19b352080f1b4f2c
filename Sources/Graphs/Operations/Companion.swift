/// A further result of the operation that computes its operand, kept for backward (a mean, the places of maxima, a
/// recurrent layer's gates). It stands in the graph right behind that operation; no gradient flows through it.
public struct Companion: Operation {
    /// Which of the operation's further results.
    public let index: Int
    /// Its type.
    public let type: TensorType
    let operation: any Operation
    let sources: [Int]
    /// For instance `layer-norm.companion1`.
    public var name: String { "\(operation.name).companion\(index)" }
    /// The place among the results of the operand tells it apart.
    public var key: String { "companion \(index)" }

    /// The same of an operation on other nodes.
    func withSources(_ map: (Int) -> Int) -> Companion {
        Companion(index: index, type: type, operation: operation, sources: sources.map(map))
    }

    /// The type that the operation stated.
    public func resultType(of operands: [TensorType]) throws -> TensorType { type }

    /// None.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] { [nil] }

    /// The evaluation asks the operation itself.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        operands[0]
    }
}

extension Tensor {
    /// The further result `index` of the operation that computed this tensor.
    public func companion(_ index: Int) -> Tensor { Tensor(graph: graph, node: node + 1 + index) }
}
