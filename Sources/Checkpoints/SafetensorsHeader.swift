import Diagnostics

/// One tensor of a safetensors file: where its row-major elements lie.
public struct SafetensorsEntry: Sendable, Equatable {
    /// The tensor's name.
    public var name: String
    /// The type of the elements.
    public var elementType: TensorElementType
    /// The extents, slowest first; empty for a scalar.
    public var shape: [Int]
    /// The place of the elements, in bytes from the start of the file.
    public var byteRange: Range<Int>

    /// The number of elements.
    public var elementCount: Int { byteRange.count / elementType.byteCount }
}

/// The limits on what a safetensors file may ask of its reader.
package enum SafetensorsLimits {
    /// The reference implementation's limit.
    package static let headerByteCount = 100_000_000
    /// Far beyond any model, and read in well under a second.
    package static let tensorCount = 50_000
    package static let nameByteCount = 4_096
    package static let dimensionCount = 32
    package static let metadataByteCount = 16 << 20
}

/// The header of a safetensors file, checked whole: afterwards every range lies in the file, in order,
/// without holes or overlaps, and has the size its shape and type say.
struct SafetensorsHeader {
    /// Free text by key.
    var metadata: [String: String] = [:]
    /// By rising place in the file.
    var entries: [SafetensorsEntry] = []
    /// Where the tensors begin, in bytes from the start of the file.
    var dataStart = 8

    /// Reads the header at the start of a file.
    ///
    /// - Parameter fileByteCount: the size that the file should have, where that is not the size it has.
    /// - Throws: 65 naming the file and, where one is at fault, the tensor.
    init(_ file: UnsafeRawBufferPointer, path: String, fileByteCount: Int? = nil) throws {
        func bad(_ message: String, cause: (any Error)? = nil) -> LockstepError {
            LockstepError(
                .badData, message, at: FileLocation(path),
                remedy: "the file is damaged or not in the safetensors format", cause: cause)
        }
        guard file.count >= 8 else { throw bad("\(file.count) bytes are too few for a safetensors file") }
        let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
        guard length <= SafetensorsLimits.headerByteCount else {
            throw bad(
                "the header says it has \(length) bytes; the limit is \(SafetensorsLimits.headerByteCount)")
        }
        guard length <= file.count - 8 else {
            throw bad("the header says it has \(length) bytes, but the file ends \(file.count - 8) bytes on")
        }
        dataStart = 8 + Int(length)
        let text = UnsafeRawBufferPointer(rebasing: file[8..<dataStart])
        do throws(SafetensorsHeaderScanner.Failure) {
            var scanner = SafetensorsHeaderScanner(text)
            try scanner.scan(into: &self)
        } catch {
            throw bad(error.message)
        }
        if let message = placeEntries(fileByteCount: fileByteCount ?? file.count) { throw bad(message) }
    }

    /// Turns ranges relative to the data into ranges of the file, in order, and checks that they fill the
    /// file.
    ///
    /// - Returns: what is wrong, if anything.
    private mutating func placeEntries(fileByteCount: Int) -> String? {
        let dataByteCount = fileByteCount - dataStart
        entries.sort { left, right in
            (left.byteRange.lowerBound, left.byteRange.upperBound, left.name)
                < (right.byteRange.lowerBound, right.byteRange.upperBound, right.name)
        }
        var end = 0
        for index in entries.indices {
            let entry = entries[index]
            let range = entry.byteRange
            guard range.upperBound <= dataByteCount else {
                return "tensor '\(entry.name)' ends at byte \(range.upperBound) of \(dataByteCount): "
                    + "past the end of the file"
            }
            if range.lowerBound < end {
                return "tensor '\(entry.name)' overlaps tensor '\(entries[index - 1].name)'"
            }
            if range.lowerBound > end {
                return "\(range.lowerBound - end) bytes before tensor '\(entry.name)' belong to no tensor"
            }
            guard entry.expectedByteCount == range.count else {
                let expected =
                    entry.expectedByteCount.map { "\($0) bytes" } ?? "more bytes than can be counted"
                return
                    "tensor '\(entry.name)' of shape \(entry.shape) and type \(entry.elementType.rawValue) "
                    + "needs \(expected) and has \(range.count)"
            }
            end = range.upperBound
            entries[index].byteRange = dataStart + range.lowerBound..<dataStart + range.upperBound
        }
        return end == dataByteCount ? nil : "the last \(dataByteCount - end) bytes belong to no tensor"
    }
}

extension SafetensorsEntry {
    /// The size that type and shape ask for; `nil` where it overflows.
    fileprivate var expectedByteCount: Int? { Self.byteCount(shape: shape, elementType: elementType) }

    /// The size of a tensor; `nil` for negative extents and where it overflows.
    static func byteCount(shape: [Int], elementType: TensorElementType) -> Int? {
        var product = elementType.byteCount
        for extent in shape {
            let (next, overflow) = product.multipliedReportingOverflow(by: extent)
            if overflow || extent < 0 { return nil }
            product = next
        }
        return product
    }
}
