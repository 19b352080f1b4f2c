import Diagnostics
import Foundation

/// The identifiers of texts, computed once into a file that is mapped into memory: two bytes a token where the
/// vocabulary allows it, else four.
///
/// The file's name says what is in it: the texts' contents, the tokenizer and the options. Ranks of a node share one
/// file; see `CachedFile`. A text of any size is tokenized through a buffer of fixed size.
public final class TokenFile: Sendable {
    /// What is one document.
    public enum Documents: String, Codable, Sendable, CaseIterable {
        /// Each file.
        case files
        /// Each line of each file.
        case lines
    }

    /// All tokens, those that end documents counted.
    public let count: Int
    /// The number of documents.
    public let documentCount: Int
    /// Identifiers in use by the tokenizer.
    public let identifierCount: Int
    /// The file.
    public var path: String { file.path }

    private let file: MappedFile
    private let isWide: Bool
    private let tokensOffset: Int
    private let documentsOffset: Int

    /// Opens the token file of texts, and makes it first where it is missing.
    /// - Parameters:
    ///   - paths: the texts, read one after the other.
    ///   - documents: whether files or lines are documents.
    ///   - endOfDocument: a token that is put after each document, or nil for none.
    ///   - folder: where token files are kept; made where it is missing.
    /// - Throws: 65 for a text that is missing, empty or cannot be tokenized, with its line where lines are documents;
    ///   73 where the file cannot be written; 2 for an end of document that the tokenizer does not have.
    public init(
        of paths: [String], tokenizer: some TextTokenizer, documents: Documents = .files,
        endOfDocument: Int32? = nil, folder: String
    ) throws {
        guard !paths.isEmpty else { throw LockstepError(.usage, "there is no data file") }
        let identifierCount = tokenizer.identifierCount
        if let endOfDocument, !(0..<identifierCount).contains(Int(endOfDocument)) {
            throw LockstepError(.usage, "the tokenizer has no token \(endOfDocument) to end documents")
        }
        let texts = try paths.map { try TextLines(path: $0) }
        let options =
            UInt64(documents == .lines ? 1 : 0) << 32 | UInt64(UInt32(bitPattern: endOfDocument ?? -1))
        let key = texts.reduce(RandomMixer.key(seed: tokenizer.fingerprint, options, UInt64(identifierCount)))
        {
            RandomMixer.mix($0 ^ $1.fingerprint)
        }
        let name = "tokens-\(String(key, radix: 16)).cache"
        let path = try CachedFile.path(
            folder: folder, name: name, isValid: { Layout(readFrom: $0, key: key) != nil },
            write: { path in
                let writer = try TokenWriter(path: path, isWide: identifierCount > 1 << 16)
                for text in texts {
                    try writer.append(text, tokenizer, documents, endOfDocument)
                }
                try writer.finish(key: key, identifierCount: identifierCount)
            })
        guard let layout = Layout(readFrom: path, key: key) else {
            throw LockstepError(
                .inputOutput, "the token file changed while it was opened", at: FileLocation(path))
        }
        file = try MappedFile(path: path)
        (count, documentCount, self.identifierCount) = (
            layout.count, layout.documentCount, layout.identifierCount
        )
        (isWide, tokensOffset, documentsOffset) = (
            layout.isWide, Layout.headerByteCount, layout.documentsOffset
        )
    }

    /// The token at a position.
    public subscript(position: Int) -> Int32 {
        precondition((0..<count).contains(position), "position out of the token file's range")
        return token(position)
    }

    /// Writes the tokens of a range to `destination`.
    public func copy(_ range: Range<Int>, to destination: UnsafeMutablePointer<Int32>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range out of the token file's")
        for (offset, position) in range.enumerated() { destination[offset] = token(position) }
    }

    /// The positions of a document's tokens, the one that ends it counted.
    public func range(ofDocument document: Int) -> Range<Int> {
        precondition((0..<documentCount).contains(document), "document out of the token file's range")
        return start(ofDocument: document)..<start(ofDocument: document + 1)
    }

    @inline(__always)
    private func token(_ position: Int) -> Int32 {
        let tokens = UnsafeRawPointer(file.base) + tokensOffset
        return isWide
            ? tokens.load(fromByteOffset: 4 &* position, as: Int32.self)
            : Int32(tokens.load(fromByteOffset: 2 &* position, as: UInt16.self))
    }

