import Foundation
import Metrics

/// A case that `Recording/record.py` recorded from scikit-learn.
struct RecordedCase: Decodable, Sendable {
    var task: Task
    var classCount: Int?
    var names: [String]?
    var scores: [Float]
    var truth: [Int32]?
    var targets: [Float]?
    var accuracy: Double?
    var auc: Double?
    var mse: Double?
    var rmse: Double?
    var mae: Double?
    var r2: Double?
    var perClass: [[Double]]?
    var macro: [Double]?
    var weighted: [Double]?
    var confusion: [Int]?
    var report: String?

    static func all() throws -> [RecordedCase] {
        struct File: Decodable { var cases: [RecordedCase] }
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Recording/recorded.json")
        return try JSONDecoder().decode(File.self, from: Data(contentsOf: path)).cases
    }

    /// The samples cut into batches of `size`, with made-up losses, whose sum depends on the order of adding.
    func parts(batchSize size: Int) -> [EvaluationPart] {
        let count = truth?.count ?? targets?.count ?? 0
        let width = task.scoreWidth(classCount: classCount ?? 1)
        var generator = SeededGenerator(state: 5)
        return stride(from: 0, to: count, by: size).enumerated().map { batch, start in
            let range = start..<min(start + size, count)
            let part = Array(scores[range.lowerBound * width..<range.upperBound * width])
            let loss = Double.random(in: -1...1, using: &generator)
            if let truth {
                return EvaluationPart(batch: batch, lossSum: loss, scores: part, labels: Array(truth[range]))
            }
            let wanted = Array((targets ?? [])[range])
            return EvaluationPart(batch: batch, lossSum: loss, scores: part, targets: wanted)
        }
    }

    func result(_ parts: [EvaluationPart]) throws -> EvaluationResult {
        try EvaluationResult(task: task, classCount: classCount ?? 1, parts: parts)
    }
}

func isNear(_ left: Double?, _ right: Double?) -> Bool {
    guard let left, let right else { return left == nil && right == nil }
    return abs(left - right) <= 1e-12 * max(1, abs(right))
}

/// A small generator with a fixed seed (SplitMix64), so that shuffles are the same in every run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
