import Diagnostics

/// The file format of MNIST and its kin: a header, then unsigned bytes, mapped into memory.
///
/// Source of the format: LeCun, Cortes and Burges, "The MNIST database". Bytes 0 and 1 are 0, byte 2 is the type
/// (8: unsigned byte, the only one read here), byte 3 the number of dimensions, each then four bytes, big-endian.
struct IDXFile: Sendable {
    let extents: [Int]
    let offset: Int
    let file: MappedFile

    /// - Throws: 65 for a file that is missing, compressed, cut short, too long or of another format; 74.
    init(path: String, dimensionCount: Int, holding what: String) throws {
        file = try MappedFile(path: path)
        let bytes = UnsafeBufferPointer(start: file.base, count: file.byteCount)
        if bytes.starts(with: [0x1F, 0x8B]) {
            throw LockstepError(
                .badData, "the file is compressed", at: FileLocation(path), remedy: "unpack it with gunzip")
        }
        offset = 4 + 4 * dimensionCount
        let expected: [UInt8] = [0, 0, 8, UInt8(dimensionCount)]
        guard bytes.count >= offset, bytes.starts(with: expected) else {
            throw LockstepError(
                .badData, "this is no IDX file of \(what) in unsigned bytes", at: FileLocation(path),
                remedy: "it has to begin with the bytes \(expected.map(String.init).joined(separator: " "))")
        }
        extents = (0..<dimensionCount).map { number in
            (0..<4).reduce(0) { $0 << 8 | Int(bytes[4 + 4 * number + $1]) }
        }
        var elementCount = 1
        for extent in extents {
            let (product, overflow) = elementCount.multipliedReportingOverflow(by: extent)
            elementCount = overflow ? -1 : product
        }
        guard elementCount > 0, bytes.count - offset == elementCount else {
            throw LockstepError(
                .badData,
                "the header tells \(extents.map(String.init).joined(separator: " x ")) bytes, the file has "
                    + "\(bytes.count - offset)", at: FileLocation(path), remedy: "load the file down again")
        }
    }
}

/// Pictures and classes of two IDX files, as MNIST has them.
public struct IDXImages: ImageStore {
    /// The number of pictures.
    public var count: Int { images.extents[0] }
    /// Rows of pixels of each.
    public var height: Int { images.extents[1] }
    /// Columns of pixels of each.
    public var width: Int { images.extents[2] }
    /// 1: grey.
    public var channelCount: Int { 1 }
    /// False.
    public var isPlanar: Bool { false }
    /// The classes' numbers as text, from 0 to the largest in the file.
    public let classNames: [String]
    /// Of the files' bytes.
    public var fingerprint: UInt64 {
        RandomMixer.mix(images.file.fingerprint) ^ (labels?.file.fingerprint ?? 0)
    }
    /// Whether there is a file of classes.
    public var hasLabels: Bool { labels != nil }

    private let images: IDXFile
    private let labels: IDXFile?

    /// Opens `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, or files like them, unpacked.
    /// - Throws: 65 with the path for a file that is missing, compressed, cut short or of another format, or where
    ///   numbers differ; 74 for one that cannot be read.
    public init(images: String, labels: String? = nil) throws {
        self.images = try IDXFile(path: images, dimensionCount: 3, holding: "pictures")
        self.labels = try labels.map { try IDXFile(path: $0, dimensionCount: 1, holding: "classes") }
        guard let labels = self.labels else {
            classNames = []
            return
        }
        guard labels.extents[0] == self.images.extents[0] else {
            throw LockstepError(
                .badData, "there are \(labels.extents[0]) classes for \(self.images.extents[0]) pictures",
                at: FileLocation(labels.file.path), remedy: "choose the two files of one split")
        }
        let values = UnsafeBufferPointer(start: labels.file.base + labels.offset, count: labels.extents[0])
        classNames = (0...Int(values.max() ?? 0)).map(String.init)
    }

    /// The elements of a picture.
    public func elements(of index: Int) -> UnsafePointer<UInt8> {
        images.file.base + images.offset + index * height * width
    }

    /// The class number of a picture.
    public func label(of index: Int) -> Int32 { labels.map { Int32($0.file.base[$0.offset + index]) } ?? 0 }

    /// `FILE, picture N`.
    public func describe(_ index: Int) -> String { "\(images.file.path), picture \(index)" }
}
