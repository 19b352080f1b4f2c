/// The network: the group `model` of a recipe. Each kind has a part of its own in this folder and reads no other keys.
public enum ModelPart: Sendable, Equatable {
    /// The family of networks.
    public enum Kind: String, Sendable, CaseIterable {
        /// Dense layers over the columns of a table.
        case dense
        /// Word embeddings, their mean over the words, then dense layers.
        case pooledText
        /// Convolutions with max pooling, then dense layers, on pictures.
        case cnn
        /// A residual network on pictures.
        case resnet
        /// A transformer that reads a text at once.
        case transformer
        /// Word vectors and long short-term memory.
        case lstm
        /// Word vectors and gated recurrent units.
        case gru
        /// Kim's convolutional network for sentences.
        case textCNN
        /// A causal transformer.
        case gpt
        /// An encoder-decoder transformer.
        case translation

        /// The formats of data that a kind reads.
        public var formats: [DataPart.Format] {
            switch self {
            case .dense: [.table]
            case .pooledText, .transformer, .lstm, .gru, .textCNN: [.text, .lines]
            case .cnn, .resnet: [.images]
            case .gpt: [.tokens]
            case .translation: [.parallel]
            }
        }

        /// The tasks that a kind can do.
        public var tasks: [Recipe.TaskKind] {
            switch self {
            case .dense, .pooledText, .cnn, .resnet, .lstm, .gru, .textCNN:
                [.classification, .binaryClassification, .regression]
            case .transformer: [.classification, .binaryClassification, .regression, .maskedLanguage]
            case .gpt: [.languageModel]
            case .translation: [.translation]
            }
        }

        /// Whether what a text is filled up with counts in what is said of it: such a kind cannot read texts of several
        /// lengths.
        var seesPadding: Bool { self == .textCNN }
    }

    /// Dense layers over the columns of a table.
    case dense(DensePart)
    /// Word embeddings, their mean over the words, then dense layers.
    case pooledText(PooledTextPart)
    /// Convolutions with max pooling, then dense layers, on pictures.
    case cnn(ConvolutionPart)
    /// A residual network on pictures.
    case resnet(ResidualPart)
    /// A transformer that reads a text at once.
    case transformer(TransformerPart)
    /// Word vectors and long short-term memory.
    case lstm(RecurrentPart)
    /// Word vectors and gated recurrent units.
    case gru(RecurrentPart)
    /// Kim's convolutional network for sentences.
    case textCNN(TextConvolutionPart)
    /// A causal transformer.
    case gpt(GPTPart)
    /// An encoder-decoder transformer.
    case translation(TranslationPart)

    /// The family of networks.
    public var kind: Kind {
        switch self {
        case .dense: .dense
        case .pooledText: .pooledText
        case .cnn: .cnn
        case .resnet: .resnet
        case .transformer: .transformer
        case .lstm: .lstm
        case .gru: .gru
        case .textCNN: .textCNN
        case .gpt: .gpt
        case .translation: .translation
        }
    }

    /// The kind's keys.
    var part: any NetworkPart {
        switch self {
        case .dense(let part): part
        case .pooledText(let part): part
        case .cnn(let part): part
        case .resnet(let part): part
        case .transformer(let part): part
        case .lstm(let part), .gru(let part): part
        case .textCNN(let part): part
        case .gpt(let part): part
        case .translation(let part): part
        }
    }
}

/// What one kind of network has in the group `model`.
protocol NetworkPart: Sendable, Equatable {
    /// Reads the kind's own keys.
    init(_ reader: RecipeReader) throws
    /// Adds the kind's own keys.
    func flatten(into keys: inout FlatKeys)
}

extension ModelPart {
    init(_ reader: RecipeReader) throws {
        let kind = try reader.choice("kind", default: Kind.dense)
        switch kind {
        case .dense: self = .dense(try DensePart(reader))
        case .pooledText: self = .pooledText(try PooledTextPart(reader))
        case .cnn: self = .cnn(try ConvolutionPart(reader))
        case .resnet: self = .resnet(try ResidualPart(reader))
        case .transformer: self = .transformer(try TransformerPart(reader))
        case .lstm: self = .lstm(try RecurrentPart(reader))
        case .gru: self = .gru(try RecurrentPart(reader))
        case .textCNN: self = .textCNN(try TextConvolutionPart(reader))
        case .gpt: self = .gpt(try GPTPart(reader))
        case .translation: self = .translation(try TranslationPart(reader))
        }
        try reader.finish(for: "model kind '\(kind.rawValue)'")
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("kind", kind.rawValue)
        part.flatten(into: &keys)
    }
}
