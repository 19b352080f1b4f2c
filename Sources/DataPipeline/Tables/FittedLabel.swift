import Diagnostics

/// A label column with the classes found in the training split; it is kept in checkpoints.
public struct FittedLabel: Codable, Sendable, Equatable {
    /// What the label means.
    public enum Kind: Codable, Sendable, Equatable {
        /// The texts of the classes in the order of their numbers, and whether they are compared as numbers.
        case classes(values: [String], areNumbers: Bool)
        /// A number to predict.
        case number
    }

    /// The label's column.
    public var column: ColumnIdentity
    /// What the label means.
    public var kind: Kind
    /// The names to show, one a class; the classes' own texts unless the user gave others. Empty for a
    /// number.
    public var classNames: [String]

    /// The number of classes, or nil where the label is a number.
    public var classCount: Int? {
        guard case .classes(let values, _) = kind else { return nil }
        return values.count
    }

    /// The field that a sample's label becomes: a class number (int32) or a number (float32).
    var field: FieldSpec {
        FieldSpec(name: "label", sampleShape: [], element: kind == .number ? .float32 : .int32)
    }

    /// Numbers the classes among the label texts of the training split.
    /// - Throws: 65 for a single class, too many, or as many names as there are not classes.
    static func classes(
        _ texts: Set<String>, column: ColumnIdentity, names: [String]?, in source: CSVSource
    ) throws -> FittedLabel {
        let byteOrder = texts.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let numbers = byteOrder.compactMap { CSVField.number($0) }
        let areNumbers = numbers.count == byteOrder.count
        var values = byteOrder
        if areNumbers {
            // Two spellings of one number are one class, under the spelling that comes first in byte order.
            let spellings = Dictionary(zip(numbers, byteOrder), uniquingKeysWith: { first, _ in first })
            values = spellings.sorted { $0.key < $1.key }.map(\.value)
        }
        let place = FileLocation(source.files[0].path)
        guard values.count > 1 else {
            throw LockstepError(
                .badData, "the training split holds a single class, '\(values.first ?? "")'", at: place,
                remedy:
                    "shuffle before splitting where the file is sorted by class, or check the label column")
        }
        if let names, names.count != values.count {
            throw LockstepError(
                .badData, "there are \(names.count) class names for \(values.count) classes", at: place,
                remedy: "give one name for each of: " + values.prefix(20).joined(separator: ", "))
        }
        return FittedLabel(
            column: column, kind: .classes(values: values, areNumbers: areNumbers),
            classNames: names ?? values)
    }

    /// Reads class names from a file of one name a line; blank lines at the end are ignored.
    /// - Throws: 65 or 74 where the file cannot be read.
    public static func readNames(path: String) throws -> [String] {
        let file = try MappedFile(path: path)
        let bytes = UnsafeBufferPointer(start: file.base, count: file.byteCount)
        guard bytes.count <= 1 << 20, UTF8Validation.firstInvalidOffset(in: bytes) == nil else {
            throw LockstepError(
                .badData, "this is no list of class names", at: FileLocation(path),
                remedy: "write one name a line, in UTF-8, at most 1 MiB")
        }
        var names = String(decoding: bytes, as: UTF8.self)
            .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init)
        while names.last?.isEmpty == true { names.removeLast() }
        return names
    }
}

/// Turns label fields into class numbers or numbers, by the classes of the training split.
struct LabelEncoder: Sendable {
    let label: FittedLabel
    private var byText: [String: Int32] = [:]
    private var byNumber: [Double: Int32] = [:]

    init(_ label: FittedLabel) {
        self.label = label
        guard case .classes(let values, let areNumbers) = label.kind else { return }
        for (number, value) in values.enumerated() {
            if areNumbers, let key = CSVField.number(value) { byNumber[key] = Int32(number) }
            byText[value] = Int32(number)
        }
    }

    /// Whether a label can be encoded.
    func knows(_ field: CSVField) -> Bool {
        switch label.kind {
        case .number: field.number.map { Float($0).isFinite } ?? false
        case .classes(_, let areNumbers):
            areNumbers ? field.number.map { byNumber[$0] != nil } ?? false : byText[field.text] != nil
        }
    }

    /// Writes the four bytes of a label.
    /// - Throws: 65 for a text that is none of the known classes, or that is no number.
    func write(
        _ field: CSVField, row: Int, source: CSVSource, to destination: UnsafeMutableRawPointer
    ) throws {
        switch label.kind {
        case .number:
            guard let number = field.number, Float(number).isFinite else {
                throw source.error("the label '\(field.excerpt)' is no number", row: row, field: field)
            }
            destination.storeBytes(of: Float(number), as: Float.self)
        case .classes(let values, let areNumbers):
            let known = areNumbers ? field.number.flatMap { byNumber[$0] } : byText[field.text]
            guard let known else {
                throw source.error(
                    "the label '\(field.excerpt)' is none of the training split's \(values.count) classes",
                    row: row, field: field,
                    remedy: Suggestions.remedy(for: field.excerpt, among: Array(values.prefix(50))))
            }
            destination.storeBytes(of: known, as: Int32.self)
        }
    }
}
