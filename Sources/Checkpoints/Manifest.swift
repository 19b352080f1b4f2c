import Diagnostics
import Foundation

/// Size and digests of one file of a checkpoint.
public struct FileRecord: Codable, Sendable, Equatable {
    /// The file's size.
    public var byteCount: Int
    /// The SHA-256 of the whole file, in hexadecimal.
    public var sha256: String
    /// The SHA-256 of every tensor's bytes, by name: they tell where the damage lies.
    public var tensorDigests: [String: String]?

    /// Creates a record.
    public init(byteCount: Int, sha256: String, tensorDigests: [String: String]? = nil) {
        self.byteCount = byteCount
        self.sha256 = sha256
        self.tensorDigests = tensorDigests
    }
}

/// What a checkpoint says about itself: `manifest.json`.
public struct Manifest: Codable, Sendable, Equatable {
    /// The version that this code writes and reads.
    public static let currentFormatVersion = 1

    /// The version of the checkpoint's layout.
    public var formatVersion = Manifest.currentFormatVersion
    /// Where the run stood.
    public var state: TrainingState
    /// A hash of the recipe, as the caller defines it.
    public var recipeHash: String
    /// The full recipe in effect, as text.
    public var recipeText: String
    /// The recipe's values by dotted key.
    public var recipeKeys: [String: String]
    /// The files of the checkpoint by name, without the manifest itself.
    public var files: [String: FileRecord]
    /// Seconds trained since the start of the run, over all its resumes. Not part of any hash.
    public var wallSeconds: Double
    /// The versions of libraries and instruction set that made the numbers.
    public var libraryVersions: [String: String]
    /// What the checkpoint builds on, where it holds adapters instead of a whole model.
    public var base: BaseRecord?

    /// The manifest as JSON with sorted keys.
    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }

    /// Reads a manifest whose bytes are known to be undamaged.
    ///
    /// - Throws: 65 for anything but a manifest of a known version.
    init(decoding bytes: UnsafeRawBufferPointer, path: String) throws {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        struct Version: Decodable { var formatVersion: Int }
        let data = Data(bytes)
        let version = try? decoder.decode(Version.self, from: data).formatVersion
        if let version, version != Self.currentFormatVersion {
            throw LockstepError(
                .badData, "the checkpoint has format version \(version)", at: FileLocation(path),
                remedy: "this program reads version \(Self.currentFormatVersion): use the one that wrote it")
        }
        do {
            self = try decoder.decode(Manifest.self, from: data)
        } catch {
            throw LockstepError(.badData, "this is not a manifest", at: FileLocation(path), cause: error)
        }
        guard state.isPlausible else {
            throw LockstepError(.badData, "the manifest has impossible counts", at: FileLocation(path))
        }
    }

    init(
        state: TrainingState, recipeHash: String, recipeText: String, recipeKeys: [String: String],
        files: [String: FileRecord], wallSeconds: Double, libraryVersions: [String: String],
        base: BaseRecord? = nil
    ) {
        self.state = state
        self.recipeHash = recipeHash
        self.recipeText = recipeText
        self.recipeKeys = recipeKeys
        self.files = files
        self.wallSeconds = wallSeconds
        self.libraryVersions = libraryVersions
        self.base = base
    }
}
