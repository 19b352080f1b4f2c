/// Sets each element to zero with a probability and scales the rest to keep the mean (Srivastava et al. 2014).
///
/// Whether element e of the sample at global position s stays is a pure function of (seed, step, s, ordinal, e),
/// so the mask is computed again in backward and never kept.
public struct Dropout: Operation {
    /// The probability of zero, in [0, 1).
    public let rate: Double
    /// Which dropout of the model this is: its key of the random stream.
    public let ordinal: Int
    /// `dropout`.
    public var name: String { "dropout" }

    /// Creates the operation.
    public init(rate: Double, ordinal: Int) {
        self.rate = rate
        self.ordinal = ordinal
    }

    /// The factor of what stays.
    public var scale: Float { Float(1 / (1 - rate)) }

    /// The least 32-bit random word that stays.
    public var threshold: UInt32 { UInt32(rate * 0x1p32) }

    /// The operand's type; its first axis is the sample.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        guard operands[0].shape.rank >= 1 else {
            throw ShapeError("dropout takes a batch, got a scalar", remedy: "drop out before reducing")
        }
        return operands[0]
    }

    /// The same mask and factor applied to the gradient.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        [try upstream.graph.apply(self, to: [upstream])]
    }

    /// Element by element, from the same random words as the kernel.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let operand = operands[0]
        let width = operand.shape.elementCount / max(operand.shape[0], 1)
        var result = operand
        for sample in 0..<operand.shape[0] {
            let stream = RandomStream(
                seed: context.seed, purpose: UInt32(ordinal),
                UInt32(truncatingIfNeeded: context.firstSample + sample),
                UInt32(truncatingIfNeeded: context.step))
            for element in 0..<width {
                result.values[sample * width + element] *=
                    stream.word(element) >= threshold ? Double(scale) : 0
            }
        }
        return result
    }
}

extension Tensor {
    /// The tensor with elements dropped at random.
    public func droppingOut(rate: Double) throws -> Tensor {
        try graph.apply(Dropout(rate: rate, ordinal: graph.nextDropoutOrdinal), to: [self])
    }
}

extension Graph {
    /// The number of the next dropout, alone or inside an attention.
    var nextDropoutOrdinal: Int {
        nodes.count { $0.operation is Dropout || ($0.operation as? Attention)?.dropout != nil }
    }
}
