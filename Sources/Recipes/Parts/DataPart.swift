/// Where the samples come from and how they become numbers: the group `data` of a recipe.
public struct DataPart: Sendable, Equatable {
    /// What the files hold.
    public enum Format: String, Sendable, CaseIterable {
        /// Numbers and categories in CSV columns.
        case table
        /// Texts in CSV columns.
        case text
        /// Texts in one file a class, each line a sample.
        case lines
        /// Pictures with a class each.
        case images
        /// A running text.
        case tokens
        /// A text and its translation, line by line.
        case parallel
    }

    /// What is done about a sample that cannot be used: a damaged picture, a line in another encoding, a label that
    /// is missing or that the training rows do not have.
    public enum BadSamples: String, Sendable, CaseIterable {
        /// The first one is an error that names its place.
        case stop
        /// They are left out and counted.
        case skip
    }

    /// What a format alone has.
    public enum Content: Sendable, Equatable {
        /// Numbers and categories in CSV columns.
        case table(TablePart)
        /// Texts in CSV columns.
        case text(TextPart)
        /// Texts in one file a class.
        case lines(LinesPart)
        /// Pictures.
        case images(ImagesPart)
        /// A running text.
        case tokens(TokensPart)
        /// A text and its translation.
        case parallel(ParallelPart)

        /// Which format it is.
        public var format: Format {
            switch self {
            case .table: .table
            case .text: .text
            case .lines: .lines
            case .images: .images
            case .tokens: .tokens
            case .parallel: .parallel
            }
        }

        /// The format's keys.
        var part: any FormatPart {
            switch self {
            case .table(let part): part
            case .text(let part): part
            case .lines(let part): part
            case .images(let part): part
            case .tokens(let part): part
            case .parallel(let part): part
            }
        }

        /// How texts become tokens, where there are texts.
        public var tokenizer: TokenizerPart? {
            switch self {
            case .text(let part): part.tokenizer
            case .lines(let part): part.tokenizer
            default: nil
            }
        }

        /// Whether batches hold texts of like length, where samples are texts.
        public var lengthBuckets: LengthBucketsPart? {
            if case .parallel(let part) = self { return part.lengthBuckets }
            return tokenizer?.lengthBuckets
        }

        /// Where samples that are decoded from text are kept, where they do not fit memory; nil for the user's cache folder,
        /// and for formats that keep what they decode in files of their own.
        public var sampleCacheFolder: String? {
            if case .table(let part) = self { return part.cacheFolder }
            return tokenizer?.cacheFolder
        }

        init(_ format: Format, _ reader: RecipeReader) throws {
            switch format {
            case .table: self = .table(try TablePart(reader))
            case .text: self = .text(try TextPart(reader))
            case .lines: self = .lines(try LinesPart(reader))
            case .images: self = .images(try ImagesPart(reader))
            case .tokens: self = .tokens(try TokensPart(reader))
            case .parallel: self = .parallel(try ParallelPart(reader))
            }
        }
    }

    /// What the files hold, and what that format alone has.
    public var content: Content
    /// The absolute paths of the files, read one after the other.
    public var paths: [String]
    /// The file with the test rows, for ``SplitPart/files(validation:seed:stratify:)`` only.
    public var testPath: String?
    /// The names of the classes in the order of their numbers. Where the data's labels are these names, a
    /// label's number is its place here; where they are whole numbers, their sorted order is the order here.
    /// Nil takes the names that the data has.
    public var classNames: ClassNames?
    /// What is done about a sample that cannot be used.
    public var onBadSample: BadSamples
    /// Which rows train, validate and test.
    public var split: SplitPart
    /// Cross-validation: cuts all rows of the files, whatever ``split`` says but for its seed and stratification.
    public var fold: Fold?
    /// The fraction of a fold's training rows that is set aside for validation; of no effect without
    /// ``fold``.
    public var validationFraction: Double
    /// Files up to this size in all are held in memory, in bytes; larger ones are mapped and indexed.
    public var residentLimitBytes: Int

