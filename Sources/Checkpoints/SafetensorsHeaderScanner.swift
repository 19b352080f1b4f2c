/// Reads the JSON of a safetensors header, which is an object of objects and no deeper.
///
/// A scanner of its own, because a general reader builds the whole tree first, lets the last of two equal
/// keys win and may recurse as deep as its input says. This one holds what it accepts and stops at the first
/// fault.
struct SafetensorsHeaderScanner {
    /// What is wrong, and in which tensor's description.
    struct Failure: Error {
        var what: String
        var offset: Int
        var tensor: String?

        var message: String {
            let place = "at byte \(8 + offset) of the file"
            return tensor.map { "tensor '\($0)': \(what), \(place)" } ?? "\(what), \(place)"
        }
    }

    private let text: UnsafeRawBufferPointer
    private var position = 0
    private var tensor: String?

    init(_ text: UnsafeRawBufferPointer) {
        self.text = text
    }

    /// Reads the whole header; ranges are still relative to the data.
    mutating func scan(into header: inout SafetensorsHeader) throws(Failure) {
        var names: Set<String> = []
        // Byte 0 must be the brace: the reference implementation demands it.
        guard text.first == UInt8(ascii: "{") else { throw failure("the header does not begin with '{'") }
        try members { (scanner, name) throws(Failure) in
            guard names.insert(name).inserted else { throw scanner.failure("the key '\(name)' comes twice") }
            guard names.count <= SafetensorsLimits.tensorCount else {
                throw scanner.failure("there are more than \(SafetensorsLimits.tensorCount) tensors")
            }
            if name == "__metadata__" {
                header.metadata = try scanner.metadata()
            } else {
                header.entries.append(try scanner.entry(name))
            }
        }
        skipSpace()
        if position < text.count { throw failure("more text follows the last brace") }
    }

    private mutating func entry(_ name: String) throws(Failure) -> SafetensorsEntry {
        tensor = name
        var (elementType, shape, range): (TensorElementType?, [Int]?, Range<Int>?)
        try members { (scanner, key) throws(Failure) in
            switch key {
            case "dtype" where elementType == nil:
                let type = try scanner.string()
                elementType = TensorElementType(rawValue: type)
                if elementType == nil { throw scanner.failure("the type '\(type)' is not supported") }
            case "shape" where shape == nil:
                shape = try scanner.integers(limit: SafetensorsLimits.dimensionCount)
            case "data_offsets" where range == nil:
                let offsets = try scanner.integers(limit: 2)
                guard offsets.count == 2, offsets[0] <= offsets[1] else {
                    throw scanner.failure("data_offsets must be a begin and an end, not \(offsets)")
                }
                range = offsets[0]..<offsets[1]
            default:
                throw scanner.failure("the key '\(key)' is unknown or comes twice")
            }
        }
        guard let elementType, let shape, let range else {
            throw failure("dtype, shape or data_offsets is missing")
        }
        tensor = nil
        return SafetensorsEntry(name: name, elementType: elementType, shape: shape, byteRange: range)
    }

    private mutating func metadata() throws(Failure) -> [String: String] {
        var result: [String: String] = [:]
        var byteCount = 0
        try members { (scanner, key) throws(Failure) in
            guard result[key] == nil else { throw scanner.failure("the metadata key '\(key)' comes twice") }
            let value = try scanner.string(limit: SafetensorsLimits.metadataByteCount)
            byteCount += key.utf8.count + value.utf8.count
            guard byteCount <= SafetensorsLimits.metadataByteCount, result.count < 10_000 else {
                throw scanner.failure("the metadata are too large")
            }
            result[key] = value
        }
        return result
    }

    // MARK: JSON

    private func failure(_ what: String) -> Failure {
        Failure(what: what, offset: position, tensor: tensor)
    }

    /// Reads an object, handing each key to `body`, which reads the value.
    private mutating func members(
        _ body: (inout SafetensorsHeaderScanner, String) throws(Failure) -> Void
    ) throws(Failure) {
        try expect("{")
        if take("}") { return }
        repeat {
            let key = try string()
            try expect(":")
            try body(&self, key)
        } while take(",")
        try expect("}")
    }

    private mutating func integers(limit: Int) throws(Failure) -> [Int] {
        var result: [Int] = []
        try expect("[")
        if take("]") { return result }
        repeat {
            guard result.count < limit else { throw failure("a list has more than \(limit) numbers") }
            result.append(try integer())
        } while take(",")
        try expect("]")
        return result
    }

    private mutating func integer() throws(Failure) -> Int {
        skipSpace()
        let start = position
        var value = 0
        while position < text.count, text[position] &- 48 < 10 {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(text[position] - 48))
            if overflow || carry { throw failure("a number is too large") }
            value = sum
            position += 1
        }
        if position == start { throw failure("a whole number, not negative, is missing") }
        if position - start > 1, text[start] == 48 { throw failure("a number begins with 0") }
        return value
    }

    private mutating func string(limit: Int = SafetensorsLimits.nameByteCount) throws(Failure) -> String {
        try expect("\"")
        var bytes: [UInt8] = []
        while position < text.count {
            // All up to the next quote or escape at once.
            let start = position
            while position < text.count, Self.isPlain(text[position]), position - start <= limit {
                position += 1
            }
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[start..<position]))
            if bytes.count > limit { throw failure("a name is longer than \(limit) bytes") }
            guard position < text.count else { break }
            let byte = text[position]
            position += 1
            if byte == UInt8(ascii: "\"") {
                guard let string = String(validating: bytes, as: UTF8.self) else {
                    throw failure("a name is not UTF-8")
                }
                return string
            }
            if byte < 0x20 { throw failure("a control character stands in a name") }
            bytes.append(contentsOf: String(try escapedScalar()).utf8)
        }
        throw failure("a name does not end")
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private mutating func escapedScalar() throws(Failure) -> Unicode.Scalar {
        guard position < text.count else { throw failure("a name does not end") }
        let letter = text[position]
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw failure("an unknown escape stands in a name")
        }
        var code = try fourHexadecimalDigits()
        if code >> 10 == 0x36, position + 1 < text.count, text[position] == UInt8(ascii: "\\"),
            text[position + 1] == UInt8(ascii: "u")
        {
            position += 2
            let low = try fourHexadecimalDigits()
            guard low >> 10 == 0x37 else { throw failure("half a surrogate pair stands in a name") }
            code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff))
        }
        guard let scalar = Unicode.Scalar(code) else {
            throw failure("half a surrogate pair stands in a name")
        }
        return scalar
    }

    private mutating func fourHexadecimalDigits() throws(Failure) -> UInt32 {
        guard position + 4 <= text.count,
            let code = UInt32(String(decoding: text[position..<position + 4], as: UTF8.self), radix: 16),
            text[position] != UInt8(ascii: "+")
        else { throw failure("an escape lacks its four digits") }
        position += 4
        return code
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(Failure) {
        guard take(character) else { throw failure("'\(character)' is missing") }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < text.count, text[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while position < text.count, Self.isSpace(text[position]) { position += 1 }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09
    }
}
