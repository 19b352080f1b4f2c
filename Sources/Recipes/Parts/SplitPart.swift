import Foundation

/// Which rows train, validate and test: the group `data.split`.
public struct SplitPart: Sendable, Equatable {
    /// How the rows are cut.
    public enum Kind: String, Sendable, CaseIterable {
        /// By fractions of all rows, after a seeded permutation.
        case fractions
        /// By row numbers, as they stand in the files.
        case ranges
        /// The rows of `data.testPath` test; the others train and, by a fraction, validate.
        case files
        /// Every n-th row of each file tests, beginning with its first; a fraction of the others validates.
        case everyNth
    }

    /// How the rows are cut.
    public var kind: Kind
    /// The fraction for training, with kind `fractions`.
    public var trainFraction: Double
    /// The fraction for validation, with kind `fractions` of all rows, with kinds `files` and `everyNth` of the
    /// training rows.
    public var validationFraction: Double
    /// The fraction for the test, with kind `fractions`.
    public var testFraction: Double
    /// The training rows, counted from 0 over all files, with kind `ranges`.
    public var trainRange: Range<Int>
    /// The validation rows, with kind `ranges`.
    public var validationRange: Range<Int>?
    /// The test rows, with kind `ranges`.
    public var testRange: Range<Int>?
    /// The n of kind `everyNth`.
    public var every = 10
    /// The seed of the permutation that fractions and folds cut; apart from the recipe's, so that several
    /// seeds train on the same rows.
    public var seed: UInt64
    /// Whether each class is cut by itself, so that all parts hold the same mix.
    public var stratify: Bool

    /// Cuts by fractions.
    public init(
        train: Double = 0.8, validation: Double = 0.1, test: Double = 0.1, seed: UInt64 = 0,
        stratify: Bool = false
    ) {
        kind = .fractions
        (trainFraction, validationFraction, testFraction) = (train, validation, test)
        (trainRange, validationRange, testRange) = (0..<0, nil, nil)
        self.seed = seed
        self.stratify = stratify
    }

    /// Cuts by row numbers.
    public init(train: Range<Int>, validation: Range<Int>? = nil, test: Range<Int>? = nil) {
        self.init(train: 0, validation: 0, test: 0)
        kind = .ranges
        (trainRange, validationRange, testRange) = (train, validation, test)
    }

    /// The rows of `data.testPath` test; the fraction `validation` of the others validates.
    public static func files(validation: Double = 0, seed: UInt64 = 0, stratify: Bool = false) -> SplitPart {
        var split = SplitPart(train: 0, validation: validation, test: 0, seed: seed, stratify: stratify)
        split.kind = .files
        return split
    }

    /// Every n-th row of each file, beginning with its first, tests; the fraction `validation` of the others validates.
    public static func everyNth(
        _ every: Int, validation: Double = 0, seed: UInt64 = 0, stratify: Bool = false
    ) -> SplitPart {
        var split = SplitPart(train: 0, validation: validation, test: 0, seed: seed, stratify: stratify)
        (split.kind, split.every) = (.everyNth, every)
        return split
    }

    /// Whether some rows validate.
    public var hasValidation: Bool {
        kind == .ranges ? validationRange != nil : validationFraction > 0
    }

    /// Whether some rows test.
    public var hasTest: Bool {
        switch kind {
        case .fractions: testFraction > 0
        case .ranges: testRange != nil
        case .files, .everyNth: true
        }
    }
}

extension SplitPart {
    init(_ reader: RecipeReader) throws {
        self.init()
        switch try reader.choice("kind", default: Kind.fractions) {
        case .fractions: try readFractions(reader)
        case .ranges: try readRanges(reader)
        case .files:
            let validation = try reader.number("validation", .below(0, 1), default: 0)
            self = .files(validation: validation)
            try readPermutation(reader)
        case .everyNth:
            let every = try reader.integer("every", in: 2...1_000_000_000, default: 10)
            self = .everyNth(every, validation: try reader.number("validation", .below(0, 1), default: 0))
            try readPermutation(reader)
        }
        try reader.finish(for: "split kind '\(kind.rawValue)'")
    }

    private mutating func readPermutation(_ reader: RecipeReader) throws {
        seed = try reader.seed("seed")
        stratify = try reader.flag("stratify", default: false)
    }

    private mutating func readFractions(_ reader: RecipeReader) throws {
        let isWritten = ["train", "validation", "test"].map(reader.has).contains(true)
        trainFraction = try reader.number("train", .aboveUpTo(0, 1), default: 0.8)
        validationFraction = try reader.number("validation", .below(0, 1), default: isWritten ? 0 : 0.1)
        testFraction = try reader.number("test", .below(0, 1), default: isWritten ? 0 : 0.1)
        let sum = trainFraction + validationFraction + testFraction
        guard abs(sum - 1) < 1e-9 else {
            throw reader.failure(
                "train", "+ validation + test must be 1, not \(sum)",
                remedy: "write three fractions that add up to 1; what is left out counts as 0")
        }
        try readPermutation(reader)
    }

    private mutating func readRanges(_ reader: RecipeReader) throws {
        _ = try reader.required("train")
        let train = try reader.rowRange("train") ?? 0..<0
        self = SplitPart(
            train: train, validation: try reader.rowRange("validation"), test: try reader.rowRange("test"))
        let parts = [("validation", validationRange), ("test", testRange)]
        for (name, range) in parts where range?.overlaps(trainRange) == true {
            throw reader.failure(
                name, "shares rows with the training rows",
                remedy: "rows count from 0; the last is not included")
        }
        if let validationRange, testRange?.overlaps(validationRange) == true {
            throw reader.failure("test", "shares rows with the validation rows")
        }
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("kind", kind.rawValue)
        switch kind {
        case .fractions:
            keys.add("train", trainFraction)
            keys.add("validation", validationFraction)
            keys.add("test", testFraction)
        case .ranges:
            keys.add("train", Self.written(trainRange))
            keys.add("validation", validationRange.map(Self.written))
            keys.add("test", testRange.map(Self.written))
            return
        case .files:
            keys.add("validation", validationFraction)
        case .everyNth:
            keys.add("every", every)
            keys.add("validation", validationFraction)
        }
        keys.add("seed", canonical: String(seed))
        keys.add("stratify", stratify)
    }

    private static func written(_ range: Range<Int>) -> String { "\(range.lowerBound)..\(range.upperBound)" }
}

extension RecipeReader {
    /// Rows written as `FIRST..END`, the end not included, or nil if nothing was written.
    func rowRange(_ key: String) throws -> Range<Int>? {
        guard let node = value(key) else { return nil }
        let bounds = try text(node, key).components(separatedBy: "..")
        guard bounds.count == 2, bounds.allSatisfy(WholeNumber.isCanonical), let first = Int(bounds[0]),
            let end = Int(bounds[1]), first >= 0, first < end
        else { throw wrongType(key, "rows like 0..6080 (counted from 0, the last not included)", node) }
        return first..<end
    }
}
