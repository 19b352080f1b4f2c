import Checkpoints
import Foundation
import Testing

/// Against a file that the reference library wrote (`Recording/record.py`).
@Suite struct SafetensorsInteropTests {
    private let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Recording/interop.safetensors").path

    @Test func readsWhatTheReferenceWrote() throws {
        let file = try SafetensorsFile(path: path)
        #expect(file.metadata == ["format": "np", "note": "a \"quote\" and ü"])
        #expect(file.entries.count == 9)
        #expect(file.entry(named: "layer.weight")?.shape == [2, 3])
        #expect(try file.floats(of: "layer.weight") == [0, 0.25, 0.5, 0.75, 1, 1.25])
        #expect(try file.floats(of: "half") == [0.5, 65504])
        #expect(try file.floats(of: "scalar") == [3.25])
        #expect(file.entry(named: "scalar")?.shape == [])
        #expect(file.entry(named: "empty")?.shape == [0, 4])
        #expect(try file.floats(of: "empty") == [])
        #expect(try file.floats(of: "ünïcode \"quoted\"\n") == [9])
        #expect(try elements(file, "layer.bias", as: Double.self) == [1.5, -2])
        #expect(try elements(file, "ids", as: Int64.self) == [1, -2, 3])
        #expect(try elements(file, "counts", as: Int32.self) == [7, -8])
        #expect(try elements(file, "bytes", as: UInt8.self) == [1, 2, 255])
        #expect(lockstepError { _ = try file.floats(of: "ids") }?.message.contains("I64") == true)
        #expect(
            lockstepError { _ = try file.floats(of: "layer.weigth") }?.remedy?.contains("layer.weight")
                == true)
    }

    @Test func writesTheSameBytesOfDataInTheSameOrder() throws {
        let reference = try SafetensorsFile(path: path)
        let tensors = try reference.entries.map { entry in
            NamedTensor(
                entry.name, elementType: entry.elementType, shape: entry.shape,
                bytes: try reference.withBytes(of: entry.name) { Array($0) })
        }
        let folder = try TemporaryFolder()
        let copy = folder.path + "/copy.safetensors"
        try SafetensorsWriter.write(tensors.shuffled(), metadata: reference.metadata, to: copy)
        let written = try SafetensorsFile(path: copy)
        #expect(written.metadata == reference.metadata)
        #expect(written.entries.map(\.name) == reference.entries.map(\.name))
        for entry in written.entries {
            #expect(entry.byteRange.lowerBound % entry.elementType.byteCount == 0)
            let expected = try reference.withBytes(of: entry.name) { Array($0) }
            #expect(try written.withBytes(of: entry.name) { Array($0) } == expected)
        }
        let start = try #require(written.entries.first?.byteRange.lowerBound)
        #expect(start % 8 == 0)
        #expect(try readFile(copy)[start...] == readFile(path).suffix(readFile(copy).count - start))
    }

    @Test func widensSixteenBitNumbers() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/narrow.safetensors"
        let tensor = NamedTensor(
            "b", elementType: .bfloat16, shape: [3], bytes: [0x80, 0x3f, 0x00, 0xc0, 0x49, 0x40])
        try SafetensorsWriter.write([tensor], to: path)
        #expect(try SafetensorsFile(path: path).floats(of: "b") == [1, -2, 3.140625])
    }

    private func elements<Element>(
        _ file: SafetensorsFile, _ name: String, as type: Element.Type
    ) throws -> [Element] {
        try file.withBytes(of: name) { bytes in
            (0..<bytes.count / MemoryLayout<Element>.size).map {
                bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.size, as: Element.self)
            }
        }
    }
}
