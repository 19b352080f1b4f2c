import DataPipeline
import Diagnostics
import Foundation
import Graphs
import Recipes

/// The lines of text files, one file a class.
public struct LineRows: RowSource {
    /// The rows of each file.
    public let fileRows: [Range<Int>]
    private let files: [TextLines]
    private let encoding: LinesPart.Encoding
    /// The lines of a file that are rows, where some are not.
    private let kept: [Int: [Int]]
    /// What was left out.
    public let warnings: [String]

    /// Opens files.
    /// - Throws: `LockstepError` (65) for a file that is missing, empty, or not in the encoding that the recipe says,
    ///   where the recipe does not skip such lines.
    init(paths: [String], _ part: LinesPart, onBadSample: DataPart.BadSamples) throws {
        let files = try paths.map { try TextLines(path: $0) }
        let bad = try part.encoding == .utf8 ? files.map { try Self.badLines($0, onBadSample) } : []
        let places = zip(files, bad).flatMap { file, lines in lines.map(file.location(ofLine:)) }
        warnings = LeftOut.warning(
            places, of: files.reduce(0) { $0 + $1.count } - places.count, "lines are not UTF-8")
        var (kept, next): ([Int: [Int]], Int) = ([:], 0)
        var fileRows: [Range<Int>] = []
        for (number, file) in files.enumerated() {
            let isBad = bad.isEmpty ? [] : Set(bad[number])
            if !isBad.isEmpty { kept[number] = (0..<file.count).filter { !isBad.contains($0) } }
            fileRows.append(next..<(next + file.count - isBad.count))
            next += file.count - isBad.count
        }
        (self.files, self.kept, self.fileRows, encoding) = (files, kept, fileRows, part.encoding)
    }

    /// The lines that are not UTF-8.
    /// - Throws: `LockstepError` (65) for the first, unless they are skipped.
    private static func badLines(_ file: TextLines, _ onBadSample: DataPart.BadSamples) throws -> [Int] {
        guard onBadSample == .stop else { return file.linesOutsideUTF8 }
        do {
            try file.checkUTF8()
        } catch var error as LockstepError {
            error.remedy =
                "write data.encoding: latin1 if it is that, convert it with iconv, or leave such lines out "
                + "with data.onBadSample: skip"
            throw error
        }
        return []
    }

    /// The number of lines.
    public var rowCount: Int { fileRows.last?.upperBound ?? 0 }
    /// Of all bytes of the files.
    public var fingerprint: UInt64 {
        files.reduce(UInt64(files.count)) { ($0 << 7 | $0 >> 57) ^ $1.fingerprint }
    }

    /// The line's number in its file, or in all of several files.
    public func name(ofRow row: Int) -> String { String(files.count == 1 ? place(ofRow: row).line : row) }

    /// The number of a line's file.
    public func classes() throws -> [Int32] {
        fileRows.enumerated().flatMap { number, rows in rows.map { _ in Int32(number) } }
    }

    /// Collects the words of the training lines; classes are the files.
    public func fit(_ recipe: Recipe, rows: [Int]) throws -> FittedData {
        guard case .lines(let part) = recipe.data.content else {
            throw LockstepError(.internalError, "lines are read by the recipe's format alone")
        }
        let own = recipe.data.paths.map {
            URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent
        }
        let names = try recipe.data.classNames.map { try $0.resolved() }
        let place = FileLocation(files[0].path)
        if let names, names.count != own.count {
            throw LockstepError(
                .badData, "there are \(names.count) class names for \(own.count) files", at: place,
                remedy: "name one file a class in data.paths, and one name a class in data.classNames")
        }
        try ClassCheck(own, place: place).check(recipe.task, names: names)
        let tokenizer = try SequenceTokenizer(part.tokenizer.kind, options: part.tokenizer.options) { take in
            for row in rows { try withText(ofRow: row) { try take($0) } }
        }
        return .lines(FittedLines(classNames: names ?? own, tokenizer: tokenizer))
    }

    /// Hands the text of a line, in UTF-8, to `body`.
    func withText<Result>(
        ofRow row: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result {
        let (file, line) = place(ofRow: row)
        return try files[file].withBytes(ofLine: line) { bytes in
            guard encoding == .latin1, bytes.contains(where: { $0 >= 0x80 }) else { return try body(bytes) }
            var text = String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
            return try text.withUTF8(body)
        }
    }

    /// `FILE:LINE`.
    func describe(_ row: Int) -> String {
        let (file, line) = place(ofRow: row)
        return files[file].location(ofLine: line).description
    }

    /// The file of a line, which is its class, and the line's number in it.
    func place(ofRow row: Int) -> (file: Int, line: Int) {
        let file = fileRows.firstIndex { row < $0.upperBound } ?? 0
        let line = row - fileRows[file].lowerBound
        return (file, kept[file].map { $0[line] } ?? line)
    }
}

/// What training learned about files of lines: vocabulary and classes.
public struct FittedLines: FittedFormat {
    /// The names of the classes, by the number of their file.
    public var classNames: [String]
    /// The vocabulary and how texts become sequences.
    public var tokenizer: SequenceTokenizer

    /// `tokens`.
    public var inputs: [ModelTrace.Field] { [tokenizer.field] }
    /// A class.
    public var labelField: ModelTrace.Field { .init("label", [], .int32) }
    /// One a file.
    public var classCount: Int? { classNames.count }
    /// The vocabulary.
    public var tokens: TokenInput? { tokenizer.input }

    /// Words are.
    public var decodesText: Bool { true }

    /// Encodes texts as if they were lines.
    public func samples(texts: [String]) throws -> Samples { try tokenizer.samples(texts) }

    /// Encodes lines.
    public func samples(_ source: LineRows, rows: [Int]?, for purpose: SamplePurpose) throws -> Samples {
        let rows = rows ?? Array(0..<source.rowCount)
        return Samples(
            LineDataset(source: source, rows: rows, fitted: self, withLabel: purpose.hasLabels), rows: rows)
    }
}

/// Lines tokenized on demand: `tokens` [T] int32, then `label`.
private struct LineDataset: Dataset {
    let fields: [FieldSpec]
    private let source: LineRows
    private let rows: [Int]
    private let tokenizer: SequenceTokenizer

    init(source: LineRows, rows: [Int], fitted: FittedLines, withLabel: Bool) {
        (self.source, self.rows, tokenizer) = (source, rows, fitted.tokenizer)
        let tokens = FieldSpec(
            name: "tokens", sampleShape: [tokenizer.length], element: .int32)
        fields =
            withLabel ? [tokens, FieldSpec(name: "label", sampleShape: [], element: .int32)] : [tokens]
    }

    var count: Int { rows.count }
    var isResident: Bool { false }

    func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) throws {
        let row = rows[index]
        guard field == 0 else {
            return destination.storeBytes(of: Int32(source.place(ofRow: row).file), as: Int32.self)
        }
        try source.withText(ofRow: row) {
            try tokenizer.encode([$0], to: destination.assumingMemoryBound(to: Int32.self))
        }
    }

    func describe(sample index: Int) -> String { source.describe(rows[index]) }

    func text(sample index: Int) -> String? {
        source.withText(ofRow: rows[index]) { String(decoding: $0, as: UTF8.self) }
    }
}
