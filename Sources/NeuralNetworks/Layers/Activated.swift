import Graphs

/// An activation as a layer of its own, for instance `Activated(.silu)` after a norm.
public struct Activated: Layer {
    /// The function.
    public let activation: Activation

    /// Creates a layer.
    public init(_ activation: Activation) { self.activation = activation }

    /// Traces the activation.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        var result = try input.activated(activation)
        result.mask = input.mask
        return result
    }
}
