/// How one document becomes a sequence of one length: a token in front and one after, the middle cut, the rest filled.
struct TokenSequence: Sendable {
    var length: Int
    var first: Int32?
    var last: Int32?
    var filler: Int32

    /// The tokens of a document that fit.
    func room(for tokenCount: Int) -> Int {
        max(0, min(tokenCount, length - (first == nil ? 0 : 1) - (last == nil ? 0 : 1)))
    }

    func write(_ file: TokenFile, document: Int, to tokens: UnsafeMutablePointer<Int32>) {
        let range = file.range(ofDocument: document)
        var place = 0
        if let first {
            tokens[place] = first
            place += 1
        }
        let taken = room(for: range.count)
        file.copy(range.lowerBound..<(range.lowerBound + taken), to: tokens + place)
        place += taken
        if let last, place < length {
            tokens[place] = last
            place += 1
        }
        (tokens + place).update(repeating: filler, count: length - place)
    }
}
