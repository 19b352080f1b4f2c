import DataParallel
import Foundation
import Graphs
import NeuralNetworks
import Testing

private let agNewsPath = Recorded.dataFolder.appendingPathComponent("ag-news/test.csv").path

/// The first twenty losses of two recipes equal PyTorch's (record_training.py) from the same weights and batches.
@Suite struct RecordedTrainingTests {
    private func verify(_ job: TrainingJob, names: [String], losses: [Double]) throws {
        for (shards, lanes) in [(1, 1), (4, 2)] {
            var job = job
            (job.logicalShards, job.lanes) = (shards, lanes)
            job.batchSize = { _ in 32 }
            job.update = UpdateOptions(Adam(rate: 0.001))
            let result = try job.run(steps: 20) { layout in
                Recorded.initialState(layout, names: names, stateNames: Adam().stateNames) { shape in
                    shape.count == 1 ? 0.5 : pow(Double(shape[1]), -0.5)
                }
            }
            #expect(result.verdicts.count == 20 && losses.count == 20)
            for (verdict, loss) in zip(result.verdicts, losses) {
                #expect(
                    abs(verdict.loss - loss) < 1e-4 * loss,
                    "step \(verdict.step), \(shards) shards: \(verdict.loss), PyTorch \(loss)")
            }
        }
    }

    @Test func breastCancer() throws {
        let job = try TrainingJob.breastCancer()
        let names = (0..<3).flatMap { ["layers.\($0).weight", "layers.\($0).bias"] }
        try verify(
            job, names: names, losses: Recorded.load("training.json", as: Recorded.Training.self).breastCancer
        )
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: agNewsPath))) func agNews() throws {
        let lines = try Data(contentsOf: URL(fileURLWithPath: agNewsPath)).split(separator: 10).map {
            Array($0)
        }
        var job = TrainingJob {
            PooledTextNetwork(vocabularySize: 5000, width: 50, hidden: [24], outputs: 4, paddingID: 0)
        }
        job.input = .init("x", [64], .int32)
        job.label = .init("y", [], .int32)
        job.loss = .softmaxCrossEntropy
        job.sample = { step, position in
            let line = lines[(step * 32 + position) * 1237 % lines.count]
            return (Self.wordIDs(line.dropFirst(3)), [UInt32(line[1] - 49)])
        }
        let names = [
            "embedding.weight", "layers.layers.0.weight", "layers.layers.0.bias", "layers.layers.1.weight",
            "layers.layers.1.bias",
        ]
        try verify(
            job, names: names, losses: Recorded.load("training.json", as: Recorded.Training.self).agNews)
    }

    /// Runs of ASCII letters, lower-cased, numbered by FNV-1a, cut to 64 and padded with 0: as the script does it.
    private static func wordIDs(_ text: ArraySlice<UInt8>) -> [UInt32] {
        var ids: [UInt32] = []
        var hash: UInt32?
        for byte in text + [32] {
            let lower = (65...90).contains(byte) ? byte + 32 : byte
            if (97...122).contains(lower) {
                hash = ((hash ?? 2_166_136_261) ^ UInt32(lower)) &* 16_777_619
            } else if let word = hash {
                ids.append(1 + word % 4999)
                hash = nil
            }
        }
        return Array(ids.prefix(64)) + Array(repeating: 0, count: max(0, 64 - ids.count))
    }
}
