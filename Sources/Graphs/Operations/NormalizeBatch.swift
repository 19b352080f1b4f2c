/// Batch norm (Ioffe and Szegedy 2015): each channel (axis 1) brought to mean 0 and variance 1 over the micro-batch and
/// all positions, then times `scale` plus `shift`: (x [N, C, …], scale [C], shift [C]) → the type of x.
///
/// Companions, each [C]: the mean, 1 / √(variance + ε), and the unbiased variance, which running statistics follow
/// (that of a single number is 0).
public struct NormalizeBatch: Operation {
    /// Added to the variance.
    public let epsilon: Double
    /// Whether mean and variance are those of the whole step, all logical shards together; by itself a graph is one
    /// shard, and the reference knows no others.
    public let isSynchronized: Bool
    /// `batch-norm`.
    public var name: String { isSynchronized ? "synchronized-batch-norm" : "batch-norm" }

    /// Creates the operation.
    public init(epsilon: Double, isSynchronized: Bool = false) {
        self.epsilon = epsilon
        self.isSynchronized = isSynchronized
    }

    /// The type of x, when scale and shift have a number a channel.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try channelType(of: operands, epsilon: epsilon, name: name)
    }

    /// A number a channel each.
    public func companionTypes(of operands: [TensorType]) throws -> [TensorType] {
        Array(repeating: operands[1], count: 3)
    }

    /// One operation gives all gradients: that by x, and as its companions those by scale and shift.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let gradient = try upstream.graph.apply(
            NormalizeBatchGradient(isSynchronized: isSynchronized),
            to: [upstream, operands[0], result.companion(0), result.companion(1), operands[1]])
        return [gradient, gradient.companion(0), gradient.companion(1)]
    }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let statistics = companionReferences(operands, in: context)
        return operands[0].mapChannels { channel, x in
            (x - statistics[0].values[channel]) * statistics[1].values[channel] * operands[1].values[channel]
                + operands[2].values[channel]
        }
    }

    /// Plain loops.
    public func companionReferences(_ operands: [ReferenceArray], in context: ReferenceContext)
        -> [ReferenceArray]
    {
        let x = operands[0]
        let count = Double(x.values.count / x.shape[1])
        let mean = x.channelSums { $1 }.map { $0 / count }
        let squares = x.channelSums { ($1 - mean.values[$0]) * ($1 - mean.values[$0]) }
        return [
            mean, squares.map { 1 / ($0 / count + epsilon).squareRoot() },
            squares.map { $0 / max(count - 1, 1) },
        ]
    }
}

/// The gradients of ``NormalizeBatch``: (upstream, x, mean, 1 / deviation, scale) → the gradient by x; companions: the
/// gradients by scale and shift.
public struct NormalizeBatchGradient: Operation {
    /// Whether the means are over the whole step; the gradients by scale and shift are the shard's own all the same.
    public let isSynchronized: Bool
    /// `batch-norm-gradient`.
    public var name: String { isSynchronized ? "synchronized-batch-norm-gradient" : "batch-norm-gradient" }

    /// Creates the operation.
    public init(isSynchronized: Bool = false) { self.isSynchronized = isSynchronized }

    /// The type of x.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try elementwiseType(of: Array(operands.prefix(2)), name: name)
    }

    /// The gradients by scale and shift.
    public func companionTypes(of operands: [TensorType]) throws -> [TensorType] {
        [operands[4], operands[4]]
    }

    /// dx = (upstream − mean(upstream) − x̂·mean(upstream·x̂))·scale / deviation, means over each channel.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let sums = companionReferences(operands, in: context)
        let normal = normalized(operands)
        let count = Double(operands[1].values.count / operands[1].shape[1])
        var result = operands[0].mapChannels { channel, dy in dy - sums[1].values[channel] / count }
        for (index, value) in normal.values.enumerated() {
            let channel = normal.channel(of: index)
            result.values[index] -= value * sums[0].values[channel] / count
            result.values[index] *= operands[3].values[channel] * operands[4].values[channel]
        }
        return result
    }

    /// Sums over each channel of upstream·x̂ and of upstream.
    public func companionReferences(_ operands: [ReferenceArray], in context: ReferenceContext)
        -> [ReferenceArray]
    {
        [operands[0].zip(normalized(operands), *).channelSums { $1 }, operands[0].channelSums { $1 }]
    }

    private func normalized(_ operands: [ReferenceArray]) -> ReferenceArray {
        operands[1].mapChannels { ($1 - operands[2].values[$0]) * operands[3].values[$0] }
    }
}

