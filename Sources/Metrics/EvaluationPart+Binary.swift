import Diagnostics

/// The compact form in which parts travel between ranks, little-endian:
/// magic (4 bytes), kind of truth (4), batch (8), bits of the loss sum (8), score count (8), truth count (8),
/// scores (4 each), truth (4 each), FNV-1a checksum of all before it (8). Counts of tokens are four words of truth.
extension EvaluationPart {
    private static let magic: UInt32 = 0x3150_4b4c  // "LKP1"
    private static let fixedByteCount = 48

    /// The part as bytes, which ``init(decoding:)`` reads back bit by bit.
    public func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.fixedByteCount + 4 * (scores.count + truthWordCount))
        bytes.append(littleEndian: Self.magic)
        switch truth {
        case .labels: bytes.append(littleEndian: UInt32(0))
        case .targets: bytes.append(littleEndian: UInt32(1))
        case .tokens: bytes.append(littleEndian: UInt32(2))
        }
        bytes.append(littleEndian: Int64(batch))
        bytes.append(littleEndian: lossSum.bitPattern)
        bytes.append(littleEndian: UInt64(scores.count))
        bytes.append(littleEndian: UInt64(truthWordCount))
        for score in scores { bytes.append(littleEndian: score.bitPattern) }
        switch truth {
        case .labels(let labels): for label in labels { bytes.append(littleEndian: label) }
        case .targets(let targets): for target in targets { bytes.append(littleEndian: target.bitPattern) }
        case .tokens(let count, let right):
            for number in [count, right] { bytes.append(littleEndian: Int64(number)) }
        }
        bytes.append(littleEndian: checksum(of: bytes[...]))
        return bytes
    }

    /// Reads what ``encode()`` wrote.
    ///
    /// - Throws: 65 where bytes are missing, too many or damaged.
    public init(decoding bytes: [UInt8]) throws {
        var reader = ByteReader(bytes: bytes)
        guard bytes.count >= Self.fixedByteCount, reader.next(UInt32.self) == Self.magic else {
            throw Self.damaged("it does not begin as one")
        }
        let body = bytes.count - 8
        var tail = ByteReader(bytes: bytes, position: body)
        guard tail.next(UInt64.self) == checksum(of: bytes[..<body]) else {
            throw Self.damaged("its checksum is wrong")
        }
        let kind = reader.next(UInt32.self)
        let batch = reader.next(Int64.self)
        let lossSum = Double(bitPattern: reader.next(UInt64.self))
        let scoreCount = reader.next(UInt64.self)
        let truthCount = reader.next(UInt64.self)
        let available = UInt64((bytes.count - Self.fixedByteCount) / 4)
        guard kind <= 2, batch >= 0, scoreCount <= available, truthCount == available - scoreCount,
            (bytes.count - Self.fixedByteCount) % 4 == 0
        else { throw Self.damaged("its counts do not fit its \(bytes.count) bytes") }
        let scores = (0..<Int(scoreCount)).map { _ in Float(bitPattern: reader.next(UInt32.self)) }
        if kind == 2 {
            guard truthCount == Self.tokenWordCount, scores.isEmpty else {
                throw Self.damaged("it has \(truthCount) words for two counts")
            }
            let (count, right) = (reader.next(Int64.self), reader.next(Int64.self))
            guard right >= 0, count >= right else { throw Self.damaged("its counts cannot be") }
            self.init(batch: Int(batch), lossSum: lossSum, tokenCount: Int(count), rightCount: Int(right))
        } else if kind == 0 {
            let labels = (0..<Int(truthCount)).map { _ in reader.next(Int32.self) }
            self.init(batch: Int(batch), lossSum: lossSum, scores: scores, labels: labels)
        } else {
            let targets = (0..<Int(truthCount)).map { _ in Float(bitPattern: reader.next(UInt32.self)) }
            self.init(batch: Int(batch), lossSum: lossSum, scores: scores, targets: targets)
        }
    }

    /// Words of two counts of eight bytes.
    private static let tokenWordCount = 4

    /// Words of four bytes that the truth takes.
    private var truthWordCount: Int {
        if case .tokens = truth { return Self.tokenWordCount }
        return count
    }

    private static func damaged(_ why: String) -> LockstepError {
        LockstepError(.badData, "a part of an evaluation arrived damaged: \(why)")
    }
}

/// FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): any single changed byte changes it.
private func checksum(of bytes: ArraySlice<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}

/// Reads integers one after the other; the caller has checked that they are there.
private struct ByteReader {
    let bytes: [UInt8]
    var position = 0

    mutating func next<Value: FixedWidthInteger>(_ type: Value.Type) -> Value {
        defer { position += MemoryLayout<Value>.size }
        return bytes.withUnsafeBytes {
            Value(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: Value.self))
        }
    }
}
