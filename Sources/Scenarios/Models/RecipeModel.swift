import Diagnostics
import Graphs
import NeuralNetworks
import Recipes

extension ModelPart {
    /// The network that a recipe's `model` describes.
    /// - Throws: `LockstepError` where the kind does not fit the data.
    func network(_ fitted: any FittedFormat, outputs: Int) throws -> any Layer {
        switch self {
        case .dense(let part):
            return DenseNetwork(
                hidden: part.hidden, outputs: outputs, activation: part.activation.function,
                dropout: part.dropout, bias: part.bias, initializer: part.initializer.values)
        case .pooledText(let part):
            let tokens = try tokens(of: fitted)
            return PooledTextNetwork(
                vocabularySize: tokens.identifierCount, width: part.embedding, hidden: part.dense.hidden,
                outputs: outputs, paddingID: tokens.paddingID, activation: part.dense.activation.function,
                dropout: part.dense.dropout, bias: part.dense.bias,
                initializer: part.dense.initializer.values)
        }
    }

    /// The vocabulary, for kinds that read tokens. Recipes are checked for it; recipes in code may not be.
    private func tokens(of fitted: any FittedFormat) throws -> TokenInput {
        guard let tokens = fitted.tokens else {
            throw LockstepError(
                .usage, "model.kind '\(kind.rawValue)' reads token ids, the data has none",
                remedy: "use data.format: " + kind.formats.map(\.rawValue).joined(separator: " or "))
        }
        return tokens
    }
}

extension DensePart.Activation {
    /// The function that a recipe's `model.activation` names.
    var function: Graphs.Activation {
        switch self {
        case .relu: .relu
        case .sigmoid: .sigmoid
        case .tanh: .tanh
        case .gelu: .gelu
        case .geluTanh: .geluTanh
        case .silu: .silu
        case .softplus: .softplus
        case .leakyReLU: .leakyReLU
        case .elu: .elu
        }
    }
}

extension DensePart.Initializer {
    var values: any Graphs.Initializer {
        switch self {
        case .glorot: Glorot()
        case .he: He()
        case .normal: Normal(deviation: 0.05)
        }
    }
}
