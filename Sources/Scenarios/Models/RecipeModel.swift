import Diagnostics
import Graphs
import NeuralNetworks
import Recipes

extension ModelPart {
    /// The network that a recipe's `model` describes.
    /// - Throws: `LockstepError` where the kind does not fit the data.
    func network(_ fitted: any FittedFormat, outputs: Int, task: Recipe.TaskKind) throws -> any Layer {
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
        case .cnn(let part):
            return ConvolutionalClassifier(
                convolutions: part.convolutions, hidden: part.hidden, classes: outputs,
                padding: part.padding == .same ? .same : .valid, batchNorm: part.batchNorm,
                dropout: part.dropout)
        case .resnet(let part):
            return part.depth == 18
                ? ResidualNetwork.resNet18(classes: outputs, smallImages: part.smallImages)
                : try ResidualNetwork.cifar(
                    depth: part.depth, classes: outputs, projects: part.projection)
        case .transformer(let part):
            let tokens = try tokens(of: fitted)
            return task == .maskedLanguage
                ? MaskedLanguageModel(part.configuration(tokens), readsPlaces: true)
                : part.classifier(tokens, outputs: outputs)
        case .lstm(let part): return part.network(.lstm, try tokens(of: fitted), outputs: outputs)
        case .gru(let part): return part.network(.gru, try tokens(of: fitted), outputs: outputs)
        case .textCNN(let part):
            return TextCNN(
                vocabularySize: try tokens(of: fitted).identifierCount, width: part.embedding,
                channels: part.channels, lengths: part.lengths, outputs: outputs, dropout: part.dropout)
        case .gpt(let part):
            let tokens = try tokens(of: fitted)
            return GPT(
                GPT.Configuration(
                    vocabularySize: tokens.identifierCount, context: tokens.length, layers: part.layers,
                    width: part.width, heads: part.heads, dropout: part.dropout))
        case .translation(let part):
            let tokens = try tokens(of: fitted)
            var configuration = EncoderDecoderTransformer.Configuration(
                vocabularySize: tokens.identifierCount, layers: part.layers, width: part.width,
                heads: part.heads, hidden: part.hidden, dropout: part.dropout)
            configuration.paddingID = tokens.paddingID
            configuration.order = part.norms == .before ? .before : .after
            return EncoderDecoderTransformer(configuration)
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

extension TransformerPart {
    /// The encoder's sizes.
    func configuration(_ tokens: TokenInput) -> TransformerEncoder.Configuration {
        var configuration = TransformerEncoder.Configuration(
            vocabularySize: tokens.identifierCount, context: tokens.length, layers: layers, width: width,
            heads: heads, hidden: feedForward)
        configuration.paddingID = tokens.paddingID
        configuration.dropout = dropout
        return configuration
    }

    /// The classifier with its encoder.
    func classifier(_ tokens: TokenInput, outputs: Int) -> any Layer {
        pooling == .first
            ? BERTClassifier(configuration(tokens), classes: outputs)
            : MeanPooledClassifier(configuration(tokens), classes: outputs)
    }
}

extension RecurrentPart {
    /// The classifier with its recurrent layers.
    func network(_ kind: RecurrentClassifier.Kind, _ tokens: TokenInput, outputs: Int) -> any Layer {
        RecurrentClassifier(
            kind, vocabularySize: tokens.identifierCount, width: embedding, hiddenSize: width,
            outputs: outputs, layerCount: layers, isBidirectional: bidirectional,
            paddingID: tokens.paddingID, pooling: pooling == .last ? .last : .mean, dropout: dropout)
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
