import DataPipeline

/// Turns tokens into text as they come: whole characters only, and nothing that may yet turn out to be the start of a
/// text that ends it.
struct TextStream {
    private let tokenizer: any TextTokenizer
    private let stops: [[UInt8]]
    /// Tokens whose bytes do not yet make up whole characters.
    private var pending: [Int32] = []
    /// Text that is held back.
    private var held: [UInt8] = []

    /// The most tokens that a character is made of.
    private static let longestCharacter = 4

    init(_ tokenizer: any TextTokenizer, stops: [String]) {
        self.tokenizer = tokenizer
        self.stops = stops.map { Array($0.utf8) }.filter { !$0.isEmpty }
    }

    /// Adds a token; returns the text that is certain now, and whether a stop was met, before which the text ends.
    mutating func add(_ token: Int32) -> (text: String, isStopped: Bool) {
        pending.append(token)
        let piece = tokenizer.decode(pending)
        if piece.unicodeScalars.last == "\u{FFFD}", pending.count < Self.longestCharacter {
            return ("", false)
        }
        pending.removeAll(keepingCapacity: true)
        held += Array(piece.utf8)
        if let stop = firstStop() {
            defer { held = [] }
            return (String(decoding: held[..<stop], as: UTF8.self), true)
        }
        let kept = heldBack()
        defer { held = Array(held.suffix(kept)) }
        return (String(decoding: held.dropLast(kept), as: UTF8.self), false)
    }

    /// The rest, when no token follows.
    mutating func finish() -> String {
        held += Array(tokenizer.decode(pending).utf8)
        pending = []
        defer { held = [] }
        return String(decoding: held[..<(firstStop() ?? held.count)], as: UTF8.self)
    }

    /// Where the earliest stop begins.
    private func firstStop() -> Int? {
        held.indices.first { start in stops.contains { held[start...].starts(with: $0) } }
    }

    /// Bytes at the end that a stop may begin with.
    private func heldBack() -> Int {
        let longest = min(held.count, (stops.map(\.count).max() ?? 1) - 1)
        return (0...max(0, longest)).reversed().first { count in
            stops.contains { $0.count > count && $0.starts(with: held.suffix(count)) }
        } ?? 0
    }
}
