/// How a graph decodes: its model reads a few new tokens of sequences of which earlier calls have read the start, and
/// whose keys and values they kept.
public struct Decoding: Sendable {
    /// The most tokens of a sequence.
    public let capacity: Int
    /// The node of the new tokens' places, int32 [batch, tokens].
    let positions: Int
    /// Sequences that another one's keys and values come from (source sentences), and the tokens of each; `nil`
    /// where there are none.
    let memory: (sequences: Int, tokens: Int)?
    /// The fields that keep keys and values, in the order in which layers asked for them.
    public fileprivate(set) var fields: [ModelTrace.Field] = []
}

extension Graph {
    /// Says that the model is to be traced on new tokens only.
    /// - Parameters:
    ///   - positions: the places of the new tokens, int32 [batch, tokens].
    ///   - capacity: the most tokens of a sequence.
    ///   - memory: sequences that are attended to besides, and the tokens of each.
    public func decode(positions: Tensor, capacity: Int, memory: (sequences: Int, tokens: Int)? = nil) {
        decoding = Decoding(capacity: capacity, positions: positions.node, memory: memory)
    }

    /// The places of the new tokens and how many there are, where the graph decodes.
    public var decodingPositions: (ids: Tensor, capacity: Int)? {
        decoding.map { (Tensor(graph: self, node: $0.positions), $0.capacity) }
    }

    /// A field for the keys and values of an attention of a sequence to itself: [batch, capacity, width].
    /// - Throws: `LockstepError` where the graph does not decode.
    public func cache(width: Int) throws -> Tensor {
        guard let decoding else { throw refusal("a cache outside of decoding", remedy: "call decode first") }
        let samples = nodes[decoding.positions].type.shape[0]
        return keep("cache", rows: samples, [decoding.capacity, width])
    }

    /// A field with the keys and values of the sequences that are attended to besides: [sequences, tokens, width].
    /// - Throws: `LockstepError` where there are none.
    public func memory(width: Int) throws -> Tensor {
        guard let memory = decoding?.memory else {
            throw refusal(
                "a decoder attends to another sequence, of which nothing is kept",
                remedy: "decode with the memory of an encoder")
        }
        return keep("memory", rows: memory.sequences, [memory.tokens, width])
    }

    private func keep(_ name: String, rows: Int, _ shape: [Int]) -> Tensor {
        let field = ModelTrace.Field("\(name).\(decoding?.fields.count ?? 0)", Shape(shape))
        decoding?.fields.append(field)
        return input(field.name, TensorType(Shape([rows] + shape)))
    }
}
