import Diagnostics

/// Several stores of pictures of one size, read as one: for instance training and test files.
public struct JoinedImages: ImageStore {
    /// The number of pictures.
    public let count: Int
    /// The classes' names by number.
    public let classNames: [String]
    /// The pictures of each store.
    public let ranges: [Range<Int>]
    /// Rows of pixels of each.
    public var height: Int { stores[0].height }
    /// Columns of pixels of each.
    public var width: Int { stores[0].width }
    /// 3 for RGB, 1 for grey.
    public var channelCount: Int { stores[0].channelCount }
    /// Whether all elements of one channel lie together.
    public var isPlanar: Bool { stores[0].isPlanar }
    /// Whether pictures have classes.
    public var hasLabels: Bool { stores[0].hasLabels }
    /// Of all stores.
    public var fingerprint: UInt64 { stores.reduce(0) { RandomMixer.mix($0 ^ $1.fingerprint) } }

    private let stores: [any ImageStore]

    /// Joins stores.
    /// - Parameter paths: where each comes from, for messages.
    /// - Throws: 65 for pictures of other sizes, or classes that neither equal the first store's nor begin them; 2 for
    ///   no store.
    public init(_ stores: [any ImageStore], paths: [String]) throws {
        guard let first = stores.first, stores.count == paths.count else {
            throw LockstepError(.usage, "there is no data file")
        }
        var names = first.classNames
        for (store, path) in zip(stores, paths) {
            guard
                store.height == first.height, store.width == first.width,
                store.channelCount == first.channelCount, store.isPlanar == first.isPlanar,
                store.hasLabels == first.hasLabels
            else {
                throw LockstepError(
                    .badData,
                    "its pictures of \(store.width) x \(store.height) differ from those of \(paths[0]), "
                        + "\(first.width) x \(first.height)", at: FileLocation(path),
                    remedy: "give files of one kind")
            }
            guard zip(store.classNames, names).allSatisfy(==) else {
                throw LockstepError(
                    .badData, "its classes differ from those of \(paths[0])", at: FileLocation(path),
                    remedy: "give the same classes: " + names.prefix(20).joined(separator: ", "))
            }
            if store.classNames.count > names.count { names = store.classNames }
        }
        classNames = names
        var ranges: [Range<Int>] = []
        for store in stores {
            let start = ranges.last?.upperBound ?? 0
            ranges.append(start..<(start + store.count))
        }
        (self.ranges, self.stores) = (ranges, stores)
        count = ranges.last?.upperBound ?? 0
    }

    /// The elements of a picture.
    public func elements(of index: Int) -> UnsafePointer<UInt8> {
        let (store, local) = place(index)
        return store.elements(of: local)
    }

    /// The class number of a picture.
    public func label(of index: Int) -> Int32 {
        let (store, local) = place(index)
        return store.label(of: local)
    }

    /// Where a picture comes from.
    public func describe(_ index: Int) -> String {
        let (store, local) = place(index)
        return store.describe(local)
    }

    private func place(_ index: Int) -> (store: any ImageStore, local: Int) {
        var number = 0
        while index >= ranges[number].upperBound { number += 1 }
        return (stores[number], index - ranges[number].lowerBound)
    }
}
