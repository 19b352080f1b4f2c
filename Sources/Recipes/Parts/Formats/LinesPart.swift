/// Texts in one file a class, each line a sample; its keys stand directly in the group `data`.
///
/// `data.paths` names the files in the order of the classes' numbers; a class has the name of its file without the
/// ending, unless `data.classNames` gives others.
public struct LinesPart: Sendable, Equatable {
    /// How the bytes of a file stand for characters.
    public enum Encoding: String, Sendable, CaseIterable {
        /// UTF-8; a line that is none is bad data.
        case utf8
        /// ISO 8859-1: a byte a character.
        case latin1
    }

    /// How texts become tokens.
    public var tokenizer: TokenizerPart
    /// How the bytes of a file stand for characters.
    public var encoding: Encoding

    /// Creates the part.
    public init(tokenizer: TokenizerPart = TokenizerPart(), encoding: Encoding = .utf8) {
        self.tokenizer = tokenizer
        self.encoding = encoding
    }
}

extension LinesPart: FormatPart {
    init(_ reader: RecipeReader) throws {
        encoding = try reader.choice("encoding", default: .utf8)
        tokenizer = try TokenizerPart(reader)
    }

    /// A file is a class.
    func check(_ data: DataPart, _ reader: RecipeReader) throws {
        if data.split.kind == .files {
            throw reader.failure("split", "of kind files does not fit lines: a file is a class there")
        }
        if data.paths.count < 2 {
            throw reader.failure("paths", "names one file", remedy: "name one file a class, two or more")
        }
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("encoding", encoding.rawValue)
        tokenizer.flatten(into: &keys)
    }
}