    private func start(ofDocument document: Int) -> Int {
        Int(UnsafeRawPointer(file.base).load(fromByteOffset: documentsOffset + 8 * document, as: UInt64.self))
    }
}

extension TokenFile {
    /// The file, in the machine's byte order: a header of 64 bytes, the tokens, and from the next multiple of eight on
    /// the position at which each document begins, and the number of tokens.
    struct Layout {
        static let headerByteCount = 64
        static let magic: UInt64 = 0x314E_4B54_4B43_4F4C

        var key: UInt64
        var count: Int
        var documentCount: Int
        var identifierCount: Int
        var isWide: Bool

        var documentsOffset: Int { (Self.headerByteCount + count * (isWide ? 4 : 2) + 7) / 8 * 8 }

        var header: [UInt64] {
            [
                Self.magic, key, UInt64(count), UInt64(documentCount), UInt64(identifierCount),
                isWide ? 4 : 2, 0, 0,
            ]
        }

        init(key: UInt64, count: Int, documentCount: Int, identifierCount: Int, isWide: Bool) {
            (self.key, self.count, self.documentCount) = (key, count, documentCount)
            (self.identifierCount, self.isWide) = (identifierCount, isWide)
        }

        /// The layout of a file, or nil where it is missing, cut short or another.
        init?(readFrom path: String, key: UInt64) {
            guard let file = try? MappedFile(path: path), file.byteCount >= Self.headerByteCount else {
                return nil
            }
            let numbers = UnsafeRawBufferPointer(start: file.base, count: Self.headerByteCount)
                .bindMemory(to: UInt64.self)
            let limit = UInt64(file.byteCount)
            guard numbers[2] <= limit, numbers[3] <= limit, numbers[4] <= UInt64(Int32.max) else {
                return nil
            }
            self.init(
                key: key, count: Int(numbers[2]), documentCount: Int(numbers[3]),
                identifierCount: Int(numbers[4]),
                isWide: numbers[5] == 4)
            guard header.elementsEqual(numbers), file.byteCount == documentsOffset + 8 * (documentCount + 1)
            else {
                return nil
            }
        }
    }
}

/// Writes a token file document by document.
private final class TokenWriter {
    private let writer: CacheWriter
    private let isWide: Bool
    private var count = 0
    private var starts: [UInt64] = []

    init(path: String, isWide: Bool) throws {
        writer = try CacheWriter(path: path)
        self.isWide = isWide
        try writer.append([UInt8](repeating: 0, count: TokenFile.Layout.headerByteCount))
    }

    func append(
        _ text: TextLines, _ tokenizer: some TextTokenizer, _ documents: TokenFile.Documents, _ end: Int32?
    ) throws {
        guard documents == .lines else {
            return try text.withAllBytes { try append($0, tokenizer, end, at: FileLocation(text.path)) }
        }
        for line in 0..<text.count {
            try text.withBytes(ofLine: line) {
                try append($0, tokenizer, end, at: text.location(ofLine: line))
            }
        }
    }

    private func append(
        _ bytes: UnsafeBufferPointer<UInt8>, _ tokenizer: some TextTokenizer, _ end: Int32?,
        at place: FileLocation
    ) throws {
        starts.append(UInt64(count))
        do {
            try tokenizer.encode(bytes) { try append($0) }
        } catch var error as LockstepError where error.location == nil {
            error.location = place
            throw error
        }
        if let end { try append([end]) }
    }

    private func append(_ tokens: [Int32]) throws {
        count += tokens.count
        if isWide {
            try writer.append(tokens)
        } else {
            try writer.append(tokens.map { UInt16(truncatingIfNeeded: $0) })
        }
    }

    func finish(key: UInt64, identifierCount: Int) throws {
        let layout = TokenFile.Layout(
            key: key, count: count, documentCount: starts.count, identifierCount: identifierCount,
            isWide: isWide)
        let written = TokenFile.Layout.headerByteCount + count * (isWide ? 4 : 2)
        try writer.append([UInt8](repeating: 0, count: layout.documentsOffset - written))
        try writer.append(starts + [UInt64(count)])
        try writer.flush()
        try writer.overwriteStart(with: layout.header.withUnsafeBytes { Array($0) })
    }
}
