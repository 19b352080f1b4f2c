/// Looks rows of a table up: (table [vocabulary, width], ids int32 [...]) → [..., width].
/// An id outside the vocabulary is a data error that the pipeline prevents; kernels read row 0 for it.
public struct EmbeddingLookup: Operation {
    /// `embedding`.
    public var name: String { "embedding" }

    /// Creates the operation.
    public init() {}

    /// The ids' shape with the width appended.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        let (table, ids) = (operands[0], operands[1])
        guard table.shape.rank == 2, table.element == .float32, ids.element == .int32 else {
            throw ShapeError(
                "an embedding takes a matrix and int32 ids, got \(table) and \(ids)",
                remedy: "feed token ids to it")
        }
        return TensorType(Shape(ids.shape.dimensions + [table.shape[1]]))
    }

    /// The table gets every row's gradient added to the row that it was read from.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let scatter = EmbeddingGradient(rows: operands[0].shape[0])
        return [try upstream.graph.apply(scatter, to: [operands[1], upstream]), nil]
    }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (table, ids) = (operands[0], operands[1])
        let width = table.shape[1]
        let values = ids.values.flatMap { id in
            table.values[
                row(Int(id), of: table.shape[0]) * width..<(row(Int(id), of: table.shape[0]) + 1) * width]
        }
        return .init(Shape(ids.shape.dimensions + [width]), values)
    }
}

/// The row that an id reads: itself, or 0 outside the table.
func row(_ id: Int, of count: Int) -> Int { (0..<count).contains(id) ? id : 0 }

/// Adds rows into a table of zeros: (ids [...], rows [..., width]) → [vocabulary, width], in the order of the ids.
public struct EmbeddingGradient: Operation {
    /// Rows of the table.
    public let rows: Int
    /// `embedding-gradient`.
    public var name: String { "embedding-gradient" }

    /// Creates the operation.
    public init(rows: Int) { self.rows = rows }

    /// The table's type.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        TensorType([rows, operands[1].shape[-1]])
    }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let width = operands[1].shape[-1]
        var table = ReferenceArray([rows, width], repeating: 0)
        for (index, id) in operands[0].values.enumerated() {
            for column in 0..<width {
                table.values[row(Int(id), of: rows) * width + column] +=
                    operands[1].values[index * width + column]
            }
        }
        return table
    }
}

extension Tensor {
    /// The rows of this table that int32 ids name.
    public func lookup(_ ids: Tensor) throws -> Tensor {
        try graph.apply(EmbeddingLookup(), to: [self, ids])
    }
}
