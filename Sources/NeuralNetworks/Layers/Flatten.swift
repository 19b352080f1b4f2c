import Graphs

/// Joins all axes after the first: [batch, a, b, …] → [batch, a·b·…].
public struct Flatten: Layer {
    /// Creates a layer.
    public init() {}

    /// Traces the reshape.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        guard input.shape.rank > 1 else { return try input.reshaped(to: [input.shape.elementCount, 1]) }
        let batch = input.shape[0]
        return try input.reshaped(to: [batch, input.shape.dimensions.dropFirst().reduce(1, *)])
    }
}
