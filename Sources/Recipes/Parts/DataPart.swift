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
        if case .parallel(let part) = content { return part.validationPaths != nil }
        return fold != nil ? validationFraction > 0 : split.hasValidation
    }

    /// Whether some rows are set aside for the test.
    public var hasTest: Bool {
        if case .parallel(let part) = content { return part.testPaths != nil }
        return fold != nil || split.hasTest
    }
}

extension DataPart {
    init(_ reader: RecipeReader) throws {
        let format = try reader.choice("format", default: Format.table)
        paths = try Self.readPaths(reader)
        classNames = try ClassNames(reader, key: "classNames")
        content = try Content(format, reader)
        let isText = format == .tokens || format == .parallel
        onBadSample = isText ? .stop : try reader.choice("onBadSample", default: .stop)
        // Pairs of files are a split of their own: these keys are then unknown.
        split = format == .parallel ? SplitPart() : try SplitPart(try reader.part("split"))
        if format == .parallel {
            (testPath, fold, validationFraction) = (nil, nil, 0.1)
            residentLimitBytes = try Self.readResidentLimit(reader)
            try reader.finish(for: "data format '\(format.rawValue)'")
            guard paths.count == 2 else {
                throw reader.failure(
                    "paths", "must be two files, not \(paths.count)",
                    remedy: "name a text and its translation")
            }
            return
        }
        testPath = try reader.optionalPath("testPath")
        fold = try Fold(reader, key: "fold")
        validationFraction = try reader.number("validationFraction", .below(0, 1), default: 0.1)
        residentLimitBytes = try Self.readResidentLimit(reader)
        try reader.finish(for: "data format '\(format.rawValue)'")
        try check(reader)
    }

    private static func readResidentLimit(_ reader: RecipeReader) throws -> Int {
        try reader.integer("residentLimitBytes", in: 0...Int.max, default: defaultResidentLimitBytes)
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

    private func check(_ reader: RecipeReader) throws {
        switch (split.kind, testPath) {
        case (.files, nil):
            throw reader.failure(
                "testPath", "is missing", remedy: "data.split.kind: files needs data.testPath")
        case (.fractions, .some), (.ranges, .some), (.everyNth, .some):
            throw reader.failure("testPath", "needs data.split.kind: files", remedy: "write that, or drop it")
        default: break
        }
        if case .images(let part) = content, case .idx(_, let testLabels) = part.source {
            guard (testLabels == nil) == (testPath == nil), paths.count == 1 else {
                throw reader.failure(
                    "testLabels", "does not fit data.testPath",
                    remedy: "give one data.path with data.labels, and data.testPath with data.testLabels")
            }
        }
        if format == .tokens { try checkTokens(reader) }
        if format == .lines {
            if split.kind == .files {
                throw reader.failure("split", "of kind files does not fit lines: a file is a class there")
            }
            if paths.count < 2 {
                throw reader.failure("paths", "names one file", remedy: "name one file a class, two or more")
            }
        }
    }

    /// A running text is cut into consecutive parts, nothing else.
    private func checkTokens(_ reader: RecipeReader) throws {
        let isPlain = split.seed == 0 && !split.stratify && fold == nil && classNames == nil
        guard split.kind == .fractions || split.kind == .files, isPlain else {
            throw reader.failure(
                "split", "of a running text is one of consecutive parts",
                remedy:
                    "write data.split: {train: 0.9, validation: 0.1}, or kind: files with data.testPath; no "
                    + "fold, seed, stratify or classNames")
        }
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("format", format.rawValue)
        if paths.count == 1 { keys.add("path", paths[0]) } else { keys.add("paths", paths) }
        if format != .parallel { keys.add("testPath", testPath) }
        classNames.flatten(into: &keys)
        content.part.flatten(into: &keys)
        if format != .parallel {
            if format != .tokens { keys.add("onBadSample", onBadSample.rawValue) }
            keys.inside("split") { split.flatten(into: &$0) }
            keys.add("fold", fold?.description)
            keys.add("validationFraction", validationFraction)
        }
        keys.add("residentLimitBytes", residentLimitBytes)
    }
}
