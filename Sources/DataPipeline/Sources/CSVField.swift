/// One field of a row, still as bytes of the mapped file; decoding happens on demand.
///
/// It is valid only inside the call that handed it out.
public struct CSVField {
    /// The field's number in its row, counted from 0.
    public let column: Int
    /// The content as written, without enclosing quotes; a quote inside is still doubled where `isEscaped`.
    public let bytes: UnsafeBufferPointer<UInt8>
    /// Whether `bytes` holds doubled quotes that stand for one each.
    public let isEscaped: Bool
    /// Where the content begins in its file, in bytes.
    let offset: Int

    /// The content, exactly as the file means it.
    public var string: String { Self.decode(bytes, isEscaped: isEscaped) }

    /// The content without spaces and tabs around it.
    public var text: String { Self.decode(trimmed, isEscaped: isEscaped) }

    /// The content as a finite decimal number such as `-1.5e3`, spaces around it ignored; nil where it is
    /// none.
    public var number: Double? { Self.number(trimmed) }

    /// The content without spaces and tabs around it, as bytes.
    var trimmed: UnsafeBufferPointer<UInt8> {
        var start = 0
        var end = bytes.count
        while start < end, Self.isBlank(bytes[start]) { start += 1 }
        while end > start, Self.isBlank(bytes[end - 1]) { end -= 1 }
        return UnsafeBufferPointer(rebasing: bytes[start..<end])
    }

    /// The finite decimal number that `bytes` spell, or nil. Hexadecimal, `inf` and `nan` are no numbers
    /// here.
    static func number(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        guard !bytes.isEmpty, bytes.count <= 400 else { return nil }
        if let value = shortNumber(bytes) { return value }
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "+"),
                UInt8(ascii: "e"), UInt8(ascii: "E"):
                continue
            default: return nil
            }
        }
        guard let value = Double(String(decoding: bytes, as: UTF8.self)), value.isFinite else { return nil }
        return value
    }

    /// A number of few digits without an exponent, as most are: digits that make a whole number below 2^53, divided by a
    /// power of ten that is exact, round once and so rightly (Clinger 1990). Nil for all others, numbers or not.
    private static func shortNumber(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        var at = 0
        let isNegative = bytes[0] == UInt8(ascii: "-")
        if isNegative || bytes[0] == UInt8(ascii: "+") { at = 1 }
        guard at < bytes.count, bytes.count &- at <= 17 else { return nil }
        var (digits, point) = (UInt64(0), -1)
        let first = at
        while at < bytes.count {
            let digit = bytes[at] &- UInt8(ascii: "0")
            if digit <= 9 {
                digits = digits &* 10 &+ UInt64(digit)
            } else if bytes[at] == UInt8(ascii: "."), point < 0, at > first, at &+ 1 < bytes.count {
                point = at
            } else {
                return nil
            }
            at &+= 1
        }
        guard digits < 1 << 53 else { return nil }
        let decimals = point < 0 ? 0 : bytes.count &- 1 &- point
        let value = powersOfTen.withUnsafeBufferPointer { Double(digits) / $0[decimals] }
        return isNegative ? -value : value
    }

    /// 10^0 to 10^17, all of them exact.
    private static let powersOfTen: [Double] = (0...17).map { exponent in
        (0..<exponent).reduce(1) { power, _ in power * 10 }
    }

    /// The same for a string.
    static func number(_ text: String) -> Double? {
        var text = text
        return text.withUTF8 { number($0) }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    private static func decode(_ bytes: UnsafeBufferPointer<UInt8>, isEscaped: Bool) -> String {
        guard isEscaped else { return String(decoding: bytes, as: UTF8.self) }
        var unescaped: [UInt8] = []
        unescaped.reserveCapacity(bytes.count)
        var skipsQuote = false
        for byte in bytes {
            if byte == UInt8(ascii: "\""), skipsQuote {
                skipsQuote = false
                continue
            }
            skipsQuote = byte == UInt8(ascii: "\"")
            unescaped.append(byte)
        }
        return String(decoding: unescaped, as: UTF8.self)
    }
}
