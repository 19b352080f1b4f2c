#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The operands of an attention seen as queries, keys and values, for the references.
struct AttentionView {
    /// One query of one head.
    struct Row {
        let sample: Int
        let head: Int
        let query: Int
    }

    let attention: Attention
    let operands: [ReferenceArray]
    let extents: AttentionExtents
    private let context: ReferenceContext

    /// The operands fit: the graph was checked when it was traced.
    init(_ attention: Attention, _ operands: [ReferenceArray], _ context: ReferenceContext) {
        self.context = context
        self.attention = attention
        self.operands = operands
        let count = attention.form.operandCount
        let types = operands.enumerated().map { TensorType($1.shape, $0 < count ? .float32 : .int32) }
        let none = AttentionExtents(samples: 0, queries: 0, keys: 0, width: 1)
        extents = (try? attention.extents(types)) ?? none
    }

    func forEachRow(_ body: (Row) -> Void) {
        for sample in 0..<extents.samples {
            for head in 0..<attention.heads {
                for query in 0..<extents.queries { body(Row(sample: sample, head: head, query: query)) }
            }
        }
    }

    func sumOverWidth(_ term: (Int) -> Double) -> Double { (0..<extents.width).reduce(0) { $0 + term($1) } }

    /// Where a row starts in the result.
    func place(_ row: Row) -> Int {
        ((row.sample * extents.queries + row.query) * attention.heads + row.head) * extents.width
    }

    typealias Place = (operand: Int, index: Int)

    /// Where number `d` of the row's query, and of a key and its value, stand in the operands.
    func places(_ row: Row, _ key: Int, _ d: Int) -> (query: Place, key: Place, value: Place) {
        let (heads, groups) = (attention.heads, attention.groups)
        let first = attention.form.firstHeads(heads: heads, groups: groups)
        let group = row.head / (heads / groups)
        func place(_ operand: Int, _ token: Int, _ tokens: Int, _ head: Int) -> Place {
            let width = operands[operand].shape[2]
            return (operand, (row.sample * tokens + token) * width + head * extents.width + d)
        }
        let at = attention.form.places
        return (
            place(at.query, row.query, extents.queries, row.head),
            place(at.key, key, extents.keys, first.key + group),
            place(at.value, key, extents.keys, first.value + group)
        )
    }

    private func number(_ place: Place) -> Double { operands[place.operand].values[place.index] }
    func query(_ row: Row, _ d: Int) -> Double { number(places(row, 0, d).query) }
    func key(_ row: Row, _ key: Int, _ d: Int) -> Double { number(places(row, key, d).key) }
    func value(_ row: Row, _ key: Int, _ d: Int) -> Double { number(places(row, key, d).value) }

    /// What dropout makes of the weight of the row's `place`-th key.
    private func factor(_ row: Row, _ place: Int) -> Double {
        guard let dropout = attention.dropout else { return 1 }
        let stream = RandomStream(
            seed: context.seed, purpose: UInt32(dropout.ordinal),
            UInt32(truncatingIfNeeded: context.firstSample + row.sample),
            UInt32(truncatingIfNeeded: context.step))
        let start = (row.head * extents.queries + row.query) * ((extents.keys + 3) / 4 * 4)
        return stream.word(start + place) >= dropout.threshold ? Double(dropout.scale) : 0
    }

    /// The keys that the row sees with their weights and dropout's factors, and the logarithm of the sum of e^score.
    func weights(_ row: Row) -> (weights: [(key: Int, weight: Double, factor: Double)], logSum: Double) {
        let visible = (0..<extents.keys).filter { key in
            let isPadding =
                attention.paddingID.map {
                    Int(operands[attention.form.operandCount].values[row.sample * extents.keys + key]) == $0
                } ?? false
            return !isPadding && !(attention.isCausal && key > row.query)
        }
        let scores = visible.map { key in
            sumOverWidth { self.query(row, $0) * self.key(row, key, $0) } * extents.scale
        }
        guard let greatest = scores.max() else { return ([], 0) }
        let sum = scores.reduce(0) { $0 + exp($1 - greatest) }
        let weights = zip(visible, scores).enumerated().map { place, pair in
            (key: pair.0, weight: exp(pair.1 - greatest) / sum, factor: factor(row, place))
        }
        return (weights, greatest + log(sum))
    }
}
