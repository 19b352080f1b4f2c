import Graphs

/// Dense layers on a row of numbers: the model of `model.kind: dense`.
public struct DenseNetwork: Layer {
    /// Hidden layers, each followed by dropout where asked, and the output layer.
    public let layers: Sequential

    /// Creates a network.
    /// - Parameters:
    ///   - hidden: the widths of the hidden layers.
    ///   - outputs: one a class, or one for a binary or numeric answer.
    ///   - dropout: the rate after each hidden layer.
    public init(
        hidden: [Int], outputs: Int, activation: Activation = .relu, dropout: Double = 0, bias: Bool = true,
        initializer: any Initializer = Glorot()
    ) {
        layers = Sequential {
            for width in hidden {
                Dense(width, activation: activation, bias: bias, initializer: initializer)
                if dropout > 0 { Dropout(dropout) }
            }
            Dense(outputs, bias: bias, initializer: initializer)
        }
    }

    /// Applies the layers to [batch, ...], flattened to [batch, features].
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try layers(Flatten()(input)) }
}
