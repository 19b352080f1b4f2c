import Graphs

/// Kim's convolutional network for sentences (2014): word vectors, convolutions of several lengths over them, the
/// greatest value of each channel over time, dropout and a dense layer.
public struct TextCNN: Layer {
    /// The word vectors.
    public let embedding: Embedding
    /// One convolution a length, each with ReLU.
    public let convolutions: [Conv1d]
    /// The output layer.
    public let classifier: Dense
    private let dropout: Dropout

    /// Creates a network.
    /// - Parameters:
    ///   - vocabularySize: ids that the tokenizer gives, padding and out-of-vocabulary included.
    ///   - width: numbers a word vector.
    ///   - channels: outputs of each convolution.
    ///   - lengths: how many tokens each convolution sees at a time; texts must be at least as long.
    ///   - dropout: the rate on the pooled channels.
    public init(
        vocabularySize: Int, width: Int, channels: Int = 100, lengths: [Int] = [3, 4, 5], outputs: Int,
        dropout: Double = 0.5
    ) {
        embedding = Embedding(vocabularySize, width)
        convolutions = lengths.map { Conv1d(channels, kernel: $0, activation: .relu) }
        classifier = Dense(outputs)
        self.dropout = Dropout(dropout)
    }

    /// [batch, tokens] of int32 ids → [batch, outputs].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        guard !convolutions.isEmpty else {
            throw input.misfit("TextCNN without convolutions", remedy: "state at least one length")
        }
        let words = try embedding(input)
        guard words.shape.rank == 3 else {
            throw input.misfit(
                "TextCNN takes ids [batch, tokens], got \(input.shape)",
                remedy: "tokenize each text to one row")
        }
        // Convolutions take the width as channels.
        let sequence = try words.permuted([0, 2, 1])
        let pooled = try convolutions.map { try GlobalMaxPool()($0(sequence)) }
        return try classifier(dropout(input.graph.concatenate(pooled, axis: 1)))
    }
}
