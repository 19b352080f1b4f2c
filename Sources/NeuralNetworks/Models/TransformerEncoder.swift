import Diagnostics
import Graphs

/// A transformer that reads a text at once, of the shape of BERT (Devlin et al. 2019): int32 tokens [batch, tokens], and
/// token types of the same shape where a second input gives them, → [batch, tokens, width].
///
/// Learned positions and token types, norms after each part, exact GELU. Parameters have the names of Hugging Face's
/// BertModel, so that its checkpoints load.
public struct TransformerEncoder: Layer {
    /// The sizes.
    public struct Configuration: Sendable {
        /// Ids of tokens.
        public var vocabularySize: Int
        /// The most tokens of a sample.
        public var context: Int
        /// Blocks.
        public var layers: Int
        /// Numbers a token.
        public var width: Int
        /// Heads of attention; they divide the width.
        public var heads: Int
        /// Numbers between the products of a block.
        public var hidden: Int
        /// Types of tokens (first or second text).
        public var tokenTypes = 2
        /// The id of padding, which no token attends to; `nil` when every id is a token.
        public var paddingID: Int? = 0
        /// The rate of dropout after the embedding, each part of a block, and of the weights of attention.
        public var dropout = 0.0
        /// The variance that norms add.
        public var epsilon = 1e-12

        /// Sizes; those of BERT-base unless told otherwise.
        public init(
            vocabularySize: Int = 30_522, context: Int = 512, layers: Int = 12, width: Int = 768,
            heads: Int = 12, hidden: Int? = nil
        ) {
            (self.vocabularySize, self.context, self.layers) = (vocabularySize, context, layers)
            (self.width, self.heads, self.hidden) = (width, heads, hidden ?? 4 * width)
        }
    }

    /// The sizes.
    public let configuration: Configuration
    /// Tokens.
    public let tokens: Embedding
    /// Positions.
    public let positions: LearnedPositions
    /// Types of tokens.
    public let types: TokenTypes
    /// The norm of the embedding.
    public let norm: LayerNorm
    /// The blocks.
    public let blocks: [TransformerBlock]

    /// Creates an encoder.
    public init(_ configuration: Configuration) {
        self.configuration = configuration
        let (width, small) = (configuration.width, Normal(deviation: 0.02))
        let makeNorm = { LayerNorm(epsilon: configuration.epsilon) }
        tokens = Embedding(
            configuration.vocabularySize, width, paddingID: configuration.paddingID, initializer: small)
        positions = LearnedPositions(configuration.context, initializer: small)
        types = TokenTypes(configuration.tokenTypes, initializer: small)
        norm = makeNorm()
        var options = MultiHeadAttention.Options(heads: configuration.heads)
        options.dropout = configuration.dropout
        blocks = (0..<configuration.layers).map { _ in
            TransformerBlock(
                attention: MultiHeadAttention(
                    width: width, options, initializer: small),
                feedForward: FeedForward(
                    width: width, hidden: configuration.hidden, activation: .gelu, initializer: small),
                norm: makeNorm, order: .after, dropout: configuration.dropout, names: .bert)
        }
    }

    /// The layers by the names of BertModel.
    public var namedLayers: [(name: String, layer: any Layer)] {
        let embeddings: [(name: String, layer: any Layer)] = [
            ("word_embeddings", tokens), ("position_embeddings", positions),
            ("token_type_embeddings", types), ("LayerNorm", norm),
        ]
        return embeddings.map { ("embeddings." + $0.name, $0.layer) }
            + blocks.enumerated().map { ("encoder.layer.\($0.offset)", $0.element) }
    }

    /// Traces the encoder on tokens that are all of the first type.
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try callAsFunction(input, types: nil) }

    /// Traces the encoder on tokens and, as a second input, their types.
    public func trace(inputs: [Tensor]) throws -> Tensor {
        guard (1...2).contains(inputs.count) else {
            throw LockstepError(
                .usage, "an encoder takes tokens and token types, got \(inputs.count) inputs",
                remedy: "feed it one field or two")
        }
        return try callAsFunction(inputs[0], types: inputs.count == 2 ? inputs[1] : nil)
    }

    /// Traces the encoder.
    public func callAsFunction(_ input: Tensor, types given: Tensor?) throws -> Tensor {
        let embedded = try positions(types(tokens(input), given))
        var value = try Dropout(configuration.dropout)(norm(embedded))
        for (index, block) in blocks.enumerated() {
            let path = input.graph.path.isEmpty ? "" : input.graph.path + "."
            value = try input.graph.scope("\(path)encoder.layer.\(index)") { try block(value) }
        }
        return value
    }
}

/// A learned row for each type of token, added to the tokens: [batch, tokens, width].
public final class TokenTypes: Layer {
    /// How many types there are.
    public let count: Int
    private let initializer: any Initializer

    /// Creates a layer.
    public init(_ count: Int, initializer: any Initializer = Normal(deviation: 0.02)) {
        self.count = count
        self.initializer = initializer
    }

    /// Adds the first type's row to every token.
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try callAsFunction(input, nil) }

    /// Adds to every token the row of its type, int32 [batch, tokens]; that of the first type without.
    public func callAsFunction(_ input: Tensor, _ types: Tensor?) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: self, kind: "types") {
            let width = input.shape.dimensions.last ?? 1
            let table = try graph.parameter(
                "weight", of: self, shape: [count, width], initializer: initializer)
            var result: Tensor
            if let types {
                result = try input + table.lookup(types)
            } else {
                // Every token stands alone: its position is the first, and so is the row.
                let tokens = Shape([input.shape.elementCount / max(1, width), 1, width])
                result = try input.reshaped(to: tokens).addingPositions(table).reshaped(to: input.shape)
            }
            result.mask = input.mask
            return result
        }
    }
}
