#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The softmax over the last axis, e^xⱼ / Σ e^xᵢ, or its logarithm.
public struct Softmax: Operation {
    /// Whether the result is the logarithm.
    public let isLogarithm: Bool
    /// `softmax` or `log-softmax`.
    public var name: String { isLogarithm ? "log-softmax" : "softmax" }

    /// Creates the operation.
    public init(isLogarithm: Bool = false) { self.isLogarithm = isLogarithm }

    /// The operand's type.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        guard operands[0].shape.rank > 0, operands[0].shape[-1] > 0 else {
            throw ShapeError(
                "\(name) over the last axis of \(operands[0].shape)",
                remedy: "give it at least one element a row")
        }
        return operands[0]
    }

    /// From the result y: y·(dy − Σ dy·y), or dy − e^y·Σ dy for the logarithm.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        [try upstream.graph.apply(SoftmaxGradient(isLogarithm: isLogarithm), to: [upstream, result])]
    }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        var x = operands[0]
        let width = x.shape[-1]
        for start in stride(from: 0, to: x.values.count, by: width) {
            let row = x.values[start..<(start + width)]
            let greatest = row.max() ?? 0
            let logarithm = log(row.reduce(0) { $0 + exp($1 - greatest) })
            for index in row.indices {
                let value = x.values[index] - greatest - logarithm
                x.values[index] = isLogarithm ? value : exp(value)
            }
        }
        return x
    }
}

/// The gradient of ``Softmax``: (upstream, its result) → gradient by the operand.
public struct SoftmaxGradient: Operation {
    /// Whether the result was the logarithm.
    public let isLogarithm: Bool
    /// For instance `softmax-gradient`.
    public var name: String { (isLogarithm ? "log-softmax" : "softmax") + "-gradient" }

    /// Creates the operation.
    public init(isLogarithm: Bool) { self.isLogarithm = isLogarithm }

    /// The common type of both operands.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try elementwiseType(of: operands, name: name)
    }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (dy, y, width) = (operands[0].values, operands[1].values, operands[0].shape[-1])
        var result = operands[0]
        for start in stride(from: 0, to: dy.count, by: width) {
            let row = start..<(start + width)
            let sum = row.reduce(0) { $0 + dy[$1] * (isLogarithm ? 1 : y[$1]) }
            for i in row { result.values[i] = isLogarithm ? dy[i] - exp(y[i]) * sum : y[i] * (dy[i] - sum) }
        }
        return result
    }
}

extension Tensor {
    /// The softmax over the last axis.
    /// - Throws: `LockstepError` for a scalar, or ids.
    public func softmax() throws -> Tensor { try graph.apply(Softmax(), to: [self]) }

    /// The logarithm of the softmax over the last axis.
    /// - Throws: `LockstepError` for a scalar, or ids.
    public func logSoftmax() throws -> Tensor { try graph.apply(Softmax(isLogarithm: true), to: [self]) }
}
