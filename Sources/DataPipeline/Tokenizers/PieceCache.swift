import Synchronization

/// Remembers the identifiers of short pieces of text. Most of a text is made of few words.
///
/// One thread at a time uses a cache; ``PieceCachePool`` hands them out.
final class PieceCache {
    private struct Entry {
        var hash: UInt64 = 0
        var byteOffset: Int32 = 0
        var byteCount: Int32 = -1
        var offset: Int32 = 0
        var count: Int32 = 0
    }

    private static let slotCount = 1 << 17
    private static let entryLimit = 1 << 16
    /// Longer pieces are rare and not kept.
    private static let byteLimit = 64
    private static let identifierLimit = 1 << 22

    private var slots = [Entry](repeating: Entry(), count: slotCount)
    private var entryCount = 0
    private var bytes: [UInt8] = []
    private var identifiers: [Int32] = []

    /// Appends the identifiers of `piece`; `compute` appends them where they are not known yet.
    func append(
        _ piece: UnsafeBufferPointer<UInt8>, to result: inout [Int32], compute: (inout [Int32]) throws -> Void
    ) rethrows {
        guard piece.count <= Self.byteLimit else { return try compute(&result) }
        let hash = Self.hash(piece)
        var slot = Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)
        while slots[slot].byteCount >= 0 {
            let entry = slots[slot]
            if entry.hash == hash, matches(entry, piece) {
                for index in 0..<Int(entry.count) { result.append(identifiers[Int(entry.offset) &+ index]) }
                return
            }
            slot = (slot &+ 1) & (Self.slotCount - 1)
        }
        let start = result.count
        try compute(&result)
        if entryCount >= Self.entryLimit || identifiers.count > Self.identifierLimit { return clear() }
        slots[slot] = Entry(
            hash: hash, byteOffset: Int32(bytes.count), byteCount: Int32(piece.count),
            offset: Int32(identifiers.count), count: Int32(result.count - start))
        bytes.append(contentsOf: piece)
        identifiers.append(contentsOf: result[start...])
        entryCount += 1
    }

    /// A full cache starts anew, so that memory stays bounded.
    private func clear() {
        for slot in slots.indices { slots[slot] = Entry() }
        bytes.removeAll(keepingCapacity: true)
        identifiers.removeAll(keepingCapacity: true)
        entryCount = 0
    }

    private func matches(_ entry: Entry, _ piece: UnsafeBufferPointer<UInt8>) -> Bool {
        guard Int(entry.byteCount) == piece.count else { return false }
        return bytes.withUnsafeBufferPointer { kept in
            for index in 0..<piece.count where kept[Int(entry.byteOffset) &+ index] != piece[index] {
                return false
            }
            return true
        }
    }

    private static func hash(_ piece: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: piece.count) &* 0x9E37_79B9_7F4A_7C15
        let raw = UnsafeRawBufferPointer(piece)
        var offset = 0
        while offset &+ 8 <= raw.count {
            hash =
                (hash ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0xBF58_476D_1CE4_E5B9
            hash ^= hash >> 29
            offset &+= 8
        }
        var rest: UInt64 = 0
        while offset < raw.count {
            rest = rest << 8 | UInt64(raw[offset])
            offset &+= 1
        }
        hash = (hash ^ rest) &* 0x94D0_49BB_1331_11EB
        return hash ^ (hash >> 31)
    }
}

/// Caches for as many threads as tokenize at a time.
final class PieceCachePool: Sendable {
    private let caches = Mutex<[Unshared]>([])

    /// A cache that one thread at a time holds.
    private struct Unshared: @unchecked Sendable { let cache: PieceCache }

    /// Lends a cache to `body`.
    func withCache<Result>(_ body: (PieceCache) throws -> Result) rethrows -> Result {
        let lent = caches.withLock { $0.popLast() } ?? Unshared(cache: PieceCache())
        defer { caches.withLock { $0.append(lent) } }
        return try body(lent.cache)
    }
}
