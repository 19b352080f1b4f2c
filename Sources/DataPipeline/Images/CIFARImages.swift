import Diagnostics

/// The binary files of CIFAR-10 and CIFAR-100 (Krizhevsky 2009), mapped into memory: records of one class byte, or
/// two, and 3,072 bytes of a picture of 32 x 32, channel after channel.
public struct CIFARImages: ImageStore {
    /// Which of the two.
    public enum Kind: String, Codable, Sendable, CaseIterable {
        /// Ten classes, one class byte.
        case cifar10
        /// A hundred classes; the first of two class bytes, the coarse class, is left out.
        case cifar100

        var labelByteCount: Int { self == .cifar10 ? 1 : 2 }
        var classCount: Int { self == .cifar10 ? 10 : 100 }
    }

    /// The number of pictures.
    public let count: Int
    /// 32.
    public var height: Int { 32 }
    /// 32.
    public var width: Int { 32 }
    /// 3.
    public var channelCount: Int { 3 }
    /// True.
    public var isPlanar: Bool { true }
    /// The classes' numbers as text.
    public let classNames: [String]
    /// True.
    public var hasLabels: Bool { true }
    /// Of the files' bytes.
    public var fingerprint: UInt64 { files.reduce(0) { RandomMixer.mix($0 ^ $1.fingerprint) } }

    private let kind: Kind
    private let files: [MappedFile]
    private let firsts: [Int]
    private var recordByteCount: Int { kind.labelByteCount + 3_072 }

    /// Opens files such as `data_batch_1.bin`, read as one.
    /// - Throws: 65 with the path for a file that is missing, has no whole number of records, or a class that does
    ///   not exist; 74 for one that cannot be read.
    public init(_ kind: Kind, paths: [String]) throws {
        guard !paths.isEmpty else { throw LockstepError(.usage, "there is no data file") }
        self.kind = kind
        files = try paths.map { try MappedFile(path: $0) }
        classNames = (0..<kind.classCount).map(String.init)
        let recordByteCount = kind.labelByteCount + 3_072
        var (firsts, total): ([Int], Int) = ([], 0)
        for file in files {
            guard file.byteCount % recordByteCount == 0 else {
                throw LockstepError(
                    .badData,
                    "its \(file.byteCount) bytes are no whole number of records of \(recordByteCount)",
                    at: FileLocation(file.path), remedy: "choose a binary file of \(kind.rawValue)")
            }
            firsts.append(total)
            let records = file.byteCount / recordByteCount
            for record in 0..<records {
                let label = file.base[record * recordByteCount + kind.labelByteCount - 1]
                guard label < kind.classCount else {
                    throw LockstepError(
                        .badData, "record \(record) has class \(label) of \(kind.classCount)",
                        at: FileLocation(file.path), remedy: "choose a binary file of \(kind.rawValue)")
                }
            }
            total += records
        }
        (self.firsts, count) = (firsts, total)
    }

    /// The elements of a picture, `[3, 32, 32]`.
    public func elements(of index: Int) -> UnsafePointer<UInt8> { record(index) + kind.labelByteCount }

    /// The class number of a picture.
    public func label(of index: Int) -> Int32 { Int32(record(index)[kind.labelByteCount - 1]) }

    /// `FILE, picture N`.
    public func describe(_ index: Int) -> String {
        let number = fileNumber(of: index)
        return "\(files[number].path), picture \(index - firsts[number])"
    }

    private func fileNumber(of index: Int) -> Int {
        var number = files.count - 1
        while firsts[number] > index { number -= 1 }
        return number
    }

    private func record(_ index: Int) -> UnsafePointer<UInt8> {
        let number = fileNumber(of: index)
        return files[number].base + (index - firsts[number]) * recordByteCount
    }
}
