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
            let table = try graph.parameter(
                "weight", of: self, shape: [vocabularySize, width], initializer: initializer)
            var rows = try table.lookup(input)
            rows.mask = TokenMask(ids: input.node, paddingID: paddingID)
            return rows
        }
    }
}
