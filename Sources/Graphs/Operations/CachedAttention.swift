/// Attention of new tokens to those of a cache and to one another, for decoding token by token: what causal
/// ``Attention`` gives the last tokens of a sequence whose earlier keys and values are kept.
///
/// The operands are those of ``AttentionForm`` for the new tokens, their places int32 [batch, tokens] (one after the
/// other in a sample), and the cache [batch, capacity, 2·groups·width], a row of keys and values for each place; the
/// result is [batch, tokens, heads·width]. When it runs, the new tokens' keys and values are written into the cache,
/// which has to be a field that the caller keeps from call to call. A place outside of the cache gives zeros.
public struct CachedAttention: Operation {
    /// How queries, keys and values are handed over.
    public let form: AttentionForm
    /// Heads of the queries.
    public let heads: Int
    /// Heads of keys and values, each shared by `heads / groups` query heads.
    public let groups: Int
    /// `cached-attention`.
    public var name: String { "cached-attention" }

    /// Creates the operation.
    public init(_ form: AttentionForm, heads: Int, groups: Int) {
        (self.form, self.heads, self.groups) = (form, heads, groups)
    }

    /// The attention of the new tokens to one another; it knows the sizes.
    package var plain: Attention { Attention(form, heads: heads, groups: groups, isCausal: true) }

    /// [batch, tokens, heads·width].
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        let extents = try plain.extents(Array(operands.prefix(form.operandCount)))
        let (positions, cache) = (operands[form.operandCount], operands[form.operandCount + 1])
        let row = 2 * groups * extents.width
        guard positions == TensorType([extents.samples, extents.queries], .int32) else {
            throw ShapeError(
                "the places of new tokens are \(positions), expected int32 [\(extents.samples), \(extents.queries)]",
                remedy: "give a place for each new token")
        }
        guard cache.shape.rank == 3, cache.element == .float32, cache.shape[0] == extents.samples,
            cache.shape[2] == row
        else {
            throw ShapeError(
                "the cache is \(cache), expected float32 [\(extents.samples), capacity, \(row)]",
                remedy: "give a cache of this attention's keys and values")
        }
        return TensorType([extents.samples, extents.queries, heads * extents.width])
    }

    /// Row by row, as the attention of a whole sequence, most of which is in the cache.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let view = AttentionView(plain, Array(operands.prefix(form.operandCount)), context)
        let (positions, cache) = (operands[form.operandCount].values, operands[form.operandCount + 1])
        let (extents, row) = (view.extents, cache.shape[2])
        var result = ReferenceArray([extents.samples, extents.queries, heads * extents.width], repeating: 0)
        view.forEachRow { at in
            let start = Int(positions[at.sample * extents.queries])
            let count = Int(positions[at.sample * extents.queries + at.query]) + 1
            guard start >= 0, count <= cache.shape[1] else { return }
            let group = at.head / (heads / groups)
            func kept(_ place: Int, _ column: Int) -> Double {
                cache.values[(at.sample * cache.shape[1] + place) * row + column]
            }
            func key(_ place: Int, _ d: Int) -> Double {
                place < start
                    ? kept(place, group * extents.width + d) : view.key(at, place - start, d)
            }
            func value(_ place: Int, _ d: Int) -> Double {
                place < start
                    ? kept(place, row / 2 + group * extents.width + d) : view.value(at, place - start, d)
            }
            let scores = (0..<count).map { place in
                view.sumOverWidth { view.query(at, $0) * key(place, $0) } * extents.scale
            }
            let weights = Softmax().reference([.init([count], scores)], in: context).values
            for d in 0..<extents.width {
                result.values[view.place(at) + d] = (0..<count).reduce(0) { $0 + weights[$1] * value($1, d) }
            }
        }
        return result
    }
}

extension Tensor {
    /// Attention of these new tokens, the first of a ``CachedAttention``'s operands, to those of a cache.
    /// - Parameters:
    ///   - others: the further operands of the form.
    ///   - positions: the place of each new token.
    ///   - cache: the field that keeps keys and values.
    public func cachedAttention(
        _ form: AttentionForm, _ others: [Tensor], heads: Int, groups: Int, positions: Tensor, cache: Tensor
    ) throws -> Tensor {
        try graph.apply(
            CachedAttention(form, heads: heads, groups: groups), to: [self] + others + [positions, cache])
    }
}
