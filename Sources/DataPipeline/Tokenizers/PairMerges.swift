/// The merges of a byte-pair encoding: which pairs of identifiers become one, in which order.
struct PairMerges: Sendable {
    private static let empty = UInt64.max

    private var keys: [UInt64]
    /// Rank in the upper half, the new identifier in the lower: the smallest is merged first.
    private var values: [UInt64]
    private let mask: Int

    /// Merges by rising rank; of a pair listed twice the later one counts, as in `tokenizers`.
    init(_ merges: [(left: Int32, right: Int32, merged: Int32)]) {
        var capacity = 16
        while capacity < 2 * merges.count { capacity *= 2 }
        keys = Array(repeating: Self.empty, count: capacity)
        values = Array(repeating: Self.empty, count: capacity)
        mask = capacity - 1
        for (rank, merge) in merges.enumerated() {
            let key = Self.key(merge.left, merge.right)
            var slot = Self.slot(key, mask)
            while keys[slot] != Self.empty, keys[slot] != key { slot = (slot + 1) & mask }
            keys[slot] = key
            values[slot] = UInt64(rank) << 32 | UInt64(UInt32(bitPattern: merge.merged))
        }
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private static func slot(_ key: UInt64, _ mask: Int) -> Int {
        let hash = key &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: (hash ^ (hash >> 32)) & 0x7FFF_FFFF_FFFF) & mask
    }

    /// Rank and new identifier of a pair, or the largest number where it is not merged.
    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> UInt64 {
        let key = Self.key(left, right)
        var slot = Self.slot(key, mask)
        while keys[slot] != Self.empty {
            if keys[slot] == key { return values[slot] }
            slot = (slot &+ 1) & mask
        }
        return Self.empty
    }

    /// Merges the identifiers from `start` on as long as a pair can be: the lowest rank first, the leftmost of equal
    /// ones.
    func apply(to identifiers: inout [Int32], from start: Int) {
        if identifiers.count - start > 48 {
            applyByQueue(to: &identifiers, from: start)
        } else {
            applyByScan(to: &identifiers, from: start)
        }
    }

    /// For short pieces: looks at every pair anew for each merge.
    private func applyByScan(to identifiers: inout [Int32], from start: Int) {
        while true {
            var (best, place) = (Self.empty, 0)
            for index in start..<max(start, identifiers.count - 1) {
                let value = merge(identifiers[index], identifiers[index &+ 1])
                if value < best { (best, place) = (value, index) }
            }
            guard best != Self.empty else { return }
            identifiers[place] = Int32(truncatingIfNeeded: best)
            identifiers.remove(at: place + 1)
        }
    }

    /// For long ones: a queue of pairs over a linked list, in n log n steps, so that no text takes forever.
    private func applyByQueue(to identifiers: inout [Int32], from start: Int) {
        var symbols = Array(identifiers[start...])
        var next = symbols.indices.map { $0 + 1 }
        var previous = symbols.indices.map { $0 - 1 }
        var queue = BinaryHeap<Candidate>()
        func push(_ left: Int) {
            guard left >= 0, next[left] < symbols.count else { return }
            let value = merge(symbols[left], symbols[next[left]])
            if value != Self.empty {
                queue.push(
                    Candidate(value: value, place: left, left: symbols[left], right: symbols[next[left]]))
            }
        }
        for index in symbols.indices.dropLast() { push(index) }
        while let top = queue.pop() {
            let right = next[top.place]
            // Stale where one of the two was merged away since.
            guard symbols[top.place] == top.left, right < symbols.count, symbols[right] == top.right else {
                continue
            }
            symbols[top.place] = Int32(truncatingIfNeeded: top.value)
            symbols[right] = -1
            next[top.place] = next[right]
            if next[right] < symbols.count { previous[next[right]] = top.place }
            push(previous[top.place])
            push(top.place)
        }
        identifiers.removeSubrange(start...)
        identifiers.append(contentsOf: symbols.filter { $0 >= 0 })
    }

    private struct Candidate: Comparable {
        var value: UInt64
        var place: Int
        var left: Int32
        var right: Int32

        static func < (one: Candidate, other: Candidate) -> Bool {
            one.value != other.value ? one.value < other.value : one.place < other.place
        }
    }
}

/// A queue that gives its smallest element first.
struct BinaryHeap<Element: Comparable> {
    private var elements: [Element] = []

    mutating func push(_ element: Element) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0, elements[child] < elements[(child - 1) / 2] {
            elements.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> Element? {
        guard let top = elements.first, let last = elements.popLast() else { return nil }
        guard !elements.isEmpty else { return top }
        elements[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < elements.count && elements[child] < elements[smallest] {
                smallest = child
            }
            guard smallest != parent else { return top }
            elements.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
