/// The mean over the tokens that are not padding: (values [batch, tokens, width], ids int32 [batch, tokens])
/// → [batch, width]. A sample of padding alone gives zeros.
public struct MaskedMean: Operation {
    /// The id that does not count; `nil` when every token does.
    public let paddingID: Int?
    /// `masked-mean`.
    public var name: String { "masked-mean" }

    /// Creates the operation.
    public init(paddingID: Int?) { self.paddingID = paddingID }

    /// [batch, width] for values and ids of the same batch and length.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers([operands[0]], name: name)
        let (values, ids) = (operands[0].shape, operands[1].shape)
        guard values.rank == 3, ids.rank == 2, values[0] == ids[0], values[1] == ids[1],
            operands[1].element == .int32
        else {
            throw ShapeError(
                "masked mean takes [batch, tokens, width] and ids [batch, tokens], got \(values) and \(ids)",
                remedy: "pool right after an embedding")
        }
        return TensorType([values[0], values[2]])
    }

    /// Each counted token gets its share of the gradient.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        [
            try upstream.graph.apply(MaskedMeanGradient(paddingID: paddingID), to: [upstream, operands[1]]),
            nil,
        ]
    }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (values, ids) = (operands[0], operands[1])
        let (batch, tokens, width) = (values.shape[0], values.shape[1], values.shape[2])
        var result = ReferenceArray([batch, width], repeating: 0)
        for sample in 0..<batch {
            let counted = (0..<tokens).filter { Int(ids.values[sample * tokens + $0]) != paddingID }
            for token in counted {
                for column in 0..<width {
                    result.values[sample * width + column] +=
                        values.values[(sample * tokens + token) * width + column] / Double(counted.count)
                }
            }
        }
        return result
    }
}

/// The gradient of ``MaskedMean``: (upstream [batch, width], ids [batch, tokens]) → [batch, tokens, width].
public struct MaskedMeanGradient: Operation {
    /// The id that does not count.
    public let paddingID: Int?
    /// `masked-mean-gradient`.
    public var name: String { "masked-mean-gradient" }

    /// Creates the operation.
    public init(paddingID: Int?) { self.paddingID = paddingID }

    /// The type of the values that were averaged.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        TensorType([operands[1].shape[0], operands[1].shape[1], operands[0].shape[1]])
    }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (upstream, ids) = (operands[0], operands[1])
        let (batch, tokens, width) = (ids.shape[0], ids.shape[1], upstream.shape[1])
        var result = ReferenceArray([batch, tokens, width], repeating: 0)
        for sample in 0..<batch {
            let counted = (0..<tokens).filter { Int(ids.values[sample * tokens + $0]) != paddingID }
            for token in counted {
                for column in 0..<width {
                    result.values[(sample * tokens + token) * width + column] =
                        upstream.values[sample * width + column] / Double(counted.count)
                }
            }
        }
        return result
    }
}

extension Tensor {
    /// The mean over the counted tokens of a mask.
    public func maskedMean(_ mask: TokenMask) throws -> Tensor {
        let ids = Tensor(graph: graph, node: mask.ids)
        return try graph.apply(MaskedMean(paddingID: mask.paddingID), to: [self, ids])
    }
}
