import Graphs

/// Word vectors, recurrent layers, their last state or mean, dropout and an output layer.
public struct RecurrentClassifier: Layer {
    /// Which recurrent layers.
    public enum Kind: String, Sendable, CaseIterable {
        /// Simple layers with tanh.
        case rnn
        /// Long short-term memory.
        case lstm
        /// Gated recurrent units.
        case gru
    }

    /// The word vectors.
    public let embedding: Embedding
    /// The recurrent layers.
    public let recurrent: any Layer
    /// The output layer.
    public let head: Dense
    private let dropout: Dropout

    /// Creates a model.
    /// - Parameters:
    ///   - vocabularySize: ids that the tokenizer gives, padding and out-of-vocabulary included.
    ///   - width: numbers a word vector.
    ///   - outputs: one a class, or one for a binary or numeric answer.
    ///   - paddingID: the id behind a sample's end; `nil` when all samples fill all tokens.
    ///   - pooling: the last state or the mean; `.sequence` gives outputs for every token.
    ///   - dropout: the rate between recurrent layers and before the output layer.
    public init(
        _ kind: Kind = .lstm, vocabularySize: Int, width: Int, hiddenSize: Int, outputs: Int,
        layerCount: Int = 1, isBidirectional: Bool = false, paddingID: Int? = 0,
        pooling: RecurrentOutput = .last, dropout: Double = 0
    ) {
        embedding = Embedding(vocabularySize, width, paddingID: paddingID)
        recurrent =
            switch kind {
            case .rnn:
                RNN(
                    hiddenSize, layerCount: layerCount, isBidirectional: isBidirectional, dropout: dropout,
                    output: pooling)
            case .lstm:
                LSTM(
                    hiddenSize, layerCount: layerCount, isBidirectional: isBidirectional, dropout: dropout,
                    output: pooling)
            case .gru:
                GRU(
                    hiddenSize, layerCount: layerCount, isBidirectional: isBidirectional, dropout: dropout,
                    output: pooling)
            }
        self.dropout = Dropout(dropout)
        head = Dense(outputs)
    }

    /// [batch, tokens] of int32 ids → [batch, outputs].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try head(dropout(recurrent(embedding(input))))
    }
}
