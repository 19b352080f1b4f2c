import Graphs

/// A table of learned rows: int32 ids [...] → [..., width].
public final class Embedding: Layer {
    /// Rows of the table.
    public let vocabularySize: Int
    /// Numbers a row.
    public let width: Int
    /// The id of padding, which pooling leaves out; `nil` when every id is a token.
    public let paddingID: Int?
    private let initializer: any Initializer

    /// Creates a layer.
    public init(
        _ vocabularySize: Int, _ width: Int, paddingID: Int? = nil,
        initializer: any Initializer = Normal(deviation: 0.05)
    ) {
        self.vocabularySize = vocabularySize
        self.width = width
        self.paddingID = paddingID
        self.initializer = initializer
    }

    /// Traces the look-up.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: self, kind: "embedding") {
            var rows = try table(graph).lookup(input)
            rows.mask = TokenMask(ids: input.node, paddingID: paddingID)
            return rows
        }
    }

    /// The table as an output layer (Press and Wolf, "Using the Output Embedding to Improve Language Models", 2017):
    /// the product of each row with every row of the table, [..., width] → [..., vocabulary]. The table's gradient is
    /// the sum of both uses.
    public func asOutput(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: self, kind: "embedding") {
            let rows = input.shape.elementCount / max(1, input.shape.dimensions.last ?? 1)
            let flat = try input.reshaped(to: [rows, input.shape.dimensions.last ?? 1])
            var logits = try flat.matmul(table(graph), transposesRight: true)
            logits = try logits.reshaped(to: Shape(input.shape.dimensions.dropLast() + [vocabularySize]))
            logits.mask = input.mask
            return logits
        }
    }

    private func table(_ graph: Graph) throws -> Tensor {
        try graph.parameter("weight", of: self, shape: [vocabularySize, width], initializer: initializer)
    }
}