    /// The default of ``residentLimitBytes``: 256 MiB.
    public static let defaultResidentLimitBytes = 268_435_456

    /// Creates the part.
    public init(
        _ content: Content, paths: [String], testPath: String? = nil, classNames: ClassNames? = nil,
        onBadSample: BadSamples = .stop, split: SplitPart = SplitPart(), fold: Fold? = nil,
        validationFraction: Double = 0.1,
        residentLimitBytes: Int = DataPart.defaultResidentLimitBytes
    ) {
        self.content = content
        self.paths = paths
        self.testPath = testPath
        self.classNames = classNames
        self.onBadSample = onBadSample
        self.split = split
        self.fold = fold
        self.validationFraction = validationFraction
        self.residentLimitBytes = residentLimitBytes
    }

    /// What the files hold.
    public var format: Format { content.format }

    /// Whether some rows are set aside for validation.
    public var hasValidation: Bool {
        if let own = content.part.ownSplits { return own.validation }
        return fold != nil ? validationFraction > 0 : split.hasValidation
    }

    /// Whether some rows are set aside for the test.
    public var hasTest: Bool {
        if let own = content.part.ownSplits { return own.test }
        return fold != nil || split.hasTest
    }
}

extension DataPart {
    init(_ reader: RecipeReader) throws {
        let format = try reader.choice("format", default: Format.table)
        paths = try Self.readPaths(reader)
        classNames = try ClassNames(reader, key: "classNames")
        content = try Content(format, reader)
        let shared = content.part.sharedKeys
        onBadSample = shared.contains(.badSamples) ? try reader.choice("onBadSample", default: .stop) : .stop
        (split, testPath, fold, validationFraction) = (SplitPart(), nil, nil, 0.1)
        if shared.contains(.splits) {
            split = try SplitPart(try reader.part("split"))
            testPath = try reader.optionalPath("testPath")
            fold = try Fold(reader, key: "fold")
            validationFraction = try reader.number("validationFraction", .below(0, 1), default: 0.1)
        }
        residentLimitBytes = try reader.integer(
            "residentLimitBytes", in: 0...Int.max, default: Self.defaultResidentLimitBytes)
        try reader.finish(for: "data format '\(format.rawValue)'")
        if shared.contains(.splits) { try checkTestPath(reader) }
        try content.part.check(self, reader)
    }

    private static func readPaths(_ reader: RecipeReader) throws -> [String] {
        if let paths = try reader.paths("paths") {
            guard !reader.has("path") else {
                throw reader.failure(
                    "path", "and data.paths are both written",
                    remedy: "keep one; --set data.paths=null drops it")
            }
            guard !paths.isEmpty else { throw reader.failure("paths", "names no file") }
            return paths
        }
        return [try reader.path(try reader.required("path"), "path")]
    }

    private func checkTestPath(_ reader: RecipeReader) throws {
        switch (split.kind, testPath) {
        case (.files, nil):
            throw reader.failure(
                "testPath", "is missing", remedy: "data.split.kind: files needs data.testPath")
        case (.fractions, .some), (.ranges, .some), (.everyNth, .some):
            throw reader.failure("testPath", "needs data.split.kind: files", remedy: "write that, or drop it")
        default: break
        }
    }

    func flatten(into keys: inout FlatKeys) {
        let shared = content.part.sharedKeys
        keys.add("format", format.rawValue)
        if paths.count == 1 { keys.add("path", paths[0]) } else { keys.add("paths", paths) }
        classNames.flatten(into: &keys)
        content.part.flatten(into: &keys)
        if shared.contains(.badSamples) { keys.add("onBadSample", onBadSample.rawValue) }
        if shared.contains(.splits) {
            keys.add("testPath", testPath)
            keys.inside("split") { split.flatten(into: &$0) }
            keys.add("fold", fold?.description)
            keys.add("validationFraction", validationFraction)
        }
        keys.add("residentLimitBytes", residentLimitBytes)
    }
}
