/// Text and its translation, line by line; its keys stand directly in the group `data`.
///
/// `data.paths` names two files, of which line N of the second translates line N of the first; so do the pairs of files
/// that validate and test. `data.split` and `data.fold` do not apply.
public struct ParallelPart: Sendable, Equatable {
    /// The absolute paths of the two files that validate, if any.
    public var validationPaths: [String]?
    /// The absolute paths of the two files that test, if any.
    public var testPaths: [String]?
    /// Token ids of both languages together: byte pairs trained on the training files.
    public var vocabularySize: Int
    /// The most tokens of a line, the one that ends it counted; longer pairs are left out of training and loss.
    public var maximumLength: Int
    /// Whether batches hold pairs of like length, and which.
    public var lengthBuckets: LengthBucketsPart?
    /// The absolute path of the folder of token files; nil for the user's cache folder.
    public var cacheFolder: String?

    /// Creates the part.
    public init(
        validationPaths: [String]? = nil, testPaths: [String]? = nil, vocabularySize: Int = 8_000,
        maximumLength: Int = 64, lengthBuckets: LengthBucketsPart? = nil, cacheFolder: String? = nil
    ) {
        self.lengthBuckets = lengthBuckets
        (self.validationPaths, self.testPaths) = (validationPaths, testPaths)
        (self.vocabularySize, self.maximumLength) = (vocabularySize, maximumLength)
        self.cacheFolder = cacheFolder
    }
}

extension ParallelPart: FormatPart {
    init(_ reader: RecipeReader) throws {
        self.init()
        validationPaths = try Self.pair(reader, "validationPaths")
        testPaths = try Self.pair(reader, "testPaths")
        vocabularySize = try reader.integer("vocabularySize", in: 259...1_000_000, default: 8_000)
        maximumLength = try reader.integer("maximumLength", in: 2...1_000_000, default: 64)
        lengthBuckets = try LengthBucketsPart.read(reader, maximumLength: maximumLength)
        cacheFolder = try reader.optionalPath("cacheFolder")
    }

    /// Pairs of files are splits of their own.
    var sharedKeys: SharedDataKeys { [] }
    var ownSplits: (validation: Bool, test: Bool)? { (validationPaths != nil, testPaths != nil) }

    func check(_ data: DataPart, _ reader: RecipeReader) throws {
        guard data.paths.count != 2 else { return }
        throw reader.failure(
            "paths", "must be two files, not \(data.paths.count)", remedy: "name a text and its translation")
    }

    private static func pair(_ reader: RecipeReader, _ key: String) throws -> [String]? {
        guard let paths = try reader.paths(key) else { return nil }
        guard paths.count == 2 else {
            throw reader.failure(
                key, "names \(paths.count) files, not two", remedy: "name a text and its translation")
        }
        return paths
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("validationPaths", validationPaths)
        keys.add("testPaths", testPaths)
        keys.add("vocabularySize", vocabularySize)
        keys.add("maximumLength", maximumLength)
        LengthBucketsPart.flatten(lengthBuckets, into: &keys)
        keys.add("cacheFolder", cacheFolder)
    }
}
