/// Dense layers: the keys of `model.kind: dense`, and the head of other kinds.
public struct DensePart: Sendable, Equatable {
    /// The function after each hidden layer.
    public enum Activation: String, Sendable, CaseIterable {
        /// max(0, x).
        case relu
        /// 1 / (1 + exp(-x)).
        case sigmoid
        /// The hyperbolic tangent.
        case tanh
        /// x · Φ(x), Φ the normal distribution.
        case gelu
        /// GELU by its tanh approximation.
        case geluTanh
        /// x / (1 + exp(-x)).
        case silu
        /// log(1 + exp(x)).
        case softplus
        /// x where positive, else x / 100.
        case leakyReLU
        /// x where positive, else exp(x) - 1.
        case elu
    }

    /// How the weights of dense layers begin; biases begin at zero.
    public enum Initializer: String, Sendable, CaseIterable {
        /// Uniform within ±√(6 / (inputs + outputs)).
        case glorot
        /// Normal with deviation √(2 / inputs).
        case he
        /// Normal with a fixed small deviation.
        case normal
    }

    /// The sizes of the hidden layers, first to last.
    public var hidden: [Int]
    /// The function after each hidden layer.
    public var activation: Activation
    /// The probability with which an input of a dense layer is dropped in training.
    public var dropout: Double
    /// How the weights of dense layers begin.
    public var initializer: Initializer
    /// Whether dense layers add a bias.
    public var bias: Bool

    /// Creates the part.
    public init(
        hidden: [Int] = [64, 64], activation: Activation = .relu, dropout: Double = 0,
        initializer: Initializer = .glorot, bias: Bool = true
    ) {
        self.hidden = hidden
        self.activation = activation
        self.dropout = dropout
        self.initializer = initializer
        self.bias = bias
    }
}

extension DensePart: NetworkPart {
    init(_ reader: RecipeReader) throws { try self.init(reader, hidden: [64, 64]) }

    /// Reads the keys; `hidden` is what holds where nothing is written.
    init(_ reader: RecipeReader, hidden standard: [Int]) throws {
        hidden = try reader.integers("hidden", in: 1...1_000_000, maximumCount: 1_000, default: standard)
        activation = try reader.choice("activation", default: .relu)
        dropout = try reader.number("dropout", .below(0, 1), default: 0)
        initializer = try reader.choice("initializer", default: .glorot)
        bias = try reader.flag("bias", default: true)
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("hidden", hidden)
        keys.add("activation", activation.rawValue)
        keys.add("dropout", dropout)
        keys.add("initializer", initializer.rawValue)
        keys.add("bias", bias)
    }
}
