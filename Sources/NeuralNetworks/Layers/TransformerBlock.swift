import Graphs

/// Where a transformer block's norms stand.
public enum NormOrder: String, Sendable, CaseIterable, Codable {
    /// x + f(norm(x)): trains without warm-up (Xiong et al. 2020; GPT-2, Llama).
    case before
    /// norm(x + f(x)): the first transformer's, and BERT's.
    case after
}

/// What a transformer block's layers are called in checkpoints.
public enum TransformerBlockNames: Sendable {
    /// torch.nn.TransformerEncoderLayer and TransformerDecoderLayer: `self_attn`, `multihead_attn`, `linear1`,
    /// `linear2`, `norm1` … (the attention's projections as ``MultiHeadAttention`` says).
    case torch
    /// Hugging Face's GPT-2: `ln_1`, `attn.c_attn`, `attn.c_proj`, `ln_2`, `mlp.c_fc`, `mlp.c_proj`.
    case gpt2
    /// Hugging Face's BERT: `attention.self.query`, `attention.output.dense`, `attention.output.LayerNorm`,
    /// `intermediate.dense`, `output.dense`, `output.LayerNorm`.
    case bert
    /// Hugging Face's Llama: `input_layernorm`, `self_attn.q_proj`, `self_attn.o_proj`, `post_attention_layernorm`,
    /// `mlp.gate_proj` …
    case llama
}

/// Attention, then two products for each token, each with a norm, dropout and a sum with what went in
/// (Vaswani et al. 2017). With a second attention, to another sequence, it is a decoder's block.
public struct TransformerBlock: Layer {
    /// Attention of the sequence to itself.
    public let attention: MultiHeadAttention
    /// Attention to the encoder's result, in a decoder.
    public let crossAttention: MultiHeadAttention?
    /// The products.
    public let feedForward: FeedForward
    /// The norms, one for each part above.
    public let norms: [any Layer]
    /// Where they stand.
    public let order: NormOrder
    private let dropout: Dropout
    private let names: TransformerBlockNames

    /// Creates a block.
    /// - Parameters:
    ///   - norm: makes a norm; called once a part.
    ///   - dropout: the rate after each part.
    public init(
        attention: MultiHeadAttention, crossAttention: MultiHeadAttention? = nil, feedForward: FeedForward,
        norm: () -> any Layer, order: NormOrder, dropout: Double = 0, names: TransformerBlockNames = .torch
    ) {
        (self.attention, self.crossAttention, self.feedForward) = (attention, crossAttention, feedForward)
        norms = (0..<(crossAttention == nil ? 2 : 3)).map { _ in norm() }
        (self.order, self.names) = (order, names)
        self.dropout = Dropout(dropout)
    }

    /// Traces the block on a sequence.
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try callAsFunction(input, memory: nil) }

    /// Traces the block on a sequence and, in a decoder, what the encoder made of another.
    public func callAsFunction(_ input: Tensor, memory: Tensor?) throws -> Tensor {
        try input.graph.block { try parts(input, memory) }
    }

    private func parts(_ input: Tensor, _ memory: Tensor?) throws -> Tensor {
        var value = try residual(input, norms[0]) { try attention($0) }
        if let crossAttention, let memory {
            value = try residual(value, norms[1]) { try crossAttention.attend($0, to: memory) }
        }
        return try residual(value, norms[norms.count - 1]) { try feedForward($0) }
    }

    /// x + f(norm(x)), or norm(x + f(x)).
    private func residual(_ input: Tensor, _ norm: any Layer, _ part: (Tensor) throws -> Tensor) throws
        -> Tensor
    {
        let change = try dropout(part(order == .before ? try norm(input) : input))
        var sum = try input + change
        sum.mask = input.mask
        return order == .after ? try norm(sum) : sum
    }

    /// The layers by the names of the block's namesake.
    public var namedLayers: [(name: String, layer: any Layer)] {
        switch names {
        case .torch: torchLayers
        case .gpt2: renamed(["attn.c_attn"], "attn.c_proj", ["mlp.c_fc", "mlp.c_proj"], ["ln_1", "ln_2"])
        case .bert:
            renamed(
                ["query", "key", "value"].map { "attention.self." + $0 }, "attention.output.dense",
                ["intermediate.dense", "output.dense"], ["attention.output.LayerNorm", "output.LayerNorm"])
        case .llama:
            renamed(
                ["q_proj", "k_proj", "v_proj"].map { "self_attn." + $0 }, "self_attn.o_proj",
                feedForward.namedLayers.map { "mlp." + $0.name },
                ["input_layernorm", "post_attention_layernorm"])
        }
    }

    private var torchLayers: [(name: String, layer: any Layer)] {
        [("self_attn", attention)] + (crossAttention.map { [("multihead_attn", $0)] } ?? [])
            + feedForward.namedLayers + norms.enumerated().map { ("norm\($0.offset + 1)", $0.element) }
    }

    private func renamed(_ projections: [String], _ output: String, _ products: [String], _ norms: [String])
        -> [(name: String, layer: any Layer)]
    {
        Array(zip(projections, attention.projections)) + [(output, attention.output)]
            + Array(zip(products, feedForward.namedLayers.map(\.layer))) + Array(zip(norms, self.norms))
    }
}
