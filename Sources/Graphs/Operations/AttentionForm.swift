/// How ``Attention`` is handed queries, keys and values: always [batch, tokens, …] with the heads side by side, so that
/// a projection's result is taken as it lies and nothing is transposed or split.
public enum AttentionForm: Sendable {
    /// One tensor [batch, tokens, (heads + 2·groups)·width]: queries, then keys, then values.
    case packed
    /// Queries [batch, queries, heads·width], then keys and values in one, [batch, keys, 2·groups·width].
    case packedKeysAndValues
    /// Queries [batch, queries, heads·width], keys and values [batch, keys, groups·width].
    case separate

    /// How many operands hold numbers.
    public var operandCount: Int {
        switch self {
        case .packed: 1
        case .packedKeysAndValues: 2
        case .separate: 3
        }
    }

    /// Which operand holds the queries, keys and values.
    package var places: (query: Int, key: Int, value: Int) {
        switch self {
        case .packed: (0, 0, 0)
        case .packedKeysAndValues: (0, 1, 1)
        case .separate: (0, 1, 2)
        }
    }

    /// At which head of that operand keys and values start.
    package func firstHeads(heads: Int, groups: Int) -> (key: Int, value: Int) {
        switch self {
        case .packed: (heads, heads + groups)
        case .packedKeysAndValues: (0, groups)
        case .separate: (0, 0)
        }
    }

    /// How many heads stand side by side in each operand.
    func headCounts(heads: Int, groups: Int) -> [Int] {
        switch self {
        case .packed: [heads + 2 * groups]
        case .packedKeysAndValues: [heads, 2 * groups]
        case .separate: [heads, groups, groups]
        }
    }
}

/// The sizes of an attention.
package struct AttentionExtents: Equatable {
    package let samples: Int
    package let queries: Int
    package let keys: Int
    /// Numbers a head.
    package let width: Int

    /// 1/√width.
    package var scale: Double { 1 / Double(width).squareRoot() }
}

extension Attention {
    /// The sizes for operands of these types.
    /// - Throws: `ShapeError` when they do not fit.
    package func extents(_ operands: [TensorType]) throws -> AttentionExtents {
        try requireHeads()
        let numbers = Array(operands.prefix(form.operandCount))
        try requireNumbers(numbers, name: name)
        let shapes = numbers.map(\.shape)
        guard let first = shapes.first, shapes.allSatisfy({ $0.rank == 3 && $0[0] == first[0] }),
            shapes.dropFirst().allSatisfy({ $0[1] == shapes[1][1] })
        else {
            throw ShapeError(
                "attention takes [batch, tokens, width] of one batch, got \(described(shapes))",
                remedy: "give queries, keys and values of the same samples, and as many values as keys")
        }
        let counts = form.headCounts(heads: heads, groups: groups)
        let widths = zip(shapes, counts).map { $0[2] / $1 }
        guard let width = widths.first, width > 0, zip(shapes, counts).allSatisfy({ $0[2] == width * $1 })
        else {
            throw ShapeError(
                "\(described(shapes)) cannot be cut into \(heads) heads of one width (with \(groups) for keys and "
                    + "values)", remedy: "make the width a multiple of the number of heads")
        }
        let (queries, keys) = (first[1], shapes[form.places.key][1])
        guard !isCausal || queries == keys else {
            throw ShapeError(
                "causal attention of \(queries) queries over \(keys) keys",
                remedy: "use as many keys as queries, or attention that is not causal")
        }
        try requireIDs(operands, samples: first[0], keys: keys)
        return AttentionExtents(samples: first[0], queries: queries, keys: keys, width: width)
    }

    private func requireHeads() throws {
        guard heads > 0, groups > 0, heads % groups == 0 else {
            throw ShapeError(
                "\(heads) heads cannot share \(groups) heads of keys and values",
                remedy: "use a number of heads that is a positive multiple of the key and value heads")
        }
    }

    private func requireIDs(_ operands: [TensorType], samples: Int, keys: Int) throws {
        guard paddingID != nil else { return }
        guard let ids = operands.last, ids == TensorType([samples, keys], .int32) else {
            throw ShapeError(
                "the padding mask is \(operands.last.map(\.description) ?? "missing"), expected "
                    + "int32 [\(samples), \(keys)]", remedy: "give the ids of the tokens that keys come from")
        }
    }

    private func described(_ shapes: [Shape]) -> String {
        shapes.map(\.description).joined(separator: " and ")
    }
}
