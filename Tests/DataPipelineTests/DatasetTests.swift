import DataPipeline
import Diagnostics
import Testing

@Suite struct DatasetTests {
    private func numbers(_ count: Int) throws -> ArrayDataset {
        try ArrayDataset(
            features: (0..<count).map { [Float($0), Float($0) + 0.5] },
            labels: (0..<count).map { Int32($0 % 3) })
    }

    @Test func arraysAreSamples() throws {
        let dataset = try numbers(5)
        #expect(dataset.fields.map(\.sampleByteCount) == [8, 4])
        #expect(try dataset.floats(3) == [3, 3.5])
        #expect(try dataset.integers(4, field: 1) == [1])
        #expect(
            failure { _ = try ArrayDataset(features: [[1], [1, 2]], labels: [0, 1]) }?.code == .badData)
        #expect(failure { _ = try ArrayDataset(features: [[1], [2]], labels: [0]) }?.code == .badData)
        #expect(failure { _ = try ArrayDataset([("x", [2], .float32([1, 2, 3]))]) }?.code == .badData)
        #expect(failure { _ = try ArrayDataset([]) }?.code == .badData)
    }

    @Test func residentHoldsTheSameSamples() throws {
        let scratch = try Scratch()
        let source = try scratch.source("x,y,label\n1,2,a\n3,4,b\n5,6,a\n")
        let table = try TableSchema(label: "label").fit(source, rows: [0, 1, 2]).dataset(source)
        let resident = try table.resident()
        #expect(!table.isResident && resident.isResident)
        #expect(resident is ResidentDataset)
        for sample in 0..<3 {
            #expect(try resident.floats(sample) == table.floats(sample))
            #expect(try resident.integers(sample, field: 1) == table.integers(sample, field: 1))
            #expect(resident.describe(sample: sample) == table.describe(sample: sample))
        }
        #expect(try table.resident(upTo: 36).isResident)
        #expect(try !table.resident(upTo: 35).isResident)
    }

    @Test func residentReportsTheFirstBadSample() throws {
        let source = try Scratch().source("x,label\n1,a\n3,b\n5,c\n")
        let table = try TableSchema(label: "label").fit(source, rows: [0, 1]).dataset(source)
        #expect(failure { _ = try table.resident() }?.location?.line == 4)
    }

    @Test func subsetsKeepTheirOrder() throws {
        let subset = SubsetDataset(try numbers(10), indices: [7, 2, 2])
        #expect(subset.count == 3)
        #expect(try (0..<3).map { try subset.floats($0)[0] } == [7, 2, 2])
        #expect(try subset.resident().floats(0) == [7, 7.5])
        #expect(subset.describe(sample: 0) == "sample 7")
    }

    @Test func evaluationCountsEachSampleOnce() throws {
        let dataset = try numbers(70).resident()
        let batches = EvaluationBatches(dataset.count, batchSize: 32)
        #expect(Array(batches) == [0..<32, 32..<64, 64..<70])
        #expect(EvaluationBatches(0, batchSize: 32).isEmpty)
        let batch = MicroBatch(specs: dataset.fields, capacity: 32)
        var seen: [Float] = []
        for (number, range) in batches.enumerated() {
            try batch.gather(dataset, range: range, batch: number)
            #expect(batch.step == number && batch.firstPosition == range.lowerBound)
            seen += batch.floats(ofField: 0).enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
        }
        #expect(seen == (0..<70).map(Float.init))
        #expect(failure { try batch.gather(dataset, range: 0..<33) }?.code == .internalError)
        #expect(failure { try batch.gather(dataset, range: 60..<71) }?.code == .internalError)
    }

    @Test func gathersByIndexFromAnyDataset() throws {
        let arrays = try numbers(20)
        let batch = MicroBatch(specs: arrays.fields, capacity: 4)
        for dataset in [arrays, try arrays.resident()] as [any Dataset] {
            try batch.gather(dataset, indices: [19, 0, 4])
            #expect(Array(batch.floats(ofField: 0)) == [19, 19.5, 0, 0.5, 4, 4.5])
            #expect(Array(batch.integers(ofField: 1)) == [1, 0, 1])
        }
        #expect(batch.fields.allSatisfy { UInt(bitPattern: $0) % 64 == 0 })
    }
}
