import Graphs

/// A learned row for each position, added to the tokens: [batch, tokens, width], up to `context` tokens. The width is
/// inferred.
public final class LearnedPositions: Layer {
    /// The most tokens of a sample.
    public let context: Int
    private let initializer: any Initializer

    /// Creates a layer.
    public init(_ context: Int, initializer: any Initializer = Normal(deviation: 0.02)) {
        self.context = context
        self.initializer = initializer
    }

    /// Traces the sum.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: self, kind: "positions") {
            let width = input.shape.dimensions.last ?? 1
            let table = try graph.parameter(
                "weight", of: self, shape: [context, width], initializer: initializer)
            var result: Tensor
            if let positions = graph.decodingPositions {
                guard positions.capacity <= context else {
                    throw graph.refusal(
                        "\(positions.capacity) tokens are more than the context of \(context)",
                        remedy: "decode with a smaller capacity")
                }
                result = try input + table.lookup(positions.ids)
            } else {
                result = try input.addingPositions(table)
            }
            result.mask = input.mask
            return result
        }
    }
}

/// Sines and cosines added to the tokens by position (Vaswani et al. 2017): [batch, tokens, width].
public struct SinusoidalPositions: Layer {
    /// Creates a layer.
    public init() {}

    /// Traces the sum.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        var result = try input.addingSinusoids(at: input.graph.decodingPositions)
        result.mask = input.mask
        return result
    }
}
