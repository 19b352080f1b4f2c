import Diagnostics
import Graphs

/// Attention of several heads with its projections (Vaswani et al. 2017): every token's result is a mean of all tokens'
/// values, weighted by how well its query fits their keys. [batch, tokens, width] → the same shape.
///
/// Keys of padding (the input's mask) do not count. Projections are three, `q_proj`, `k_proj` and `v_proj`, or, packed,
/// one layer of queries, keys and values side by side, or, joint, the one matrix of torch.nn.MultiheadAttention;
/// `out_proj` comes last.
public struct MultiHeadAttention: Layer {
    /// Settings of an attention.
    public struct Options: Sendable {
        /// Heads of the queries; they divide the width.
        public var heads: Int
        /// Heads of keys and values, which queries share in groups (Ainslie et al. 2023); `nil`: as many.
        public var keyValueHeads: Int?
        /// Whether a token sees only itself and those before it.
        public var isCausal = false
        /// Whether projections add a bias.
        public var hasBias = true
        /// Whether one product computes queries, keys and values. Only for attention of a sequence to itself.
        public var isPacked = false
        /// Whether queries, keys and values have one matrix, `in_proj_weight`, as in torch.nn.MultiheadAttention: see
        /// ``JointProjection``.
        public var isJoint = false
        /// The base of rotary positions (Su et al. 2021); `nil` for none.
        public var rotaryBase: Double?
        /// The rate at which weights of attention are dropped while training, in [0, 1).
        public var dropout = 0.0
        /// How checkpoints hold the weights.
        public var storage = ParameterStorage.transposed

        /// Options with the defaults.
        public init(heads: Int) { self.heads = heads }
    }

    /// The settings.
    public let options: Options
    /// The width of input and output.
    public let width: Int
    /// Queries, keys and values, or all in one; empty where they are joint.
    public let projections: [Dense]
    /// Queries, keys and values out of one matrix, where asked for.
    public let joint: JointProjection?
    /// The output's projection.
    public let output: Dense

    /// Creates a layer.
    /// - Parameters:
    ///   - initializer: of the projections to heads.
    ///   - outputInitializer: of the output's projection; the same unless told otherwise.
    public init(
        width: Int, _ options: Options, initializer: any Initializer = Glorot(),
        outputInitializer: (any Initializer)? = nil
    ) {
        (self.width, self.options) = (width, options)
        let groups = options.keyValueHeads ?? options.heads
        let head = width / max(1, options.heads)
        let widths =
            options.isPacked
            ? [(options.heads + 2 * groups) * head] : [options.heads * head, groups * head, groups * head]
        projections =
            options.isJoint
            ? []
            : widths.map {
                Dense($0, bias: options.hasBias, initializer: initializer, storage: options.storage)
            }
        joint =
            options.isJoint
            ? JointProjection(
                queries: options.heads * head, keysAndValues: 2 * groups * head, bias: options.hasBias,
                initializer: initializer) : nil
        output = Dense(
            width, bias: options.hasBias, initializer: outputInitializer ?? initializer,
            storage: options.storage)
    }

    /// `q_proj`, `k_proj`, `v_proj` (packed: `in_proj`; joint: parameters of the attention itself) and `out_proj`.
    public var namedLayers: [(name: String, layer: any Layer)] {
        if let joint { return [("", joint), ("out_proj", output)] }
        let names = options.isPacked ? ["in_proj"] : ["q_proj", "k_proj", "v_proj"]
        return Array(zip(names, projections)) + [("out_proj", output)]
    }

