import Diagnostics

/// Which numbers a norm over rows is made of.
public enum RowNorm: String, Sendable {
    /// Mean and variance (layer norm, Ba et al. 2016, "Layer normalization").
    case layer = "layer-norm"
    /// The mean square alone (Zhang and Sennrich 2019, "Root mean square layer normalization").
    case rms = "rms-norm"
}

/// The elements of the last axes of each sample, brought to mean 0 and variance 1 (layer norm) or to a mean square of 1
/// (RMS norm), then times `scale` plus `shift`: (x, scale?, shift?) → the type of x. A shift comes with a scale.
///
/// Companions, for backward: 1 / √(variance + ε) of each row, and for layer norm the mean.
public struct NormalizeRows: Operation {
    /// What a row is divided by.
    public let kind: RowNorm
    /// How many of the last axes make a row.
    public let axes: Int
    /// Added to the variance.
    public let epsilon: Double
    /// `layer-norm` or `rms-norm`.
    public var name: String { kind.rawValue }

    /// Creates the operation.
    public init(_ kind: RowNorm, axes: Int, epsilon: Double) {
        self.kind = kind
        self.axes = axes
        self.epsilon = epsilon
    }

    /// The type of x, when scale and shift have the extents of its last axes.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        let shape = operands[0].shape
        guard axes > 0, axes < shape.rank else {
            throw ShapeError(
                "\(name) over the last \(axes) axes of \(shape)",
                remedy: "normalise at least one axis, and leave the first, the samples, out")
        }
        let row = Shape(Array(shape.dimensions.suffix(axes)))
        guard row.elementCount > 0 else {
            throw ShapeError("\(name) of nothing (\(shape))", remedy: "give each row at least one element")
        }
        guard epsilon >= 0 else {
            throw ShapeError("\(name) with an epsilon of \(epsilon)", remedy: "use a small positive number")
        }
        for factor in operands.dropFirst() where factor.shape != row {
            throw ShapeError(
                "\(name) of \(shape) takes a scale and a shift of \(row), got \(factor.shape)",
                remedy: "give them the extents of the last \(axes) axes")
        }
        return operands[0]
    }

    /// A number a row each.
    public func companionTypes(of operands: [TensorType]) throws -> [TensorType] {
        let rows = TensorType(Shape(Array(operands[0].shape.dimensions.dropLast(axes))))
        return kind == .layer ? [rows, rows] : [rows]
    }

    /// One operation gives all gradients: that by x, and as its companions those by scale and shift.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let means = kind == .layer ? [result.companion(1)] : []
        let gradient = try upstream.graph.apply(
            NormalizeRowsGradient(kind, axes: axes, factorCount: operands.count - 1),
            to: [upstream, operands[0], result.companion(0)] + means + operands.dropFirst().prefix(1))
        return [gradient] + operands.indices.dropFirst().map { gradient.companion($0 - 1) }
    }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let statistics = companionReferences(operands, in: context)
        let width = operands[0].shape.dimensions.suffix(axes).reduce(1, *)
        var result = operands[0]
        for index in result.values.indices {
            let mean = kind == .layer ? statistics[1].values[index / width] : 0
            result.values[index] = (result.values[index] - mean) * statistics[0].values[index / width]
            if operands.count > 1 { result.values[index] *= operands[1].values[index % width] }
            if operands.count > 2 { result.values[index] += operands[2].values[index % width] }
        }
        return result
    }

    /// Plain loops.
    public func companionReferences(_ operands: [ReferenceArray], in context: ReferenceContext)
        -> [ReferenceArray]
    {
        let x = operands[0]
        let width = x.shape.dimensions.suffix(axes).reduce(1, *)
        let rows = Shape(Array(x.shape.dimensions.dropLast(axes)))
        var (mean, inverse) = (ReferenceArray(rows, repeating: 0), ReferenceArray(rows, repeating: 0))
        for row in 0..<rows.elementCount {
            let values = x.values[(row * width)..<((row + 1) * width)]
            mean.values[row] = kind == .layer ? values.reduce(0, +) / Double(width) : 0
            let squares = values.reduce(0) { $0 + ($1 - mean.values[row]) * ($1 - mean.values[row]) }
            inverse.values[row] = 1 / (squares / Double(width) + epsilon).squareRoot()
        }
        return kind == .layer ? [inverse, mean] : [inverse]
    }
}

