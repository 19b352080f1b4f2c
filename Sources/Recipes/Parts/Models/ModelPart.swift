/// The network: the group `model` of a recipe. Each kind has a part of its own in this folder and reads no other keys.
public enum ModelPart: Sendable, Equatable {
    /// The family of networks.
    public enum Kind: String, Sendable, CaseIterable {
        /// Dense layers over the columns of a table.
        case dense
        /// Word embeddings, their mean over the words, then dense layers.
        case pooledText

        /// The formats of data that a kind reads.
        public var formats: [DataPart.Format] {
            switch self {
            case .dense: [.table]
            case .pooledText: [.text, .lines]
            }
        }

        /// The tasks that a kind can do.
        public var tasks: [Recipe.TaskKind] {
            switch self {
            case .dense, .pooledText: [.classification, .binaryClassification, .regression]
            }
        }
    }

    /// Dense layers over the columns of a table.
    case dense(DensePart)
    /// Word embeddings, their mean over the words, then dense layers.
    case pooledText(PooledTextPart)

    /// The family of networks.
    public var kind: Kind {
        switch self {
        case .dense: .dense
        case .pooledText: .pooledText
        }
    }

    /// The kind's keys.
    var part: any NetworkPart {
        switch self {
        case .dense(let part): part
        case .pooledText(let part): part
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
        }
        try reader.finish(for: "model kind '\(kind.rawValue)'")
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("kind", kind.rawValue)
        part.flatten(into: &keys)
    }
}
