import DataPipeline
import Diagnostics
import Foundation
import Testing

/// Samples kept in a file are those that were decoded.
@Suite struct SampleFileTests {
    /// Features, a sequence with filling at its end and a label; one sample may be bad.
    private struct Origin: Dataset {
        var count = 3000
        var badSample: Int?
        var largest: Int32 = 60_000
        let fields = [
            FieldSpec(name: "features", sampleShape: [3], element: .float32),
            FieldSpec(name: "tokens", sampleShape: [6], element: .int32),
            FieldSpec(name: "label", sampleShape: [], element: .int32),
        ]
        let isResident = false

        func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) throws {
            guard index != badSample else { throw LockstepError(.badData, describe(sample: index)) }
            let label = Int32(index)
            switch field {
            case 0:
                for place in 0..<3 {
                    destination.storeBytes(
                        of: Float(index) + Float(place) / 4, toByteOffset: 4 * place, as: Float.self)
                }
            case 1:
                // A filler within a text is no filling; some texts are full, some empty.
                for place in 0..<6 {
                    let token = place < index % 7 ? (place == 1 ? 0 : largest - label % 100) : 0
                    destination.storeBytes(of: token, toByteOffset: 4 * place, as: Int32.self)
                }
            default: destination.storeBytes(of: label, as: Int32.self)
            }
        }

        func describe(sample index: Int) -> String { "sample \(index)" }
        func text(sample index: Int) -> String? { "text \(index)" }
    }

    private func file(_ origin: Origin, _ scratch: Scratch, key: UInt64 = 7) throws -> SampleFile {
        try SampleFile(
            origin, packing: .init(filler: 0, identifierCount: Int(origin.largest) + 1), key: key,
            folder: scratch.folder.path + "/cache")
    }

    private func files(_ scratch: Scratch) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path + "/cache")
            .filter { $0.hasSuffix(".cache") }
    }

    @Test(arguments: [60_000, 70_000] as [Int32]) func holdsTheSamples(_ largest: Int32) throws {
        let scratch = try Scratch()
        let origin = Origin(largest: largest)
        // What is decoded once is not decoded again.
        for origin in [origin, Origin(badSample: 5, largest: largest)] {
            let file = try file(origin, scratch)
            #expect(file.count == 3000 && file.fields == origin.fields && !file.isResident)
            let sampler = try ShardSampler(
                sampleCount: 3000, globalBatchSize: 100, shardCount: 2, seed: 3)
            let loader = BatchLoader(
                dataset: file, sampler: sampler, shards: 0..<2, startStep: 0, threads: 2)
            defer { loader.stop() }
            for _ in 0..<60 {
                let batch = try loader.next()
                for (place, label) in batch.integers(ofField: 2).enumerated() {
                    let sample = Int(label)
                    let expected = Origin(largest: largest)
                    #expect(
                        try Array(batch.floats(ofField: 0)[(3 * place)..<(3 * place + 3)])
                            == expected.floats(sample))
                    #expect(
                        try Array(batch.integers(ofField: 1)[(6 * place)..<(6 * place + 6)])
                            == expected.integers(sample, field: 1))
                }
            }
            #expect(try file.integers(6, field: 1) == origin.integers(6, field: 1))
            #expect(try file.describe(sample: 3) == "sample 3" && file.text(sample: 3) == "text 3")
        }
        #expect(try files(scratch).count == 1)
        _ = try file(origin, scratch, key: 8)
        _ = try file(Origin(count: 2999, largest: largest), scratch)
        #expect(try files(scratch).count == 3, "other samples have a file of their own")
    }

    /// The first bad sample is told, and no file is left; a damaged file is made again.
    @Test func badSamplesAndDamagedFiles() throws {
        let scratch = try Scratch()
        let error = failure { _ = try file(Origin(badSample: 2100), scratch) }
        #expect(try error?.message == "sample 2100" && files(scratch) == [])
        _ = try file(Origin(), scratch)
        let path = scratch.folder.path + "/cache/" + (try files(scratch)[0])
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        try whole.dropLast(9).write(to: URL(fileURLWithPath: path))
        #expect(try file(Origin(), scratch).integers(2999, field: 2) == [2999])
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
        let folder = scratch.folder.path + "/cache"
        #expect(
            failure {
                _ = try SampleFile(Origin(), packing: .init(filler: nil), key: 1, folder: path + "/no")
            }?.code == .cannotCreate, "\(folder)")
    }
}
