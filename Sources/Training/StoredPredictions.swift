import Checkpoints
import Diagnostics
import Foundation
import Metrics

/// The predictions of a run's test split, kept beside its report as `predictions.safetensors`, which numpy and others
/// read: `scores`, `labels` or `targets`, and `samples`, a number that tells each sample from others.
public struct StoredPredictions: Sendable {
    /// Predictions larger than this are not kept.
    public static let byteLimit = 256 << 20

    /// The predictions.
    public let predictions: SamplePredictions
    /// The split that was predicted.
    public let split: String
    /// The step of the parameters that predicted.
    public let step: Int

    /// Gathers what is stored.
    public init(_ predictions: SamplePredictions, split: String, step: Int) {
        (self.predictions, self.split, self.step) = (predictions, split, step)
    }

    /// Whether they are small enough to be kept.
    public var isSmall: Bool { 4 * predictions.scores.count + 12 * predictions.count <= Self.byteLimit }

    /// Writes a file, replacing an older one.
    /// - Throws: 74 where it cannot be written.
    public func write(to path: String) throws {
        let count = predictions.count
        let width = predictions.scores.count / max(1, count)
        var tensors = [
            NamedTensor("scores", shape: [count, width], values: predictions.scores),
            NamedTensor(
                "samples", elementType: .int64, shape: [count], bytes: Self.bytes(predictions.identities)),
        ]
        switch predictions.truth {
        case .labels(let labels):
            tensors.append(
                NamedTensor("labels", elementType: .int32, shape: [count], bytes: Self.bytes(labels)))
        case .targets(let targets):
            tensors.append(NamedTensor("targets", shape: [count], values: targets))
        case .tokens: break  // No predictions of samples are made of texts.
        }
        let temporary = path + ".tmp"
        unlink(temporary)
        try SafetensorsWriter.write(
            tensors,
            metadata: [
                "task": predictions.task.rawValue, "classCount": String(predictions.classCount),
                "split": split, "step": String(step),
            ], to: temporary)
        guard rename(temporary, path) == 0 else {
            throw LockstepError(
                .inputOutput, "cannot put the file in place: \(String(cString: strerror(errno)))",
                at: FileLocation(path))
        }
    }

    /// Reads what ``write(to:)`` wrote.
    /// - Returns: nil where there is no file.
    /// - Throws: 65 for a file that holds something else.
    public init?(readingFrom path: String) throws {
        guard access(path, F_OK) == 0 else { return nil }
        let file = try SafetensorsFile(path: path)
        guard let task = file.metadata["task"].flatMap(Task.init(rawValue:)),
            let classCount = file.metadata["classCount"].flatMap({ Int($0) }),
            ClassificationMetrics.classCounts.contains(classCount),
            let split = file.metadata["split"], let step = file.metadata["step"].flatMap({ Int($0) })
        else {
            throw LockstepError(
                .badData, "these are not the predictions of a run", at: FileLocation(path),
                remedy: "remove the file: the run is then evaluated again")
        }
        let truth: EvaluationPart.Truth =
            task == .regression
            ? .targets(try file.floats(of: "targets"))
            : .labels(try Self.integers(file, "labels", .int32))
        predictions = try SamplePredictions(
            task: task, classCount: classCount, scores: try file.floats(of: "scores"), truth: truth,
            identities: try Self.integers(file, "samples", .int64))
        (self.split, self.step) = (split, step)
    }

    private static func bytes(_ values: [some FixedWidthInteger]) -> [UInt8] {
        values.map(\.littleEndian).withUnsafeBytes { Array($0) }
    }

    private static func integers<Value: FixedWidthInteger>(
        _ file: SafetensorsFile, _ name: String, _ type: TensorElementType
    ) throws -> [Value] {
        try file.withBytes(of: name) { bytes in
            guard file.entry(named: name)?.elementType == type else {
                throw LockstepError(
                    .badData, "tensor '\(name)' is not of type \(type.rawValue)", at: FileLocation(file.path))
            }
            return (0..<(bytes.count / type.byteCount)).map {
                Value(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * type.byteCount, as: Value.self))
            }
        }
    }
}
