/// Adds a vector to every row: [..., n] + [n].
public struct BiasAdd: Operation {
    /// `bias`.
    public var name: String { "bias" }

    /// Creates the operation.
    public init() {}

    /// The type of the left operand, when the vector has its last extent.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        let (value, bias) = (operands[0].shape, operands[1].shape)
        guard bias.rank == 1, value.rank >= 1, value[-1] == bias[0] else {
            throw ShapeError(
                "a bias of \(bias) does not fit \(value)", remedy: "make the bias as long as the last extent")
        }
        return operands[0]
    }

    /// The value's gradient passes through; the bias gets the sum over rows.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let columns = operands[1].shape[0]
        let rows = try upstream.reshaped(to: [operands[0].shape.elementCount / columns, columns])
        return [upstream, try rows.sum(axis: 0)]
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (value, bias) = (operands[0], operands[1].values)
        return .init(value.shape, value.values.enumerated().map { $1 + bias[$0 % bias.count] })
    }
}

extension Tensor {
    /// The tensor with a vector added to every row.
    public func addingBias(_ bias: Tensor) throws -> Tensor { try graph.apply(BiasAdd(), to: [self, bias]) }
}
