import Diagnostics

/// Windows of a token file for language models: documents packed one after the other and cut without regard to their
/// ends. Fields: `tokens` [length] int32, and `targets` [length] int32, each the token after.
public struct TokenWindows: Dataset {
    /// The number of windows.
    public let count: Int
    /// `tokens` and `targets`.
    public let fields: [FieldSpec]
    /// False: tokens are widened on demand.
    public var isResident: Bool { false }

    private let file: TokenFile
    private let range: Range<Int>
    private let length: Int
    private let stride: Int
    private let ignoredTarget: Int32?

    /// The windows of a part of a token file.
    /// - Parameters:
    ///   - range: the part's positions; nil for all.
    ///   - stride: from one window's start to the next one's; nil for windows that do not overlap. With 1 every place
    ///     is a start, as for nanoGPT's random windows.
    ///   - ignoredTarget: with it the last window may be shorter than the others and is filled up with token 0 and this
    ///     target, so that every target of the part comes up once where windows do not overlap; without, a rest is
    ///     left out.
    /// - Throws: 65 for a part without a window; 2 for a length or a stride below 1.
    public init(
        _ file: TokenFile, range: Range<Int>? = nil, length: Int, stride: Int? = nil,
        ignoredTarget: Int32? = nil
    ) throws {
        let range = range ?? 0..<file.count
        let stride = stride ?? length
        guard (1...(1 << 24)).contains(length), stride >= 1, range.lowerBound >= 0,
            range.upperBound <= file.count
        else {
            throw LockstepError(
                .usage,
                "no windows of \(length) tokens, \(stride) apart, lie in \(range) of \(file.count) tokens",
                remedy: "use a length and a stride of at least 1")
        }
        let targetCount = range.count - 1
        count =
            ignoredTarget == nil
            ? max(0, (targetCount - length + stride) / stride) : max(0, (targetCount - 1 + stride) / stride)
        guard targetCount >= (ignoredTarget == nil ? length : 1) else {
            throw LockstepError(
                .badData, "\(range.count) tokens are too few for a window of \(length) and the token after",
                at: FileLocation(file.path), remedy: "use more text or shorter windows")
        }
        fields = ["tokens", "targets"].map { FieldSpec(name: $0, sampleShape: [length], element: .int32) }
        (self.file, self.range, self.length, self.stride) = (file, range, length, stride)
        self.ignoredTarget = ignoredTarget
    }

    /// Writes a window's tokens or targets.
    public func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) {
        let tokens = destination.assumingMemoryBound(to: Int32.self)
        let start = range.lowerBound + index * stride
        let valid = min(length, range.upperBound - 1 - start)
        file.copy((start + field)..<(start + field + valid), to: tokens)
        for place in valid..<length { tokens[place] = field == 0 ? 0 : ignoredTarget ?? 0 }
    }

    /// `token N`.
    public func describe(sample index: Int) -> String { "token \(range.lowerBound + index * stride)" }
}
