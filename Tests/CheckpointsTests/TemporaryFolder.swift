import Checkpoints
import Diagnostics
import Foundation

/// A folder of its own for a test, removed when the test lets go of it.
final class TemporaryFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "lockstep-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ bytes: [UInt8], to name: String) throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }
}

func readFile(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

func overwrite(_ path: String, _ bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
}

/// The error that `body` throws; `nil` where it throws none.
func lockstepError(_ body: () throws -> Void) -> LockstepError? {
    do {
        try body()
        return nil
    } catch { return LockstepError.wrapping(error) }
}

/// Small contents whose numbers tell the step.
func contents(step: Int, bestStep: Int? = nil, pendingStep: Int? = nil, wallSeconds: Double = 1)
    -> CheckpointContents
{
    let weights = (0..<12).map { Float($0) + Float(step) / 8 }
    return CheckpointContents(
        state: TrainingState(
            step: step, epoch: 1, samplesSeen: 32 * step, seed: .max - 1, logicalShards: 4,
            optimizerStep: step,
            metricName: bestStep == nil ? nil : "loss", bestValue: bestStep == nil ? nil : 0.1,
            bestStep: bestStep,
            pendingEvaluation: pendingStep.map { .init(step: $0, values: ["loss": .infinity]) }),
        recipeHash: "abc", recipeText: "task: classification\n", recipeKeys: ["task": "classification"],
        parameters: [
            NamedTensor("dense.weight", shape: [3, 4], values: weights),
            NamedTensor("dense.bias", shape: [3], values: [1, 2, Float(step)]),
        ],
        optimizer: [NamedTensor("dense.weight.first_moment", shape: [3, 4], values: weights.map { -$0 })],
        dataJSON: Array("{\"vocabulary\":[\"a\"]}".utf8), wallSeconds: wallSeconds,
        libraryVersions: ["oneDNN": "2.6.3"])
}

/// A small generator with a fixed seed (SplitMix64), so that a failing case is found again.
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
