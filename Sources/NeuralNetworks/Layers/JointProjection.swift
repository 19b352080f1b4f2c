import Graphs

/// Queries, keys and values out of one matrix, as torch.nn.MultiheadAttention holds it: `in_proj_weight`
/// [queries + keys and values, inputs] and `in_proj_bias`. The input width is inferred.
///
/// One product computes all three of a sequence that attends to itself. Where queries come from one sequence and keys
/// and values from another, each takes its part of the matrix.
public final class JointProjection: Layer, Adaptable {
    /// Numbers of a token's queries.
    public let queries: Int
    /// Numbers of a token's keys and values.
    public let keysAndValues: Int
    /// A change of low rank to the matrix; see ``Layer/addAdapters(_:to:)``.
    public internal(set) var adapter: LowRankAdapter?
    private let hasBias: Bool
    private let initializer: any Initializer

    /// Creates a layer.
    public init(queries: Int, keysAndValues: Int, bias: Bool = true, initializer: any Initializer = Glorot())
    {
        (self.queries, self.keysAndValues) = (queries, keysAndValues)
        (self.hasBias, self.initializer) = (bias, initializer)
    }

    /// Queries, keys and values of each token side by side: [..., inputs] → [..., queries + keys and values].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try input.graph.scope(of: self, kind: "attention") {
            let (weight, bias) = try parameters(input)
            return try product(input, weight, bias)
        }
    }

    /// The queries of one sequence, and keys and values of another side by side.
    func queriesAndMemory(_ input: Tensor, _ memory: Tensor) throws -> [Tensor] {
        try input.graph.scope(of: self, kind: "attention") {
            try [part(input, 0..<queries), part(memory, queries..<(queries + keysAndValues))]
        }
    }

    /// The queries of a sequence alone.
    func queries(_ input: Tensor) throws -> Tensor {
        try input.graph.scope(of: self, kind: "attention") { try part(input, 0..<queries) }
    }

    /// The keys and values of a sequence alone.
    func memory(_ input: Tensor) throws -> Tensor {
        try input.graph.scope(of: self, kind: "attention") {
            try part(input, queries..<(queries + keysAndValues))
        }
    }

    /// A sequence times some columns of the matrix.
    private func part(_ source: Tensor, _ columns: Range<Int>) throws -> Tensor {
        let (weight, bias) = try parameters(source)
        return try product(
            source, weight.sliced(axis: 1, columns), bias.map { try $0.sliced(axis: 0, columns) },
            columns: columns)
    }

    private func parameters(_ input: Tensor) throws -> (weight: Tensor, bias: Tensor?) {
        let (inputs, width) = (input.shape.dimensions.last ?? 1, queries + keysAndValues)
        let weight = try input.graph.parameter(
            "in_proj_weight", of: self, shape: [inputs, width], storage: .transposed, initializer: initializer
        )
        guard hasBias else { return (weight, nil) }
        let bias = try input.graph.parameter(
            "in_proj_bias", of: self, shape: [width], initializer: Zeros(), isRegularized: false)
        return (weight, bias)
    }

    private func product(
        _ input: Tensor, _ weight: Tensor, _ bias: Tensor?, columns: Range<Int>? = nil
    ) throws -> Tensor {
        let (inputs, width) = (input.shape.dimensions.last ?? 1, weight.shape[1])
        var result = try input.reshaped(to: [input.shape.elementCount / max(1, inputs), inputs]).matmul(
            weight)
        if let bias { result = try result.addingBias(bias) }
        if let adapter {
            result =
                try result
                + adapter.change(input, outputs: queries + keysAndValues, columns: columns)
        }
        result = try result.reshaped(to: Shape(input.shape.dimensions.dropLast() + [width]))
        result.mask = input.mask
        return result
    }
}
