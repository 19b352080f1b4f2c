import Diagnostics

extension ByteLevelTokenizer {
    /// Learns merges from texts: again and again the most frequent pair of neighbours inside a piece becomes a token,
    /// of equally frequent ones the pair with the lower numbers (Sennrich et al. 2016; the result is that of
    /// `tokenizers`' BpeTrainer with ByteLevel's alphabet).
    /// - Parameters:
    ///   - vocabularySize: identifiers at most, added tokens and the 256 bytes counted.
    ///   - minimumCount: rarer pairs are not merged.
    ///   - addedTokens: tokens such as `<|endoftext|>`; they get the first identifiers.
    ///   - visit: hands texts to its argument one by one, in any order.
    /// - Throws: 2 for a vocabulary too small for bytes and added tokens; 65 for an added token that is empty, a byte's,
    ///   or listed twice; what `visit` throws.
    public static func train(
        vocabularySize: Int, minimumCount: Int = 2, addedTokens: [String] = [],
        visiting visit: ((UnsafeBufferPointer<UInt8>) throws -> Void) throws -> Void
    ) throws -> ByteLevelTokenizer {
        let smallest = 256 + addedTokens.count
        guard (smallest...(1 << 24)).contains(vocabularySize), minimumCount >= 1 else {
            throw LockstepError(
                .usage,
                "no vocabulary of \(vocabularySize) tokens can be trained (minimum count \(minimumCount))",
                remedy: "use at least \(smallest) tokens and a count of at least 1")
        }
        var counts: [WordBytes: Int] = [:]
        try visit { text in
            PieceSplitter.forEachPiece(in: text) { piece, isWellFormed in
                let bytes = isWellFormed ? Array(piece) : UnicodeScanner.repaired(piece)
                counts[WordBytes(bytes: bytes), default: 0] += 1
            }
        }
        var parts = Parts()
        parts.addedTokens = addedTokens.enumerated().map { AddedToken(content: $1, identifier: Int32($0)) }
        // Bytes are numbered in the order of the characters that write them.
        let order = (0..<256).sorted { ByteAlphabet.scalars[$0] < ByteAlphabet.scalars[$1] }
        parts.tokens = addedTokens + order.map { ByteAlphabet.text(of: [UInt8($0)]) }
        guard addedTokens.allSatisfy({ !$0.isEmpty }), Set(parts.tokens).count == parts.tokens.count else {
            throw LockstepError(.badData, "an added token is empty, a byte's own, or listed twice")
        }
        var trainer = MergeTrainer(counts, order: order, firstIdentifier: addedTokens.count)
        trainer.train(&parts, vocabularySize: vocabularySize, minimumCount: minimumCount)
        return try ByteLevelTokenizer(parts, at: nil)
    }
}

/// The words of the texts as lists of identifiers, how often each pair stands in them, and where.
struct MergeTrainer {
    private struct Candidate: Comparable {
        var count: Int
        var pair: UInt64

        /// The most frequent first, then the lower numbers.
        static func < (one: Candidate, other: Candidate) -> Bool {
            one.count != other.count ? one.count > other.count : one.pair < other.pair
        }
    }

    /// The token that two make.
    private let join: (String, String) -> String
    private var words: [[Int32]] = []
    private var wordCounts: [Int] = []
    private var pairCounts: [UInt64: Int] = [:]
    private var places: [UInt64: Set<Int>] = [:]
    private var queue = BinaryHeap<Candidate>()

    init(_ counts: [WordBytes: Int], order: [Int], firstIdentifier: Int) {
        var identifiers = [Int32](repeating: 0, count: 256)
        for (position, byte) in order.enumerated() { identifiers[byte] = Int32(firstIdentifier + position) }
        self.init(
            counts.map { word, count in (word.bytes.map { identifiers[Int($0)] }, count) }, join: +)
    }

    /// - Parameter words: each word's identifiers, and how often it occurs.
    init(_ words: [(identifiers: [Int32], count: Int)], join: @escaping (String, String) -> String) {
        self.join = join
        for word in words {
            self.words.append(word.identifiers)
            wordCounts.append(word.count)
        }
        for (number, word) in self.words.enumerated() {
            for (left, right) in zip(word, word.dropFirst()) {
                pairCounts[Self.pair(left, right), default: 0] += wordCounts[number]
                places[Self.pair(left, right), default: []].insert(number)
            }
        }
        for (pair, count) in pairCounts { queue.push(Candidate(count: count, pair: pair)) }
    }

    private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    mutating func train(_ parts: inout ByteLevelTokenizer.Parts, vocabularySize: Int, minimumCount: Int) {
        var identifiers: [String: Int32] = [:]
        for (number, token) in parts.tokens.enumerated() {
            if let token { identifiers[token] = Int32(number) }
        }
        while parts.tokens.count < vocabularySize, let top = queue.pop() {
            let count = pairCounts[top.pair] ?? 0
            guard count == top.count else {
                queue.push(Candidate(count: count, pair: top.pair))
                continue
            }
            guard count >= max(1, minimumCount) else { return }
            let (left, right) = (
                Int32(truncatingIfNeeded: top.pair >> 32), Int32(truncatingIfNeeded: top.pair)
            )
            guard let one = parts.tokens[Int(left)], let other = parts.tokens[Int(right)] else { return }
            // Two ways may lead to one token.
            let joined = join(one, other)
            let merged = identifiers[joined] ?? Int32(parts.tokens.count)
            if Int(merged) == parts.tokens.count { parts.tokens.append(joined) }
            identifiers[joined] = merged
            parts.merges.append([one, other])
            merge(left, right, into: merged)
        }
    }

    private mutating func merge(_ left: Int32, _ right: Int32, into merged: Int32) {
        var grown: Set<UInt64> = []
        for number in places.removeValue(forKey: Self.pair(left, right)) ?? [] {
            for (pair, change) in mergeWord(number, left, right, into: merged) {
                pairCounts[pair, default: 0] += change * wordCounts[number]
                if change > 0 {
                    places[pair, default: []].insert(number)
                    grown.insert(pair)
                }
            }
        }
        for pair in grown {
            let count = pairCounts[pair] ?? 0
            if count > 0 { queue.push(Candidate(count: count, pair: pair)) }
        }
    }

    /// Merges a pair in one word, and tells which pairs of neighbours came and went.
    private mutating func mergeWord(
        _ number: Int, _ left: Int32, _ right: Int32, into merged: Int32
    ) -> [(pair: UInt64, change: Int)] {
        let old = words[number]
        var new: [Int32] = []
        var changes: [(pair: UInt64, change: Int)] = []
        var index = 0
        while index < old.count {
            guard old[index] == left, index + 1 < old.count, old[index + 1] == right else {
                new.append(old[index])
                index += 1
                continue
            }
            if let before = new.last {
                changes.append((Self.pair(before, left), -1))
                changes.append((Self.pair(before, merged), 1))
            }
            if index + 2 < old.count {
                changes.append((Self.pair(right, old[index + 2]), -1))
                changes.append((Self.pair(merged, old[index + 2]), 1))
            }
            new.append(merged)
            index += 2
        }
        words[number] = new
        return changes
    }
}
