import Diagnostics
import Foundation

/// The pictures of a catalog, decoded and resized once into a file that is mapped into memory.
///
/// The file's name says what is in it: the contents of all pictures, the size and the method. So a changed picture
/// gets a new file, and a folder may serve many recipes. Ranks of a node share one file; see `CachedFile`.
public final class ImageCache: ImageStore {
    /// What is done about a picture that cannot be decoded.
    public enum BadImages: String, Codable, Sendable, CaseIterable {
        /// The first one is an error.
        case stop
        /// They are left out and counted.
        case skip
    }

    /// The pictures that were decoded.
    public var count: Int { rows.count }
    /// Rows of pixels of each.
    public let height: Int
    /// Columns of pixels of each.
    public let width: Int
    /// 3.
    public var channelCount: Int { 3 }
    /// False.
    public var isPlanar: Bool { false }
    /// The classes' names by number.
    public var classNames: [String] { catalog.classNames }
    /// Whether the catalog has classes.
    public var hasLabels: Bool { !catalog.labels.isEmpty }
    /// The paths of the pictures that were left out, in order.
    public let skippedPaths: [String]
    /// The file.
    public var path: String { file.path }
    /// Of the files' contents and their classes.
    public let fingerprint: UInt64

    private let catalog: ImageCatalog
    private let file: MappedFile
    /// The catalog's number of each picture.
    private let rows: [Int]

    /// Opens the cache of a catalog, and makes it first where it is missing.
    /// - Parameters:
    ///   - folder: where cache files are kept; made where it is missing.
    ///   - onBadImage: whether a picture that cannot be decoded is an error.
    /// - Throws: 65 with the path for a bad picture, or where none is good; 73 where the cache cannot be written.
    public init(
        _ catalog: ImageCatalog, width: Int, height: Int, method: ResizeMethod = .area, folder: String,
        onBadImage: BadImages = .stop, decoder: ImageDecoder = ImageDecoder()
    ) throws {
        guard (1...16_384).contains(width), (1...16_384).contains(height) else {
            throw LockstepError(.usage, "pictures cannot be resized to \(width) x \(height)")
        }
        let layout = Layout(
            count: catalog.paths.count, width: width, height: height, isByArea: method == .area,
            pixelLimit: decoder.pixelLimit, contents: try catalog.fingerprint())
        let path = try CachedFile.path(folder: folder, name: layout.fileName, isValid: layout.describes) {
            try Self.write(catalog, layout, method, decoder, onBadImage, to: $0)
        }
        file = try MappedFile(path: path)
        let states = file.base + Layout.headerByteCount
        let isBad = catalog.paths.indices.filter { states[$0] == 0 }
        if onBadImage == .stop, let first = isBad.first {
            _ = try decoder.decode(path: catalog.paths[first])
        }
        rows = catalog.paths.indices.filter { states[$0] == 1 }
        guard !rows.isEmpty else {
            throw LockstepError(.badData, "none of the \(catalog.paths.count) pictures can be decoded")
        }
        skippedPaths = isBad.map { catalog.paths[$0] }
        (self.catalog, self.width, self.height) = (catalog, width, height)
        fingerprint = rows.reduce(layout.contents) { hash, row in
            RandomMixer.mix(hash ^ UInt64(catalog.labels.isEmpty ? 0 : catalog.labels[row]))
        }
    }

    /// The elements of a picture, `[height, width, 3]`.
    public func elements(of index: Int) -> UnsafePointer<UInt8> {
        file.base + Layout.pixelOffset(count: catalog.paths.count) + rows[index] * width * height * 3
    }

    /// The class number of a picture.
    public func label(of index: Int) -> Int32 { hasLabels ? catalog.labels[rows[index]] : 0 }

    /// The path of a picture's file.
    public func describe(_ index: Int) -> String { catalog.paths[rows[index]] }

    /// Decodes in blocks, each by all processors, so that a block alone is in memory. The states stand before the
    /// pixels but are known after them: they are written last, into the room left for them.
    private static func write(
        _ catalog: ImageCatalog, _ layout: Layout, _ method: ResizeMethod, _ decoder: ImageDecoder,
        _ onBadImage: BadImages, to path: String
    ) throws {
        let writer = try CacheWriter(path: path)
        try writer.append([UInt8](repeating: 0, count: Layout.pixelOffset(count: layout.count)))
        var states: [UInt8] = []
        let blank = [UInt8](repeating: 0, count: layout.width * layout.height * 3)
        for start in stride(from: 0, to: layout.count, by: 64) {
            let images = ParallelWork.map(count: min(64, layout.count - start)) { offset in
                Result {
                    try decoder.decode(path: catalog.paths[start + offset])
                        .resized(width: layout.width, height: layout.height, method: method)
                }
            }
            for image in images {
                // Bad data may be skipped; a disk that cannot be read may not.
                if case .failure(let error) = image,
                    onBadImage == .stop || (error as? LockstepError)?.code != .badData
                {
                    throw error
                }
                let elements = try? image.get().elements
                states.append(elements == nil ? 0 : 1)
                try writer.append(elements ?? blank)
            }
        }
        try writer.flush()
        try writer.overwriteStart(with: layout.header + states)
    }

    /// The file: a header of 64 bytes, a byte a picture (1: decoded), pixels from the next multiple of 64 on.
    private struct Layout {
        static let headerByteCount = 64
        static let version: UInt64 = 1

        var count: Int
        var width: Int
        var height: Int
        var isByArea: Bool
        var pixelLimit: Int
        var contents: UInt64

        static func pixelOffset(count: Int) -> Int { (headerByteCount + count + 63) / 64 * 64 }

        private var numbers: [UInt64] {
            [
                0x3147_4D49_4B43_4F4C, Self.version, UInt64(count), UInt64(width), UInt64(height),
                isByArea ? 1 : 0, UInt64(bitPattern: Int64(pixelLimit)), contents,
            ].map(\.littleEndian)
        }

        var header: [UInt8] { numbers.withUnsafeBytes { Array($0) } }

        var fileName: String {
            let key = numbers.reduce(0) { RandomMixer.mix($0 ^ $1) }
            return "images-\(width)x\(height)-\(String(key, radix: 16)).cache"
        }

        func describes(_ path: String) -> Bool {
            guard let file = try? MappedFile(path: path) else { return false }
            return file.byteCount == Self.pixelOffset(count: count) + count * width * height * 3
                && header.elementsEqual(UnsafeBufferPointer(start: file.base, count: Self.headerByteCount))
        }
    }
}
