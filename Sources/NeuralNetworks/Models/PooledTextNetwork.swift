import Graphs

/// The mean of a text's word vectors, then dense layers: the model of `model.kind: pooledText`.
public struct PooledTextNetwork: Layer {
    /// The word vectors.
    public let embedding: Embedding
    /// Dropout on the mean, hidden layers and the output layer.
    public let layers: DenseNetwork
    private let dropout: Dropout

    /// Creates a network.
    /// - Parameters:
    ///   - vocabularySize: ids that the tokenizer gives, padding and out-of-vocabulary included.
    ///   - paddingID: the id that does not count in the mean.
    public init(
        vocabularySize: Int, width: Int, hidden: [Int], outputs: Int, paddingID: Int? = 0,
        activation: Activation = .relu, dropout: Double = 0, bias: Bool = true,
        initializer: any Initializer = Glorot()
    ) {
        embedding = Embedding(vocabularySize, width, paddingID: paddingID)
        self.dropout = Dropout(dropout)
        layers = DenseNetwork(
            hidden: hidden, outputs: outputs, activation: activation, dropout: dropout, bias: bias,
            initializer: initializer)
    }

    /// [batch, tokens] of int32 ids → [batch, outputs].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try layers(dropout(MeanPool(axis: 1)(embedding(input))))
    }
}
