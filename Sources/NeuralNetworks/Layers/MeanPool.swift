import Graphs

/// The mean over one axis; over the tokens of an embedding, padding does not count.
public struct MeanPool: Layer {
    /// The axis that goes.
    public let axis: Int

    /// Creates a layer.
    public init(axis: Int = 1) { self.axis = axis }

    /// Traces the mean.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        if axis == 1, let mask = input.mask { return try input.maskedMean(mask) }
        return try input.mean(axis: axis)
    }
}
