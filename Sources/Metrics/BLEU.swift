import Diagnostics
import Foundation

/// The counts from which BLEU of a corpus follows (Papineni et al. 2002), cased and with the word splitting `13a`: the
/// same as `sacrebleu`'s `corpus_bleu`. They are whole numbers, so they merge exactly in any order.
public struct BLEU: Codable, Sendable, Equatable {
    /// The longest n-grams that are counted.
    public static let longestOrder = 4

    /// How many n-grams of each order, from 1 on, are in a reference.
    public private(set) var matchCounts = [Int](repeating: 0, count: longestOrder)
    /// How many n-grams of each order the translations have.
    public private(set) var totalCounts = [Int](repeating: 0, count: longestOrder)
    /// Words of the translations.
    public private(set) var translationLength = 0
    /// Words of the references, for each translation of that nearest in length.
    public private(set) var referenceLength = 0
    /// The number of translations.
    public private(set) var count = 0

    private enum CodingKeys: CodingKey {
        case matchCounts, totalCounts, translationLength, referenceLength, count
    }

    /// Counts of nothing.
    public init() {}

    /// Reads counts and checks that they can be.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        matchCounts = try values.decode([Int].self, forKey: .matchCounts)
        totalCounts = try values.decode([Int].self, forKey: .totalCounts)
        translationLength = try values.decode(Int.self, forKey: .translationLength)
        referenceLength = try values.decode(Int.self, forKey: .referenceLength)
        count = try values.decode(Int.self, forKey: .count)
        let plausible = 0...1 << 40
        guard matchCounts.count == Self.longestOrder, totalCounts.count == Self.longestOrder,
            (totalCounts + [translationLength, referenceLength, count]).allSatisfy(plausible.contains),
            zip(matchCounts, totalCounts).allSatisfy({ $0 >= 0 && $0 <= $1 })
        else { throw LockstepError(.badData, "these are not the counts of BLEU") }
    }

    /// Adds a translation and its references, detokenized.
    /// - Throws: 65 where there is no reference.
    public mutating func add(_ translation: String, references: [String]) throws {
        guard !references.isEmpty else {
            throw LockstepError(.badData, "translation \(count) has no reference")
        }
        let words = MTEvalWords.split(translation)
        let found = nGrams(words)
        var wanted: [[[UInt8]]: Int] = [:]
        var nearest: Int?
        for reference in references {
            let words13a = MTEvalWords.split(reference)
            wanted.merge(nGrams(words13a)) { max($0, $1) }
            let (length, best) = (words13a.count, nearest ?? words13a.count)
            let (distance, bestDistance) = (abs(length - words.count), abs(best - words.count))
            nearest = distance < bestDistance || (distance == bestDistance && length < best) ? length : best
        }
        for (nGram, number) in found {
            totalCounts[nGram.count - 1] += number
            matchCounts[nGram.count - 1] += min(number, wanted[nGram] ?? 0)
        }
        translationLength += words.count
        referenceLength += nearest ?? 0
        count += 1
    }

    /// Adds all that another rank counted.
    public mutating func merge(_ other: BLEU) {
        for order in 0..<Self.longestOrder {
            matchCounts[order] += other.matchCounts[order]
            totalCounts[order] += other.totalCounts[order]
        }
        translationLength += other.translationLength
        referenceLength += other.referenceLength
        count += other.count
    }

    /// The share of n-grams of each order, in percent, that are in a reference. Where none is, the share is smoothed
    /// as `exp` of `sacrebleu` (method 3 of Chen and Cherry 2014).
    public var precisions: [Double] {
        var result = [Double](repeating: 0, count: Self.longestOrder)
        guard matchCounts.contains(where: { $0 > 0 }) else { return result }
        var smoothing = 1.0
        for order in 0..<Self.longestOrder {
            if totalCounts[order] == 0 { break }
            if matchCounts[order] == 0 { smoothing *= 2 }
            result[order] =
                matchCounts[order] == 0
                ? 100 / (smoothing * Double(totalCounts[order]))
                : 100 * Double(matchCounts[order]) / Double(totalCounts[order])
        }
        return result
    }

    /// The factor below 1 for translations that are shorter than their references.
    public var brevityPenalty: Double {
        guard translationLength < referenceLength else { return 1 }
        return translationLength > 0 ? exp(1 - Double(referenceLength) / Double(translationLength)) : 0
    }

    /// BLEU, from 0 to 100; 0 where an order has no n-gram at all.
    public var score: Double {
        let precisions = precisions
        guard precisions.allSatisfy({ $0 > 0 }) else { return 0 }
        return brevityPenalty * exp(precisions.reduce(0) { $0 + log($1) } / Double(Self.longestOrder))
    }

    private func nGrams(_ words: [[UInt8]]) -> [[[UInt8]]: Int] {
        var counts: [[[UInt8]]: Int] = [:]
        for order in 1...Self.longestOrder {
            for start in 0..<max(0, words.count - order + 1) {
                counts[Array(words[start..<(start + order)]), default: 0] += 1
            }
        }
        return counts
    }
}

/// The word splitting of NIST's mteval-v13a.pl, as `sacrebleu`'s tokenizer `13a` does it. Words are UTF-8: they are
/// compared by code points as Python does, not by canonical equivalence.
enum MTEvalWords {
    static func split(_ text: String) -> [[UInt8]] {
        var text = text
        while let last = text.unicodeScalars.last, isSpace(last) { text.unicodeScalars.removeLast() }
        text = text.replacing("<skipped>", with: "").replacing("-\n", with: "").replacing("\n", with: " ")
        if text.utf8.contains(UInt8(ascii: "&")) {
            for (entity, character) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
                text = text.replacing(entity, with: character)
            }
        }
        var scalars = [" "] + Array(text.unicodeScalars) + [" "]
        scalars = scalars.flatMap { isSymbol($0) ? [" ", $0, " "] : [$0] }
        scalars = replace(scalars) { !isDigit($0) && isPoint($1) ? [$0, " ", $1, " "] : nil }
        scalars = replace(scalars) { isPoint($0) && !isDigit($1) ? [" ", $0, " ", $1] : nil }
        scalars = replace(scalars) { isDigit($0) && $1 == "-" ? [$0, " ", $1, " "] : nil }
        return scalars.split(whereSeparator: isSpace).map { word in
            word.flatMap { Array(String(Character($0)).utf8) }
        }
    }

    /// From left to right, each pair of neighbours for which `pair` has something else; those do not overlap.
    private static func replace(
        _ scalars: [Unicode.Scalar], _ pair: (Unicode.Scalar, Unicode.Scalar) -> [Unicode.Scalar]?
    ) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var index = 0
        while index < scalars.count {
            if index + 1 < scalars.count, let other = pair(scalars[index], scalars[index + 1]) {
                result += other
                index += 2
            } else {
                result.append(scalars[index])
                index += 1
            }
        }
        return result
    }

    private static func isSymbol(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x26, 0x28...0x2B, 0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
        default: false
        }
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

    private static func isPoint(_ scalar: Unicode.Scalar) -> Bool { scalar == "." || scalar == "," }

    /// What Python's `split` takes for white space.
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }
}
