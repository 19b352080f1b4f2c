/// Adds a number a channel: [N, C, ...] + [C]. (A convolution adds its own bias; this is for transposed ones.)
public struct ChannelBias: Operation {
    /// `channel-bias`.
    public var name: String { "channel-bias" }

    /// Creates the operation.
    public init() {}

    /// The type of the left operand, when the vector has its second extent.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        let (value, bias) = (operands[0].shape, operands[1].shape)
        guard bias.rank == 1, value.rank >= 2, value[1] == bias[0] else {
            throw ShapeError(
                "a bias of \(bias) does not fit the channels of \(value)",
                remedy: "make the bias as long as there are channels")
        }
        return operands[0]
    }

    /// The value's gradient passes through; the bias gets the sum over samples and pixels.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let shape = operands[0].shape
        let pixels = shape.dimensions[2...].reduce(1, *)
        let channels = try upstream.reshaped(to: [shape[0], shape[1], pixels]).sum(axis: 2)
        return [upstream, try channels.sum(axis: 0)]
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (value, bias) = (operands[0], operands[1].values)
        let pixels = value.shape.dimensions[2...].reduce(1, *)
        let sums = value.values.enumerated().map { $1 + bias[$0 / pixels % bias.count] }
        return .init(value.shape, sums)
    }
}

extension Tensor {
    /// The tensor with a number added to every channel.
    public func addingChannelBias(_ bias: Tensor) throws -> Tensor {
        try graph.apply(ChannelBias(), to: [self, bias])
    }
}