    /// Attention of a sequence to itself.
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try attend(input, to: input) }

    /// Attention of one sequence to another, whose mask says which of its tokens count.
    public func attend(_ input: Tensor, to memory: Tensor) throws -> Tensor {
        if input.graph.decoding != nil, input.node != memory.node { return try attendToKept(input, memory) }
        try requireFit(input, memory)
        let head = width / options.heads
        let groups = options.keyValueHeads ?? options.heads
        var (form, operands) = try projected(input, memory)
        if let base = options.rotaryBase {
            let turning = form == .packed ? [options.heads + groups] : [options.heads, groups]
            for (index, heads) in turning.enumerated() {
                operands[index] = try operands[index].rotated(
                    heads: heads, width: head, base: base, at: input.graph.decodingPositions)
            }
        }
        let seen = try seen(input, form, operands, groups: groups, mask: memory.mask)
        var result = try output(seen)
        result.mask = input.mask
        return result
    }

    /// The attention itself: over all tokens, or, where the graph decodes, over those of a cache.
    private func seen(
        _ input: Tensor, _ form: AttentionForm, _ operands: [Tensor], groups: Int, mask: TokenMask?
    ) throws -> Tensor {
        guard let positions = input.graph.decodingPositions else {
            return try operands[0].attention(
                form, Array(operands.dropFirst()), heads: options.heads, groups: groups,
                isCausal: options.isCausal, mask: mask,
                dropout: input.graph.isTraining ? options.dropout : 0)
        }
        guard options.isCausal else {
            throw input.graph.refusal(
                "attention that sees later tokens cannot be decoded token by token",
                remedy: "generate with a model whose attention is causal")
        }
        let cache = try input.graph.cache(width: 2 * groups * (width / options.heads))
        return try operands[0].cachedAttention(
            form, Array(operands.dropFirst()), heads: options.heads, groups: groups,
            positions: positions.ids, cache: cache)
    }

    /// The keys and values of another sequence, side by side: what decoding keeps of it.
    func keysAndValues(of memory: Tensor) throws -> Tensor {
        if let joint { return try joint.memory(memory) }
        return try projections[1](memory).concatenated(with: projections[2](memory), axis: -1)
    }

    /// Attention to another sequence whose keys and values are kept; `memory` gives its mask. To each kept sequence
    /// belong several samples of the input, one after the other.
    private func attendToKept(_ input: Tensor, _ memory: Tensor) throws -> Tensor {
        let groups = options.keyValueHeads ?? options.heads
        let queries = try joint?.queries(input) ?? projections[0](input)
        let kept = try input.graph.memory(width: 2 * groups * (width / options.heads))
        let together = queries.shape[0] * queries.shape[1] / max(1, kept.shape[0])
        let seen = try queries.reshaped(to: [kept.shape[0], together, queries.shape[2]]).attention(
            .packedKeysAndValues, [kept], heads: options.heads, groups: groups, mask: memory.mask)
        return try output(seen.reshaped(to: queries.shape))
    }

    /// Queries, keys and values, and how they lie.
    private func projected(_ input: Tensor, _ memory: Tensor) throws -> (AttentionForm, [Tensor]) {
        if let joint {
            return input.node == memory.node
                ? (.packed, [try joint(input)])
                : (.packedKeysAndValues, try joint.queriesAndMemory(input, memory))
        }
        if options.isPacked { return (.packed, [try projections[0](input)]) }
        return (.separate, try zip(projections, [input, memory, memory]).map { try $0($1) })
    }

    private func requireFit(_ input: Tensor, _ memory: Tensor) throws {
        let place = input.graph.path.isEmpty ? "" : "layer '\(input.graph.path)': "
        guard options.heads > 0, width % options.heads == 0 else {
            throw LockstepError(
                .usage, "\(place)a width of \(width) cannot be cut into \(options.heads) heads",
                remedy: "make the width a multiple of the number of heads")
        }
        guard (0..<1).contains(options.dropout) else {
            throw LockstepError(
                .usage, "\(place)a dropout rate of \(options.dropout)",
                remedy: "use a rate from 0 up to, not including, 1")
        }
        guard input.shape.rank == 3, memory.shape.rank == 3 else {
            throw LockstepError(
                .usage,
                "\(place)attention takes [batch, tokens, width], got \(input.shape) and \(memory.shape)",
                remedy: "give it sequences of embedded tokens")
        }
        guard input.shape[2] == width else {
            throw LockstepError(
                .usage, "\(place)attention was made \(width) wide and gets \(input.shape)",
                remedy: "make it as wide as its input, or embed as wide as it")
        }
        guard !options.isJoint || (options.rotaryBase == nil && !options.isPacked) else {
            throw LockstepError(
                .usage, "\(place)attention with a joint matrix knows neither rotary positions nor isPacked",
                remedy: "leave isJoint off")
        }
        guard input.node == memory.node || !options.isPacked else {
            throw LockstepError(
                .usage, "\(place)attention to another sequence cannot have packed projections",
                remedy: "leave isPacked off")
        }
    }
}
