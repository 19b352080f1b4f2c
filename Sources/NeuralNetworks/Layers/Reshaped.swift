import Graphs

/// Each sample under another shape: [batch, ...] → [batch] + shape, the same elements in the same order.
public struct Reshaped: Layer {
    /// The new shape of one sample.
    public let sampleShape: Shape

    /// Creates a layer.
    /// - Parameter sampleShape: the new extents without the batch.
    public init(to sampleShape: Shape) { self.sampleShape = sampleShape }

    /// Traces the reshape.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        guard input.shape.rank > 0 else {
            throw input.graph.refusal("a sample of a scalar", remedy: "give a tensor with a sample axis")
        }
        return try input.reshaped(to: Shape([input.shape[0]] + sampleShape.dimensions))
    }
}

/// The axes of each sample in another order; the sample axis, axis 0, stays in front.
public struct Permuted: Layer {
    /// Which axis of the input stands at each place, the sample axis included: `[0, 2, 1]` exchanges the last two of
    /// three.
    public let order: [Int]

    /// Creates a layer.
    public init(_ order: [Int]) { self.order = order }

    /// Traces the transpose.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        guard order.first == 0 else {
            throw input.graph.refusal(
                "the order \(order) moves the sample axis of \(input.shape)",
                remedy: "begin with 0")
        }
        return try input.permuted(order)
    }
}

/// Several layers on the same input, their results joined along an axis:
///
///     Concatenated(axis: -1) { Dense(8, activation: .relu); Dense(8, activation: .tanh) }
public struct Concatenated: Layer {
    /// The axis along which results are joined; a negative one counts from the end.
    public let axis: Int
    /// The layers side by side.
    public let layers: [any Layer]

    /// Creates a layer from an array.
    public init(axis: Int = -1, _ layers: [any Layer]) {
        self.axis = axis
        self.layers = layers
    }

    /// Creates a layer from a list in braces.
    public init(axis: Int = -1, @SequentialBuilder _ layers: () -> [any Layer]) {
        self.init(axis: axis, layers())
    }

    /// Traces every layer, then the concatenation.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        let prefix = graph.path.isEmpty ? "" : graph.path + "."
        let results = try layers.enumerated().map { index, layer in
            try graph.scope(prefix + "\(index)") { try layer(input) }
        }
        guard !results.isEmpty else {
            throw graph.refusal("a concatenation of no layers", remedy: "put at least one into the braces")
        }
        guard results.allSatisfy({ $0.shape.rank > 0 && $0.shape.rank + (axis < 0 ? axis : 0) != 0 }),
            axis != 0
        else {
            throw graph.refusal("a concatenation along the sample axis", remedy: "use another axis than 0")
        }
        return try graph.concatenate(results, axis: axis)
    }

    /// The layers by index.
    public var namedLayers: [(name: String, layer: any Layer)] {
        layers.enumerated().map { ("\($0.offset)", $0.element) }
    }
}
