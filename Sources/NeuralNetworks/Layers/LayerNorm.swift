import Graphs

/// Layer norm (Ba et al. 2016) over the last axes: each sample's (or token's) numbers brought to mean 0 and variance 1,
/// then times `weight` plus `bias`, as PyTorch's LayerNorm. The extents of the axes are inferred.
public final class LayerNorm: Layer {
    /// How many of the last axes are normalised together.
    public let axes: Int
    /// Added to the variance.
    public let epsilon: Double
    /// Whether a learned weight is multiplied.
    public let hasWeight: Bool
    /// Whether a learned bias is added; it comes with a weight.
    public let hasBias: Bool

    /// Creates a layer.
    public init(axes: Int = 1, epsilon: Double = 1e-5, weight: Bool = true, bias: Bool = true) {
        self.axes = axes
        self.epsilon = epsilon
        self.hasWeight = weight
        self.hasBias = weight && bias
    }

    /// Traces the norm.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: self, kind: "layerNorm") {
            let row = Shape(Array(input.shape.dimensions.suffix(max(0, axes))))
            let scale = try hasWeight ? graph.normScale(of: self, row) : nil
            let shift = try hasBias ? graph.normShift(of: self, row) : nil
            var result = try input.layerNormalized(axes: axes, scale: scale, shift: shift, epsilon: epsilon)
            result.mask = input.mask
            return result
        }
    }
}

/// RMS norm (Zhang and Sennrich 2019) over the last axes: each sample's (or token's) numbers brought to a mean square
/// of 1, then times `weight`, as PyTorch's RMSNorm. The extents of the axes are inferred.
public final class RMSNorm: Layer {
    /// How many of the last axes are normalised together.
    public let axes: Int
    /// Added to the mean square; PyTorch's default is the distance from 1 to the next float32.
    public let epsilon: Double
    /// Whether a learned weight is multiplied.
    public let hasWeight: Bool

    /// Creates a layer.
    public init(axes: Int = 1, epsilon: Double = Double(Float.ulpOfOne), weight: Bool = true) {
        self.axes = axes
        self.epsilon = epsilon
        self.hasWeight = weight
    }

    /// Traces the norm.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: self, kind: "rmsNorm") {
            let row = Shape(Array(input.shape.dimensions.suffix(max(0, axes))))
            let scale = try hasWeight ? graph.normScale(of: self, row) : nil
            var result = try input.rmsNormalized(axes: axes, scale: scale, epsilon: epsilon)
            result.mask = input.mask
            return result
        }
    }
}

extension Graph {
    /// The `weight` of a norm: ones at first; L1 and L2 leave it alone.
    func normScale(of layer: AnyObject, _ shape: Shape) throws -> Tensor {
        try parameter("weight", of: layer, shape: shape, initializer: Ones(), isRegularized: false)
    }

    /// The `bias` of a norm.
    func normShift(of layer: AnyObject, _ shape: Shape) throws -> Tensor {
        try parameter("bias", of: layer, shape: shape, initializer: Zeros(), isRegularized: false)
    }
}
