import Graphs

/// A classifier of texts of the shape of BERT (Devlin et al. 2019): int32 tokens [batch, tokens], and token types as an
/// optional second input, → logits [batch, classes]. Names are those of Hugging Face's BertForSequenceClassification.
public struct BERTClassifier: Layer {
    /// Reads the text.
    public let bert: PooledEncoder
    /// The output layer.
    public let classifier: Dense
    private let dropout: Dropout

    /// Creates a model.
    public init(_ configuration: TransformerEncoder.Configuration, classes: Int) {
        bert = PooledEncoder(configuration)
        classifier = Dense(classes, initializer: Normal(deviation: 0.02))
        dropout = Dropout(configuration.dropout)
    }

    /// Traces the model on tokens of one type.
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try trace(inputs: [input]) }

    /// Traces the model on tokens and their types.
    public func trace(inputs: [Tensor]) throws -> Tensor {
        try classifier(dropout(bert.trace(inputs: inputs)))
    }
}

/// A classifier of texts from the mean of an encoder's results over the tokens that count: int32 tokens
/// [batch, tokens] → logits [batch, classes]. The encoder's names are those of ``MaskedLanguageModel``, which may be
/// what it was trained as before.
public struct MeanPooledClassifier: Layer {
    /// Reads the text.
    public let bert: TransformerEncoder
    /// The output layer.
    public let classifier: Dense
    private let dropout: Dropout

    /// Creates a model.
    public init(_ configuration: TransformerEncoder.Configuration, classes: Int) {
        bert = TransformerEncoder(configuration)
        classifier = Dense(classes, initializer: Normal(deviation: 0.02))
        dropout = Dropout(configuration.dropout)
    }

    /// Traces the model on tokens of one type.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try classifier(dropout(MeanPool(axis: 1)(bert(input))))
    }
}

/// An encoder whose first token's result, after a layer with tanh, stands for the text: BertModel with its pooler,
/// [batch, tokens] → [batch, width].
public struct PooledEncoder: Layer {
    /// Reads the text.
    public let encoder: TransformerEncoder
    /// The layer on the first token.
    public let pooler: Dense

    /// Creates a model.
    public init(_ configuration: TransformerEncoder.Configuration) {
        encoder = TransformerEncoder(configuration)
        pooler = Dense(configuration.width, activation: .tanh, initializer: Normal(deviation: 0.02))
    }

    /// The encoder's layers, and `pooler.dense`.
    public var namedLayers: [(name: String, layer: any Layer)] {
        encoder.namedLayers + [("pooler.dense", pooler)]
    }

    /// Traces the model on tokens of one type.
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try trace(inputs: [input]) }

    /// Traces the model on tokens and their types.
    public func trace(inputs: [Tensor]) throws -> Tensor {
        let read = try encoder.trace(inputs: inputs)
        let first = try read.sliced(axis: 1, 0..<1).reshaped(to: [read.shape[0], read.shape[2]])
        return try pooler(first)
    }
}

/// An encoder that guesses tokens that were masked: int32 tokens [batch, tokens], and token types as an optional second
/// input, → logits [batch, tokens, vocabulary]; or, with the places of the guessed tokens, int32 [batch, k], as its last
/// input, → [batch, k, vocabulary]. Names are those of Hugging Face's BertForMaskedLM; the output is the embedding's table.
public struct MaskedLanguageModel: Layer {
    /// Reads the text.
    public let encoder: TransformerEncoder
    /// The layer before the output, and its norm.
    public let transform: (dense: Dense, norm: LayerNorm)
    /// The output's bias.
    public let bias: OutputBias
    /// Whether the last input says which tokens are guessed.
    public let readsPlaces: Bool

    /// Creates a model.
    public init(_ configuration: TransformerEncoder.Configuration, readsPlaces: Bool = false) {
        self.readsPlaces = readsPlaces
        encoder = TransformerEncoder(configuration)
        transform = (
            Dense(configuration.width, activation: .gelu, initializer: Normal(deviation: 0.02)),
            LayerNorm(epsilon: configuration.epsilon)
        )
        bias = OutputBias()
    }

    /// The layers by the names of BertForMaskedLM.
    public var namedLayers: [(name: String, layer: any Layer)] {
        [
            ("bert", encoder), ("cls.predictions.transform.dense", transform.dense),
            ("cls.predictions.transform.LayerNorm", transform.norm), ("cls.predictions", bias),
        ]
    }

    /// Traces the model on tokens of one type.
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try trace(inputs: [input]) }

    /// Traces the model on tokens and their types, and the places of those that are guessed.
    public func trace(inputs: [Tensor]) throws -> Tensor {
        var read = try encoder.trace(inputs: readsPlaces ? Array(inputs.dropLast()) : inputs)
        if readsPlaces, let places = inputs.last { read = try read.gatheredWithin(places) }
        return try bias(encoder.tokens.asOutput(transform.norm(transform.dense(read))))
    }
}

/// A bias of its own, for an output layer whose matrix is another layer's.
public final class OutputBias: Layer {
    /// Creates a layer.
    public init() {}

    /// Traces the sum.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: self, kind: "bias") {
            let bias = try graph.parameter(
                "bias", of: self, shape: [input.shape.dimensions.last ?? 1], initializer: Zeros(),
                isRegularized: false)
            return try input.addingBias(bias)
        }
    }
}
