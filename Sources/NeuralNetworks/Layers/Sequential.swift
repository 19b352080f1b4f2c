import Graphs

/// Layers one after the other, named 0, 1, 2 …
///
///     Sequential { Embedding(10_000, 50); MeanPool(axis: 1); Dense(24, activation: .relu); Dense(1) }
public struct Sequential: Layer {
    /// The layers in order.
    public let layers: [any Layer]

    /// Creates a chain from an array.
    public init(_ layers: [any Layer]) { self.layers = layers }

    /// Creates a chain from a list in braces.
    public init(@SequentialBuilder _ layers: () -> [any Layer]) { self.layers = layers() }

    /// Applies each layer to the result of the one before.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        let prefix = graph.path.isEmpty ? "" : graph.path + "."
        return try layers.enumerated().reduce(input) { value, next in
            // Layers with parameters know their path; this names the others in errors.
            try graph.scope(prefix + "\(next.offset)") { try next.element(value) }
        }
    }

    /// The layers by index.
    public var namedLayers: [(name: String, layer: any Layer)] {
        layers.enumerated().map { ("\($0.offset)", $0.element) }
    }
}

/// Collects the layers listed in the braces of ``Sequential``.
@resultBuilder
public enum SequentialBuilder {
    /// One layer.
    public static func buildExpression(_ layer: any Layer) -> [any Layer] { [layer] }
    /// An array of layers.
    public static func buildExpression(_ layers: [any Layer]) -> [any Layer] { layers }
    /// All lines in order.
    public static func buildBlock(_ parts: [any Layer]...) -> [any Layer] { parts.flatMap { $0 } }
    /// `if` without `else`.
    public static func buildOptional(_ part: [any Layer]?) -> [any Layer] { part ?? [] }
    /// The first branch.
    public static func buildEither(first: [any Layer]) -> [any Layer] { first }
    /// The second branch.
    public static func buildEither(second: [any Layer]) -> [any Layer] { second }
    /// `for` loops.
    public static func buildArray(_ parts: [[any Layer]]) -> [any Layer] { parts.flatMap { $0 } }
}
