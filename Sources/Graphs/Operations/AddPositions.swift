#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Adds the first rows of a table to the tokens of every sample: ([batch, tokens, width], table [context, width]).
/// The table is learned: token t gets row t.
public struct AddPositions: Operation {
    /// `positions`.
    public var name: String { "positions" }

    /// Creates the operation.
    public init() {}

    /// The type of the tokens, when the table has a row for each.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        let (tokens, table) = (operands[0].shape, operands[1].shape)
        guard tokens.rank == 3, table.rank == 2, tokens[2] == table[1] else {
            throw ShapeError(
                "positions \(table) do not fit tokens \(tokens)",
                remedy: "give [batch, tokens, width] and a table of rows of that width")
        }
        guard tokens[1] <= table[0] else {
            throw ShapeError(
                "\(tokens[1]) tokens are more than the context of \(table[0])",
                remedy: "cut the samples, or make the context longer")
        }
        return operands[0]
    }

    /// The tokens' gradient passes through; a row of the table gets the sum over the samples.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let sum = PositionsGradient(rows: operands[1].shape[0])
        return [upstream, try upstream.graph.apply(sum, to: [upstream])]
    }

    /// Number by number.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (tokens, table) = (operands[0], operands[1].values)
        let period = tokens.shape[1] * tokens.shape[2]
        return .init(tokens.shape, tokens.values.enumerated().map { $1 + table[$0 % period] })
    }
}

/// The gradient of ``AddPositions`` by its table: [batch, tokens, width] summed over the batch, zeros below.
public struct PositionsGradient: Operation {
    /// Rows of the table.
    public let rows: Int
    /// `positions-gradient`.
    public var name: String { "positions-gradient" }

    /// Creates the operation.
    public init(rows: Int) { self.rows = rows }

    /// The table's type.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        TensorType([rows, operands[0].shape[2]])
    }

    /// Number by number.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let shape = operands[0].shape
        var table = ReferenceArray([rows, shape[2]], repeating: 0)
        for (index, value) in operands[0].values.enumerated() {
            table.values[index % (shape[1] * shape[2])] += value
        }
        return table
    }
}

/// Adds fixed waves to the tokens of every sample [batch, tokens, width], so that a model can tell places apart
/// (Vaswani et al. 2017, section 3.5): sin(t / 10000^(2i/width)) to number 2i of token t, the cosine to number 2i + 1.
///
/// With a capacity, the places are a second operand, int32 [batch, tokens], each below the capacity: for decoding.
public struct AddSinusoids: Operation {
    /// Places that there are, where they are an operand; `nil` where token t stands at place t.
    public let capacity: Int?
    /// `sinusoids`.
    public var name: String { "sinusoids" }

    /// Creates the operation.
    public init(capacity: Int? = nil) { self.capacity = capacity }

    /// The operand's type.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(Array(operands.prefix(1)), name: name)
        try requirePositions(operands, capacity, name: name)
        guard operands[0].shape.rank == 3 else {
            throw ShapeError(
                "sinusoidal positions take [batch, tokens, width], got \(operands[0].shape)",
                remedy: "embed token ids first")
        }
        return operands[0]
    }

    /// What is added to a number.
    package static func wave(token: Int, column: Int, width: Int) -> Double {
        let angle = Double(token) / pow(10_000, Double(column / 2 * 2) / Double(width))
        return column % 2 == 0 ? sin(angle) : cos(angle)
    }

    /// The gradient passes through.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        [upstream]
    }

    /// Number by number.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let width = operands[0].shape[2]
        let values = operands[0].values.enumerated().map { index, value in
            value
                + Self.wave(
                    token: place(ofRow: index / width, operands, capacity), column: index % width,
                    width: width)
        }
        return .init(operands[0].shape, values)
    }
}

/// Refuses places of tokens that do not fit the tokens, where they are an operand.
func requirePositions(_ operands: [TensorType], _ capacity: Int?, name: String) throws {
    guard let capacity else { return }
    let expected = TensorType(Shape(Array(operands[0].shape.dimensions.prefix(2))), .int32)
    guard operands.count == 2, operands[1] == expected, capacity > 0 else {
        throw ShapeError(
            "\(name): the places of tokens are \(operands.dropFirst().map(\.description)), expected \(expected)",
            remedy: "give a place for each token")
    }
}

/// The place of a token by its row of [batch·tokens]: as the operand says where there is one, else its number in its
/// sample.
func place(ofRow row: Int, _ operands: [ReferenceArray], _ capacity: Int?) -> Int {
    guard let capacity else { return row % operands[0].shape[1] }
    return min(max(Int(operands[1].values[row]), 0), capacity - 1)
}

extension Tensor {
    /// These tokens [batch, tokens, width] with the rows of a table [context, width] added by position.
    public func addingPositions(_ table: Tensor) throws -> Tensor {
        try graph.apply(AddPositions(), to: [self, table])
    }

    /// These tokens [batch, tokens, width] with sines and cosines added by position.
    /// - Parameter positions: the places of the tokens, int32 [batch, tokens], and how many places there are.
    public func addingSinusoids(at positions: (ids: Tensor, capacity: Int)? = nil) throws -> Tensor {
        try graph.apply(
            AddSinusoids(capacity: positions?.capacity), to: [self] + (positions.map { [$0.ids] } ?? []))
    }
}