/// The gradients of ``NormalizeRows``: (upstream, x, 1 / deviation, mean for layer norm, scale where there is one) → the
/// gradient by x; companions: the gradients by scale and shift.
public struct NormalizeRowsGradient: Operation {
    /// What a row was divided by.
    public let kind: RowNorm
    /// How many of the last axes make a row.
    public let axes: Int
    /// 0, 1 for a scale, 2 for scale and shift.
    public let factorCount: Int
    /// `layer-norm-gradient` or `rms-norm-gradient`.
    public var name: String { kind.rawValue + "-gradient" }

    /// Creates the operation.
    public init(_ kind: RowNorm, axes: Int, factorCount: Int) {
        self.kind = kind
        self.axes = axes
        self.factorCount = factorCount
    }

    /// Where the scale is among the operands; `nil` without one.
    public var scalePlace: Int? { factorCount > 0 ? (kind == .layer ? 4 : 3) : nil }

    /// How many operands there are.
    public var operandCount: Int { 3 + (kind == .layer ? 1 : 0) + (factorCount > 0 ? 1 : 0) }

    /// The type of x.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try elementwiseType(of: Array(operands.prefix(2)), name: name)
    }

    /// The gradients by scale and shift.
    public func companionTypes(of operands: [TensorType]) throws -> [TensorType] {
        let row = TensorType(Shape(Array(operands[1].shape.dimensions.suffix(axes))))
        return Array(repeating: row, count: factorCount)
    }

    /// dx = (g − mean(g) − x̂·mean(g·x̂)) / deviation with g = upstream·scale; mean(g) stands for layer norm alone.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let width = operands[1].shape.dimensions.suffix(axes).reduce(1, *)
        let normal = normalized(operands)
        var result = operands[0]
        if let scalePlace {
            for index in result.values.indices {
                result.values[index] *= operands[scalePlace].values[index % width]
            }
        }
        for row in 0..<(result.values.count / width) {
            let places = (row * width)..<((row + 1) * width)
            let sum = kind == .layer ? places.reduce(0) { $0 + result.values[$1] } / Double(width) : 0
            let product = places.reduce(0) { $0 + result.values[$1] * normal[$1] } / Double(width)
            for place in places {
                result.values[place] =
                    (result.values[place] - sum - normal[place] * product) * operands[2].values[row]
            }
        }
        return result
    }

    /// Sums over rows of upstream·x̂ and of upstream.
    public func companionReferences(_ operands: [ReferenceArray], in context: ReferenceContext)
        -> [ReferenceArray]
    {
        let row = Shape(Array(operands[1].shape.dimensions.suffix(axes)))
        let normal = normalized(operands)
        var scale = ReferenceArray(row, repeating: 0)
        var shift = scale
        for (index, upstream) in operands[0].values.enumerated() {
            scale.values[index % row.elementCount] += upstream * normal[index]
            shift.values[index % row.elementCount] += upstream
        }
        return Array([scale, shift].prefix(factorCount))
    }

    private func normalized(_ operands: [ReferenceArray]) -> [Double] {
        let width = operands[1].shape.dimensions.suffix(axes).reduce(1, *)
        return operands[1].values.enumerated().map { index, x in
            (x - (kind == .layer ? operands[3].values[index / width] : 0)) * operands[2].values[index / width]
        }
    }
}

extension Tensor {
    /// Layer norm (Ba et al. 2016) over the last axes, times `scale` plus `shift`, which have their extents.
    /// - Throws: `LockstepError` naming the shapes that do not fit.
    public func layerNormalized(
        axes: Int = 1, scale: Tensor? = nil, shift: Tensor? = nil, epsilon: Double = 1e-5
    ) throws -> Tensor {
        try normalized(.layer, axes, scale, shift, epsilon)
    }

    /// RMS norm (Zhang and Sennrich 2019) over the last axes, times `scale`, which has their extents.
    /// - Throws: `LockstepError` naming the shapes that do not fit.
    public func rmsNormalized(
        axes: Int = 1, scale: Tensor? = nil, epsilon: Double = Double(Float.ulpOfOne)
    ) throws -> Tensor {
        try normalized(.rms, axes, scale, nil, epsilon)
    }

    private func normalized(
        _ kind: RowNorm, _ axes: Int, _ scale: Tensor?, _ shift: Tensor?, _ epsilon: Double
    ) throws -> Tensor {
        // A shift needs a scale before it; a constant 1 of the right shape would cost as much.
        guard shift == nil || scale != nil else {
            throw LockstepError(
                .usage, "\(kind.rawValue) with a shift but no scale", remedy: "give it a scale as well")
        }
        let operands = [self] + [scale, shift].compactMap { $0 }
        return try graph.apply(NormalizeRows(kind, axes: axes, epsilon: epsilon), to: operands)
    }
}
