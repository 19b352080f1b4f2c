import Graphs

/// Group norm (Wu and He 2018) over [batch, channels, …], as PyTorch's GroupNorm: the channels of each sample are
/// normalised in groups, so that nothing depends on the batch. The channels are inferred.
public final class GroupNorm: Layer {
    /// Into how many groups the channels are cut; as many as channels is instance norm.
    public let groups: Int
    /// Added to the variance.
    public let epsilon: Double

    /// Creates a layer.
    public init(_ groups: Int, epsilon: Double = 1e-5) {
        self.groups = groups
        self.epsilon = epsilon
    }

    /// Traces the norm.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: self, kind: "groupNorm") {
            let channels: Shape = [input.shape.rank > 1 ? input.shape[1] : 1]
            return try input.groupNormalized(
                groups: groups, scale: graph.normScale(of: self, channels),
                shift: graph.normShift(of: self, channels), epsilon: epsilon)
        }
    }
}
