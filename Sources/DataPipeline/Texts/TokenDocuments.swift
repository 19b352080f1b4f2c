import Diagnostics

/// The documents of a token file as samples of one length: `tokens` [length] int32, cut at their end or filled up, then
/// `label` int32 where there are labels.
public struct TokenDocuments: Dataset {
    /// The number of documents.
    public var count: Int { file.documentCount }
    /// `tokens`, and `label` where there are labels.
    public let fields: [FieldSpec]
    /// False: tokens are widened on demand.
    public var isResident: Bool { false }
    /// Of each document its tokens, first and last one counted: what ``LengthBuckets`` sorts by.
    public let lengths: [Int]

    private let file: TokenFile
    private let labels: [Int32]
    private let sequence: TokenSequence

    /// The samples of a token file.
    /// - Parameters:
    ///   - labels: a class number each, or none at all.
    ///   - first: a token in front of each, such as `[CLS]`.
    ///   - last: a token after each, such as `[SEP]`; it stays where a document is cut.
    ///   - padding: fills short ones.
    /// - Throws: 65 where numbers of labels and documents differ; 2 for a length without room for a token.
    public init(
        _ file: TokenFile, labels: [Int32] = [], length: Int, first: Int32? = nil, last: Int32? = nil,
        padding: Int32
    ) throws {
        guard labels.isEmpty || labels.count == file.documentCount else {
            throw LockstepError(
                .badData, "there are \(labels.count) labels for \(file.documentCount) documents",
                at: FileLocation(file.path))
        }
        let frame = (first == nil ? 0 : 1) + (last == nil ? 0 : 1)
        guard ((frame + 1)...(1 << 24)).contains(length) else {
            throw LockstepError(.usage, "\(length) tokens are no room for a document", remedy: "use more")
        }
        let tokens = FieldSpec(name: "tokens", sampleShape: [length], element: .int32)
        fields =
            labels.isEmpty ? [tokens] : [tokens, FieldSpec(name: "label", sampleShape: [], element: .int32)]
        lengths = (0..<file.documentCount).map { file.range(ofDocument: $0).count + frame }
        (self.file, self.labels) = (file, labels)
        sequence = TokenSequence(length: length, first: first, last: last, filler: padding)
    }

    /// Writes the tokens or the label of a document.
    public func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) {
        if field == 1 { return destination.storeBytes(of: labels[index], as: Int32.self) }
        sequence.write(file, document: index, to: destination.assumingMemoryBound(to: Int32.self))
    }

    /// `document N`.
    public func describe(sample index: Int) -> String { "document \(index)" }
}
