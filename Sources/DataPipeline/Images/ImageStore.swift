import Diagnostics

/// Pictures of one size whose 8-bit elements lie in memory or in a mapped file, with the class of each.
public protocol ImageStore: Sendable {
    /// The number of pictures.
    var count: Int { get }
    /// Rows of pixels of each.
    var height: Int { get }
    /// Columns of pixels of each.
    var width: Int { get }
    /// 3 for RGB, 1 for grey.
    var channelCount: Int { get }
    /// Whether all elements of one channel lie together, `[channel, row, column]`; else those of one pixel do.
    var isPlanar: Bool { get }
    /// The classes' names by number; empty where they have none.
    var classNames: [String] { get }
    /// Whether pictures have classes.
    var hasLabels: Bool { get }
    /// The elements of a picture, valid as long as the store.
    func elements(of index: Int) -> UnsafePointer<UInt8>
    /// The class number of a picture; 0 without classes.
    func label(of index: Int) -> Int32
    /// Where a picture comes from.
    func describe(_ index: Int) -> String
    /// A number that says what pictures and classes there are; nodes compare it.
    var fingerprint: UInt64 { get }
}

extension ImageStore {
    /// Of all elements and classes.
    public var fingerprint: UInt64 {
        let byteCount = height * width * channelCount
        return (0..<count).reduce(RandomMixer.key(seed: UInt64(count), UInt64(byteCount))) { hash, index in
            let bytes = UnsafeBufferPointer(start: elements(of: index), count: byteCount)
            return bytes.reduce(RandomMixer.mix(hash ^ UInt64(label(of: index)))) {
                ($0 ^ UInt64($1)) &* 0x100_0000_01B3
            }
        }
    }
}

/// Pictures in memory: for predictions, and for people who bring their own.
public final class ImageArray: ImageStore {
    /// The number of pictures.
    public let count: Int
    /// Rows of pixels of each.
    public let height: Int
    /// Columns of pixels of each.
    public let width: Int
    /// 3 for RGB, 1 for grey.
    public let channelCount: Int
    /// False.
    public var isPlanar: Bool { false }
    /// The classes' names by number.
    public let classNames: [String]
    /// Whether pictures have classes.
    public var hasLabels: Bool { !labels.isEmpty }
    private let labels: [Int32]
    private let names: [String]
    private nonisolated(unsafe) let buffer: UnsafeMutablePointer<UInt8>

    /// Pictures of one size.
    /// - Parameters:
    ///   - labels: a class each, or none at all.
    ///   - names: where each comes from, for messages.
    /// - Throws: 65 where there is none, or sizes or numbers differ.
    public init(
        _ images: [Image], labels: [Int32] = [], classNames: [String] = [], names: [String] = []
    ) throws {
        guard let first = images.first else { throw LockstepError(.badData, "there is no picture") }
        let isEqual = images.allSatisfy {
            $0.width == first.width && $0.height == first.height && $0.channelCount == first.channelCount
        }
        guard isEqual, labels.isEmpty || labels.count == images.count else {
            throw LockstepError(
                .badData,
                "the pictures differ in size, or there are \(labels.count) labels for \(images.count)",
                remedy: "resize them to one size")
        }
        (count, height, width) = (images.count, first.height, first.width)
        channelCount = first.channelCount
        (self.labels, self.classNames, self.names) = (labels, classNames, names)
        buffer = .allocate(capacity: count * first.elements.count)
        for (index, image) in images.enumerated() {
            (buffer + index * first.elements.count).initialize(
                from: image.elements, count: image.elements.count)
        }
    }

    deinit { buffer.deallocate() }

    /// The elements of a picture.
    public func elements(of index: Int) -> UnsafePointer<UInt8> {
        UnsafePointer(buffer + index * height * width * channelCount)
    }

    /// The class number of a picture.
    public func label(of index: Int) -> Int32 { hasLabels ? labels[index] : 0 }

    /// The name it was given, or `picture N`.
    public func describe(_ index: Int) -> String {
        index < names.count ? names[index] : "picture \(index)"
    }
}
