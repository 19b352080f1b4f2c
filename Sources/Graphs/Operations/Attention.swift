/// Scaled dot-product attention of several heads (Vaswani et al., "Attention is all you need", 2017): for every sample
/// and head softmax(Q·Kᵀ/√width)·V over the keys that count.
///
/// The operands are those of ``AttentionForm``, then, with padding, the keys' ids int32 [batch, keys]. The result is
/// [batch, queries, heads·width]. Scores are never written as a whole: memory is linear in the number of tokens
/// (Dao, "FlashAttention-2", 2023). A query that sees no key gets zeros.
public struct Attention: Operation {
    /// How queries, keys and values are handed over.
    public let form: AttentionForm
    /// Heads of the queries.
    public let heads: Int
    /// Heads of keys and values, each shared by `heads / groups` query heads (Ainslie et al. 2023).
    public let groups: Int
    /// Whether a query sees only the keys up to its own position.
    public let isCausal: Bool
    /// The id of keys that do not count; `nil` when all count and no ids are given.
    public let paddingID: Int?
    /// Sets weights to zero at random after the softmax; `nil` for none. The word of head h, query t and the c-th key
    /// that counts is (h·queries + t)·⌈keys⌉₄ + c, ⌈⌉₄ rounding up to a multiple of four.
    public let dropout: Dropout?
    /// `attention`.
    public var name: String { "attention" }

    /// Creates the operation.
    /// - Parameter groups: heads of keys and values; as many as of queries unless told otherwise.
    public init(
        _ form: AttentionForm, heads: Int, groups: Int? = nil, isCausal: Bool = false, paddingID: Int? = nil,
        dropout: Dropout? = nil
    ) {
        self.form = form
        self.heads = heads
        self.groups = groups ?? heads
        self.isCausal = isCausal
        self.paddingID = paddingID
        self.dropout = dropout
    }

    /// [batch, queries, heads·width].
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        let extents = try extents(operands)
        return TensorType([extents.samples, extents.queries, heads * extents.width])
    }

    /// The logarithm of the sum of e^score of every row, [batch, heads, queries].
    public func companionTypes(of operands: [TensorType]) throws -> [TensorType] {
        let extents = try extents(operands)
        return [TensorType([extents.samples, heads, extents.queries])]
    }

    /// One operation computes the gradients of all operands from the result and the logarithms.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let first = try upstream.graph.apply(
            AttentionGradient(self), to: [upstream, result, result.companion(0)] + operands)
        let others = (1..<form.operandCount).map { first.companion($0 - 1) }
        return [first] + others + (paddingID == nil ? [] : [nil])
    }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let view = AttentionView(self, operands, context)
        var result = ReferenceArray(
            [view.extents.samples, view.extents.queries, heads * view.extents.width], repeating: 0)
        view.forEachRow { row in
            for (key, weight, factor) in view.weights(row).weights {
                for d in 0..<view.extents.width {
                    result.values[view.place(row) + d] += weight * factor * view.value(row, key, d)
                }
            }
        }
        return result
    }

    /// Row by row; 0 for a query that sees no key.
    public func companionReferences(_ operands: [ReferenceArray], in context: ReferenceContext)
        -> [ReferenceArray]
    {
        let view = AttentionView(self, operands, context)
        var logs: [Double] = []
        view.forEachRow { logs.append(view.weights($0).logSum) }
        return [.init([view.extents.samples, heads, view.extents.queries], logs)]
    }
}

/// The gradients of ``Attention``: (upstream, result, logarithms, operands …) → the gradient of each of the operands
/// that hold numbers, of its shape; the first is the result, the others are companions.
public struct AttentionGradient: Operation {
    /// The operation.
    public let attention: Attention
    /// `attention-gradient`.
    public var name: String { "attention-gradient" }

    /// Creates the operation.
    public init(_ attention: Attention) { self.attention = attention }

    /// The first operand's type.
    public func resultType(of operands: [TensorType]) throws -> TensorType { operands[3] }

    /// The types of the others.
    public func companionTypes(of operands: [TensorType]) throws -> [TensorType] {
        Array(operands[4..<(3 + attention.form.operandCount)])
    }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        all(operands, context)[0]
    }

    /// Row by row.
    public func companionReferences(_ operands: [ReferenceArray], in context: ReferenceContext)
        -> [ReferenceArray]
    {
        Array(all(operands, context).dropFirst())
    }

    private func all(_ operands: [ReferenceArray], _ context: ReferenceContext) -> [ReferenceArray] {
        let view = AttentionView(attention, Array(operands[3...]), context)
        var results = operands[3..<(3 + attention.form.operandCount)].map {
            ReferenceArray($0.shape, repeating: 0)
        }
        let (upstream, scale) = (operands[0].values, view.extents.scale)
        view.forEachRow { row in
            let weights = view.weights(row).weights
            let slopes = weights.map { key, _, factor in
                factor * view.sumOverWidth { upstream[view.place(row) + $0] * view.value(row, key, $0) }
            }
            let mean = zip(weights, slopes).reduce(0) { $0 + $1.0.weight * $1.1 }
            for ((key, weight, factor), slope) in zip(weights, slopes) {
                let change = weight * (slope - mean) * scale
                for d in 0..<view.extents.width {
                    let (q, k, v) = view.places(row, key, d)
                    results[q.operand].values[q.index] += change * view.key(row, key, d)
                    results[k.operand].values[k.index] += change * view.query(row, d)
                    results[v.operand].values[v.index] += weight * factor * upstream[view.place(row) + d]
                }
            }
        }
        return results
    }
}

extension Tensor {
    /// Attention of this tensor as the first of an ``Attention``'s operands.
    /// - Parameters:
    ///   - others: the further operands of the form.
    ///   - mask: tokens of the keys that do not count.
    ///   - dropout: the rate at which weights are set to zero, in [0, 1).
    public func attention(
        _ form: AttentionForm, _ others: [Tensor] = [], heads: Int, groups: Int? = nil,
        isCausal: Bool = false, mask: TokenMask? = nil, dropout: Double = 0
    ) throws -> Tensor {
        let ids = mask?.paddingID == nil ? [] : mask.map { [Tensor(graph: graph, node: $0.ids)] } ?? []
        let operation = Attention(
            form, heads: heads, groups: groups, isCausal: isCausal, paddingID: mask?.paddingID,
            dropout: dropout > 0 ? Dropout(rate: dropout, ordinal: graph.nextDropoutOrdinal) : nil)
        return try graph.apply(operation, to: [self] + others + ids)
    }
}
