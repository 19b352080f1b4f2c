import DataPipeline
import Diagnostics
import Testing

/// Samples with a teacher's probabilities beside their labels.
@Suite struct TaughtSamplesTests {
    @Test func targetsAreTheLabelAndWhatTheTeacherSays() throws {
        let base = try ArrayDataset(features: [[1, 2], [3, 4]], labels: [1, 0])
        let taught = try TaughtSamples(
            base, probabilities: [0.5, 0.25, 0.25, 0, 1, 0], classCount: 3)
        #expect(taught.count == 2 && taught.fields.dropLast() == base.fields.dropLast())
        #expect(taught.fields.last == FieldSpec(name: "targets", sampleShape: [2, 3], element: .float32))
        func floats(_ sample: Int, _ field: Int, _ count: Int) throws -> [Float] {
            try [Float](unsafeUninitializedCapacity: count) { buffer, filled in
                try taught.write(
                    sample: sample, field: field, to: UnsafeMutableRawPointer(buffer.baseAddress!))
                filled = count
            }
        }
        #expect(try floats(0, 1, 6) == [0, 1, 0, 0.5, 0.25, 0.25])
        #expect(try floats(1, 1, 6) == [1, 0, 0, 0, 1, 0])
        #expect(try floats(1, 0, 2) == [3, 4])
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let base = try ArrayDataset(features: [[1, 2], [3, 4]], labels: [1, 0])
        for count in [1, 4, 12] {
            let error = #expect(throws: LockstepError.self) {
                try TaughtSamples(base, probabilities: [Float](repeating: 0.5, count: count), classCount: 3)
            }
            #expect(error?.code == .mismatch)
        }
    }
}
