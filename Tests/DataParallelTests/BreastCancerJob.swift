import Foundation
import Graphs
import NeuralNetworks
import Testing

extension TrainingJob {
    /// Two hidden layers of 64 on the 569 rows of breast-cancer, standardized, 32 a step in a fixed order.
    static func breastCancer(hidden: [Int] = [64, 64]) throws -> TrainingJob {
        let file = Recorded.packageRoot.appendingPathComponent("launch/recipes/data/breast-cancer.csv")
        let rows = try String(contentsOf: file, encoding: .utf8).split(whereSeparator: \.isNewline)
            .dropFirst()
            .map { $0.split(separator: ",") }
        let features = standardized(rows.map { row in row.prefix(30).compactMap { Double($0) } })
        let labels = rows.map { $0[30] == "malignant" ? Float(1) : 0 }
        #expect(rows.count == 569)
        var job = TrainingJob { DenseNetwork(hidden: hidden, outputs: 1) }
        job.input = .init("x", [30])
        job.batchSize = { _ in 32 }
        job.sample = { step, position in
            let row = (step * 32 + position) * 37 % features.count
            return (features[row].map(\.bitPattern), [labels[row].bitPattern])
        }
        return job
    }

    private static func standardized(_ rows: [[Double]]) -> [[Float]] {
        let count = Double(rows.count)
        let means = (0..<30).map { column in rows.reduce(0) { $0 + $1[column] } / count }
        let deviations = (0..<30).map { column in
            (rows.reduce(0) { $0 + pow($1[column] - means[column], 2) } / count).squareRoot()
        }
        return rows.map { row in (0..<30).map { Float((row[$0] - means[$0]) / deviations[$0]) } }
    }
}
