/// Group norm (Wu and He 2018): the channels (axis 1) of each sample are cut into groups, each brought to mean 0 and
/// variance 1 over its channels and all positions, then times `scale` plus `shift`: (x [N, C, …], scale [C], shift [C])
/// → the type of x.
///
/// Companions, each [N, groups]: the mean, and 1 / √(variance + ε).
public struct NormalizeGroups: Operation {
    /// Into how many groups the channels are cut.
    public let groups: Int
    /// Added to the variance.
    public let epsilon: Double
    /// `group-norm`.
    public var name: String { "group-norm" }

    /// Creates the operation.
    public init(groups: Int, epsilon: Double) {
        self.groups = groups
        self.epsilon = epsilon
    }

    /// The type of x, when its channels can be cut, and scale and shift have a number a channel.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        let type = try channelType(of: operands, epsilon: epsilon, name: name)
        guard groups > 0, type.shape[1] % groups == 0 else {
            throw ShapeError(
                "\(name) cannot cut the \(type.shape[1]) channels of \(type.shape) into \(groups) groups",
                remedy: "use a number of groups that divides the channels")
        }
        return type
    }

    /// A number a group each.
    public func companionTypes(of operands: [TensorType]) throws -> [TensorType] {
        Array(repeating: TensorType([operands[0].shape[0], groups]), count: 2)
    }

    /// One operation gives all gradients: that by x, and as its companions those by scale and shift.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let gradient = try upstream.graph.apply(
            NormalizeGroupsGradient(groups: groups),
            to: [upstream, operands[0], result.companion(0), result.companion(1), operands[1]])
        return [gradient, gradient.companion(0), gradient.companion(1)]
    }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let statistics = companionReferences(operands, in: context)
        var result = operands[0]
        let width = result.values.count / statistics[0].values.count
        for (index, x) in result.values.enumerated() {
            let (channel, row) = (result.channel(of: index), index / width)
            let normal = (x - statistics[0].values[row]) * statistics[1].values[row]
            result.values[index] = normal * operands[1].values[channel] + operands[2].values[channel]
        }
        return result
    }

    /// Plain loops.
    public func companionReferences(_ operands: [ReferenceArray], in context: ReferenceContext)
        -> [ReferenceArray]
    {
        let x = operands[0]
        var mean = ReferenceArray([x.shape[0], groups], repeating: 0)
        var inverse = mean
        let width = x.values.count / mean.values.count
        for row in mean.values.indices {
            let values = x.values[(row * width)..<((row + 1) * width)]
            mean.values[row] = values.reduce(0, +) / Double(width)
            let squares = values.reduce(0) { $0 + ($1 - mean.values[row]) * ($1 - mean.values[row]) }
            inverse.values[row] = 1 / (squares / Double(width) + epsilon).squareRoot()
        }
        return [mean, inverse]
    }
}

/// The gradients of ``NormalizeGroups``: (upstream, x, mean, 1 / deviation, scale) → the gradient by x; companions: the
/// gradients by scale and shift.
public struct NormalizeGroupsGradient: Operation {
    /// Into how many groups the channels are cut.
    public let groups: Int
    /// `group-norm-gradient`.
    public var name: String { "group-norm-gradient" }

    /// Creates the operation.
    public init(groups: Int) { self.groups = groups }

    /// The type of x.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try elementwiseType(of: Array(operands.prefix(2)), name: name)
    }

    /// The gradients by scale and shift.
    public func companionTypes(of operands: [TensorType]) throws -> [TensorType] {
        [operands[4], operands[4]]
    }

    /// dx = (g − mean(g) − x̂·mean(g·x̂)) / deviation with g = upstream·scale, means over each group.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let normal = normalized(operands)
        var result = operands[0].mapChannels { $1 * operands[4].values[$0] }
        let width = result.values.count / operands[2].values.count
        for row in operands[2].values.indices {
            let places = (row * width)..<((row + 1) * width)
            let sum = places.reduce(0) { $0 + result.values[$1] } / Double(width)
            let product = places.reduce(0) { $0 + result.values[$1] * normal.values[$1] } / Double(width)
            for place in places {
                result.values[place] -= sum + normal.values[place] * product
                result.values[place] *= operands[3].values[row]
            }
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
        let width = operands[1].values.count / operands[2].values.count
        let values = operands[1].values.enumerated().map { index, x in
            (x - operands[2].values[index / width]) * operands[3].values[index / width]
        }
        return ReferenceArray(operands[1].shape, values)
    }
}

extension Tensor {
    /// Group norm (Wu and He 2018); axis 1 holds the channels, `scale` and `shift` are [C].
    /// - Throws: `LockstepError` naming the shapes that do not fit.
    public func groupNormalized(
        groups: Int, scale: Tensor, shift: Tensor, epsilon: Double = 1e-5
    ) throws -> Tensor {
        try graph.apply(NormalizeGroups(groups: groups, epsilon: epsilon), to: [self, scale, shift])
    }
}
