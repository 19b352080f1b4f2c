import Diagnostics
import Foundation

/// A key of a recipe and the values that a sweep tries for it: what follows `--over`.
public struct SweepAxis: Sendable, Equatable {
    /// Where values come from.
    public enum Values: Sendable, Equatable {
        /// These, in order.
        case list([String])
        /// Any number from the first to the second.
        case uniform(Double, Double)
        /// Any number from the first to the second, each factor as likely as the others.
        case logarithmic(Double, Double)
        /// Any whole number from the first to the second.
        case integers(Int, Int)
    }

    /// The key, for instance `training.optimizer.rate`.
    public let key: String
    /// Its values.
    public let values: Values

    /// Reads `key=a,b,c`, `key=uniform(0,0.5)`, `key=log(0.0001,0.01)` or `key=integers(16,256)`. Commas inside brackets
    /// do not separate values, so `model.hidden=[64],[128,64]` has two.
    /// - Throws: 2 for anything else.
    public init(_ text: String) throws {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            throw Self.failure(text, "has no key and '='")
        }
        key = String(text[..<equals])
        let rest = String(text[text.index(after: equals)...])
        for (name, make) in Self.ranges {
            guard rest.hasPrefix(name + "("), rest.hasSuffix(")") else { continue }
            let bounds = rest.dropFirst(name.count + 1).dropLast().split(separator: ",").map {
                Double($0.trimmingCharacters(in: .whitespaces))
            }
            guard bounds.count == 2, let low = bounds[0], let high = bounds[1], let values = make(low, high)
            else { throw Self.failure(text, "needs a smaller and a larger number between the brackets") }
            self.values = values
            return
        }
        let list = Self.split(rest)
        guard list.allSatisfy({ !$0.isEmpty }) else { throw Self.failure(text, "has an empty value") }
        guard Set(list).count == list.count else { throw Self.failure(text, "has a value twice") }
        values = .list(list)
    }

    private static let ranges: [(String, @Sendable (Double, Double) -> Values?)] = [
        ("uniform", { $0.isFinite && $1.isFinite && $0 < $1 ? .uniform($0, $1) : nil }),
        ("log", { $0 > 0 && $1.isFinite && $0 < $1 ? .logarithmic($0, $1) : nil }),
        (
            "integers",
            { low, high in
                let isWhole = low == low.rounded() && high == high.rounded() && abs(low) < 1e9 && high < 1e9
                return isWhole && low < high ? .integers(Int(low), Int(high)) : nil
            }
        ),
    ]

    /// The texts between the commas that are not inside brackets or quotes.
    private static func split(_ text: String) -> [String] {
        var (parts, part, depth, isQuoted) = ([String](), "", 0, false)
        for character in text {
            if character == "\"" { isQuoted.toggle() }
            if !isQuoted, "[{(".contains(character) { depth += 1 }
            if !isQuoted, "]})".contains(character) { depth -= 1 }
            if character == ",", depth == 0, !isQuoted {
                parts.append(part)
                part = ""
            } else {
                part.append(character)
            }
        }
        return (parts + [part]).map { $0.trimmingCharacters(in: .whitespaces) }
    }

    private static func failure(_ text: String, _ problem: String) -> LockstepError {
        LockstepError(
            .usage, "--over '\(text.prefix(120))' \(problem)",
            remedy: "write for instance --over training.optimizer.rate=0.001,0.003")
    }

    /// The values of a list; nil for a range, which has too many to try all.
    var list: [String]? { if case .list(let list) = values { list } else { nil } }

    /// A value for a number from 0 to below 1. Numbers have four digits: no training tells more apart.
    func value(at share: Double) -> String {
        func text(_ number: Double) -> String { String(format: "%.4g", number) }
        switch values {
        case .list(let list): return list[min(list.count - 1, Int(share * Double(list.count)))]
        case .uniform(let low, let high): return text(low + share * (high - low))
        case .logarithmic(let low, let high): return text(low * pow(high / low, share))
        case .integers(let low, let high): return String(low + Int(share * Double(high - low + 1)))
        }
    }
}

/// The trials of a sweep: for each, the settings that differ from the recipe's.
public enum SweepSpace {
    /// The most trials of one sweep.
    public static let trialLimit = 10_000

    /// Every combination of values, the last key's changing fastest.
    /// - Throws: 2 for a range, or too many combinations.
    public static func grid(_ axes: [SweepAxis]) throws -> [[String]] {
        try check(axes)
        var trials: [[String]] = [[]]
        for axis in axes {
            guard let list = axis.list else {
                throw LockstepError(
                    .usage, "--over \(axis.key) is a range, of which not all values can be tried",
                    remedy: "add --random N to try N of them")
            }
            trials = trials.flatMap { trial in list.map { trial + ["\(axis.key)=\($0)"] } }
            guard trials.count <= trialLimit else {
                throw LockstepError(
                    .usage, "there are more than \(trialLimit) combinations",
                    remedy: "add --random N to try N of them")
            }
        }
        return trials
    }

    /// So many combinations, drawn by a seed, each once.
    /// - Throws: 2 for a number that cannot be.
    public static func random(_ axes: [SweepAxis], count: Int, seed: UInt64) throws -> [[String]] {
        try check(axes)
        guard (1...trialLimit).contains(count) else {
            throw LockstepError(.usage, "--random must be from 1 to \(trialLimit), is \(count)")
        }
        var (trials, seen): ([[String]], Set<[String]>) = ([], [])
        var state = seed &+ 0x5357_4545_5021
        func uniform() -> Double {
            // SplitMix64 (Steele, Lea and Flood 2014).
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return Double((mixed ^ (mixed >> 31)) >> 11) * 0x1p-53
        }
        // A small grid may have fewer combinations than were asked for.
        for _ in 0..<(100 * count) where trials.count < count {
            let trial = axes.map { "\($0.key)=\($0.value(at: uniform()))" }
            if seen.insert(trial).inserted { trials.append(trial) }
        }
        return trials
    }

    private static func check(_ axes: [SweepAxis]) throws {
        guard !axes.isEmpty else {
            throw LockstepError(
                .usage, "a sweep needs at least one key to vary",
                remedy: "add for instance --over training.optimizer.rate=0.001,0.003")
        }
        guard Set(axes.map(\.key)).count == axes.count else {
            throw LockstepError(
                .usage, "two --over name the same key", remedy: "list all values of a key in one --over")
        }
    }
}
