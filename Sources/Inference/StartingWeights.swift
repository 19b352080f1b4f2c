import Checkpoints
import Coordination
import DataParallel
import Diagnostics
import Execution
import Foundation
import Recipes
import Scenarios

/// The trained numbers that a recipe's `model.from` gives a model to begin with.
public struct StartingWeights {
    /// The tensors that the model takes, by its own names.
    public let state: TrainedState
    /// What to tell the user: how many were taken, and which parameters begin at random.
    public let note: String
    /// The names of the parameters that stay as they are where the recipe has adapters: all trained ones that were taken.
    public let frozen: [String]
    /// Where they come from.
    public let source: BaseRecord

    /// Reads a safetensors file, or the best checkpoint of a run, and finds the model's parameters in it: by their names,
    /// or, where none has its name there, by the names without the first part (`bert.encoder…` as `encoder…`).
    /// - Throws: `LockstepError` (65, 74) for a file that cannot be read; (78) where no name fits or a shape differs.
    public init(_ start: StartPart, layout: ParameterLayout) throws {
        let (given, source) = try Self.tensors(start.path)
        let wanted = layout.allSegments.filter { segment in
            !start.exclude.contains { NamePattern.matches($0, segment.name) }
        }
        let place = FileLocation(start.path)
        let isExact = wanted.contains { given[$0.name] != nil }
        var taken: [String: StoredTensor] = [:]
        for segment in wanted {
            let name = isExact ? segment.name : Self.withoutFirstPart(segment.name)
            guard let tensor = given[name] else { continue }
            guard tensor.shape == segment.storedShape else {
                throw LockstepError(
                    .mismatch, "tensor '\(name)' is \(tensor.shape), the model needs \(segment.storedShape)",
                    at: place,
                    remedy: "change the model, or let it begin at random: model.fromExclude: "
                        + "['\(segment.name)']")
            }
            taken[segment.name] = tensor
        }
        guard !taken.isEmpty else {
            let names = given.keys.sorted().prefix(3).joined(separator: ", ")
            throw LockstepError(
                .mismatch, "no tensor in it has the name of one of the model's parameters", at: place,
                remedy: "the file has \(names) …; the model has "
                    + layout.allSegments.prefix(3).map(\.name).joined(separator: ", ") + " …")
        }
        state = TrainedState(parameters: taken)
        frozen = layout.segments.map(\.name).filter { taken[$0] != nil }.sorted()
        note = Self.note(taken, start, layout)
        self.source = source
    }

    private static func note(
        _ taken: [String: StoredTensor], _ start: StartPart, _ layout: ParameterLayout
    ) -> String {
        let random = layout.allSegments.map(\.name).filter { taken[$0] == nil }.sorted()
        let rest =
            random.isEmpty
            ? "" : "; at random: " + random.prefix(5).joined(separator: ", ") + (random.count > 5 ? " …" : "")
        let begin = "\(taken.count) of \(layout.allSegments.count) tensors begin as in \(start.path)"
        guard start.adapters != nil else { return begin + rest }
        let learned = layout.segments.filter { taken[$0.name] == nil }.reduce(0) { $0 + $1.elementCount }
        return begin + " and stay; \(learned) of \(layout.parameterCount) numbers learn: "
            + random.prefix(5).joined(separator: ", ") + (random.count > 5 ? " …" : "")
    }

    /// What the run of a path was fitted to; nil for a file of tensors, and for a model of other data.
    public static func data(_ path: String) throws -> FittedData? {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
        else { return nil }
        return try? FittedData(
            decoding: try CheckpointReader.open(path, prefersBest: true).checkpoint.dataJSON)
    }

    private static func tensors(_ path: String) throws -> ([String: StoredTensor], BaseRecord) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
        else {
            guard FileManager.default.fileExists(atPath: path) else {
                throw LockstepError(
                    .inputOutput, "there is neither a run nor a file of tensors", at: FileLocation(path),
                    remedy: "train it first, or say where it is: --set model.from=PATH")
            }
            let file = try SafetensorsFile(path: path)
            return (try TrainedState(file).parameters, BaseRecord(path: path, sha256: file.sha256))
        }
        let checkpoint = try CheckpointReader.open(path, prefersBest: true).checkpoint
        if let base = checkpoint.manifest.base {
            throw LockstepError(
                .mismatch, "the run holds adapters and no whole model", at: FileLocation(path),
                remedy: "merge them into one file with lockstep export \(path) FILE.safetensors and begin "
                    + "with that, or with their base, \(base.path)")
        }
        return (
            try TrainedState(checkpoint.model).parameters,
            BaseRecord(path: checkpoint.path, sha256: checkpoint.modelDigest)
        )
    }

    private static func withoutFirstPart(_ name: String) -> String {
        name.split(separator: ".").dropFirst().joined(separator: ".")
    }
}

extension Scenario {
    /// Finds out which parameters adapters leave as they are, for plans and measurements: a run is told by rank 0.
    /// - Throws: as ``StartingWeights``.
    public mutating func readBase() throws {
        guard let start = recipe.start, start.adapters != nil else { return }
        let layout = ParameterLayout(try trace(sampleCount: 1))
        base = Set(try StartingWeights(start, layout: layout).frozen)
    }
}