/// Batch norm with given statistics, for evaluation: (x [N, C, …], scale, shift, mean, variance, each [C]) → the type
/// of x.
public struct NormalizeBatchFixed: Operation {
    /// Added to the variance.
    public let epsilon: Double
    /// `batch-norm-fixed`.
    public var name: String { "batch-norm-fixed" }

    /// Creates the operation.
    public init(epsilon: Double) { self.epsilon = epsilon }

    /// The type of x, when all others have a number a channel.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try channelType(of: operands, epsilon: epsilon, name: name)
    }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        operands[0].mapChannels { channel, x in
            let inverse = 1 / (operands[4].values[channel] + epsilon).squareRoot()
            return (x - operands[3].values[channel]) * inverse * operands[1].values[channel]
                + operands[2].values[channel]
        }
    }
}

/// The type of the first operand [N, C, …], when all others are [C].
func channelType(of operands: [TensorType], epsilon: Double, name: String) throws -> TensorType {
    try requireNumbers(operands, name: name)
    let shape = operands[0].shape
    guard shape.rank >= 2 else {
        throw ShapeError(
            "\(name) takes [batch, channels, …], got \(shape)", remedy: "keep the channels on axis 1")
    }
    guard shape.elementCount > 0 else {
        throw ShapeError("\(name) of nothing (\(shape))", remedy: "give it at least one element")
    }
    guard epsilon >= 0 else {
        throw ShapeError("\(name) with an epsilon of \(epsilon)", remedy: "use a small positive number")
    }
    for other in operands.dropFirst() where other.shape != [shape[1]] {
        throw ShapeError(
            "\(name) of \(shape) takes a number for each of its \(shape[1]) channels, got \(other.shape)",
            remedy: "give scale, shift and statistics the extent of axis 1")
    }
    return operands[0]
}

extension ReferenceArray {
    /// The channel (axis 1) of an element.
    func channel(of index: Int) -> Int { index / shape.split(at: 1).inner % shape[1] }

    /// Each element mapped together with its channel.
    func mapChannels(_ transform: (_ channel: Int, _ value: Double) -> Double) -> ReferenceArray {
        .init(shape, values.enumerated().map { transform(channel(of: $0), $1) })
    }

    /// The sum over each channel.
    func channelSums(_ term: (_ channel: Int, _ value: Double) -> Double) -> ReferenceArray {
        var sums = ReferenceArray([shape[1]], repeating: 0)
        for (index, value) in values.enumerated() {
            sums.values[channel(of: index)] += term(channel(of: index), value)
        }
        return sums
    }
}

extension Tensor {
    /// Batch norm by the micro-batch's own statistics, or by those of the whole step where `isSynchronized`; axis 1 holds
    /// the channels, `scale` and `shift` are [C].
    /// Companions of the result: mean, 1 / deviation, unbiased variance.
    /// - Throws: `LockstepError` naming the shapes that do not fit.
    public func batchNormalized(
        scale: Tensor, shift: Tensor, epsilon: Double = 1e-5, isSynchronized: Bool = false
    ) throws -> Tensor {
        try graph.apply(
            NormalizeBatch(epsilon: epsilon, isSynchronized: isSynchronized), to: [self, scale, shift])
    }

    /// Batch norm by given statistics, each [C].
    /// - Throws: `LockstepError` naming the shapes that do not fit.
    public func batchNormalized(
        scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor, epsilon: Double = 1e-5
    ) throws -> Tensor {
        try graph.apply(NormalizeBatchFixed(epsilon: epsilon), to: [self, scale, shift, mean, variance])
    }
}
