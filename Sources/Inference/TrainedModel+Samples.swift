import DataPipeline
import Execution
import Graphs
import Scenarios

extension TrainedModel {
    /// What the model says of every sample of a dataset: its logits, or the number that it predicts.
    /// - Parameter body: called once a sample, in their order, with its number and the model's output.
    /// - Throws: `LockstepError` (65) for a sample that cannot be read, and what `body` throws.
    func forEachSample(
        of dataset: any Dataset, batchSize: Int,
        _ body: (Int, Swift.Slice<UnsafeBufferPointer<Float>>) throws -> Void
    ) throws {
        let batch = MicroBatch(specs: dataset.fields, capacity: min(batchSize, max(dataset.count, 1)))
        var programs: [Int: Program] = [:]
        for range in EvaluationBatches(dataset.count, batchSize: batchSize) {
            try batch.gather(dataset, range: range)
            let program = try programs[range.count] ?? makeProgram(range.count)
            programs[range.count] = program
            batch.fields.withUnsafeBufferPointer { fields in
                guard let fields = fields.baseAddress else { return }
                program.bind(
                    parameters: parameters, gradients: nil, fields: fields, seed: 0, step: 0, firstSample: 0)
            }
            try program.run()
            let width = program.predictions.count / range.count
            let outputs = program.predictions
            for (place, index) in range.enumerated() {
                try body(index, outputs[(place * width)..<((place + 1) * width)])
            }
        }
    }

    private func makeProgram(_ sampleCount: Int) throws -> Program {
        let trace = try scenario.inferenceTrace(sampleCount: sampleCount, withLabel: false)
        return try Program(try Plan(trace, layout: layout))
    }
}
