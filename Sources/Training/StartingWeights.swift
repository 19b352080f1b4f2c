import Checkpoints
import Coordination
import DataParallel
import Diagnostics
import Execution
import Foundation
import Recipes
import Scenarios

/// The trained numbers that a recipe's `model.from` gives a model to begin with.
struct StartingWeights {
    /// The tensors that the model takes, by its own names.
    let state: TrainedState
    /// What to tell the user: how many were taken, and which parameters begin at random.
    let note: String

    /// Reads a safetensors file, or the best checkpoint of a run, and finds the model's parameters in it: by their names,
    /// or, where none has its name there, by the names without the first part (`bert.encoder…` as `encoder…`).
    /// - Throws: `LockstepError` (65, 74) for a file that cannot be read; (78) where no name fits or a shape differs.
    init(_ start: StartPart, layout: ParameterLayout) throws {
        let given = try Self.tensors(start.path)
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
        let random = layout.allSegments.map(\.name).filter { taken[$0] == nil }.sorted()
        let rest =
            random.isEmpty
            ? "" : "; at random: " + random.prefix(5).joined(separator: ", ") + (random.count > 5 ? " …" : "")
        note = "\(taken.count) of \(layout.allSegments.count) tensors begin as in \(start.path)\(rest)"
    }

    /// What the run of a path was fitted to; nil for a file of tensors, and for a model of other data.
    static func data(_ path: String) throws -> FittedData? {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
        else { return nil }
        return try? FittedData(
            decoding: try CheckpointReader.open(path, prefersBest: true).checkpoint.dataJSON)
    }

    private static func tensors(_ path: String) throws -> [String: StoredTensor] {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            let checkpoint = try CheckpointReader.open(path, prefersBest: true).checkpoint
            return try TrainedState(checkpoint.model).parameters
        }
        return try TrainedState(try SafetensorsFile(path: path)).parameters
    }

    private static func withoutFirstPart(_ name: String) -> String {
        name.split(separator: ".").dropFirst().joined(separator: ".")
    }
}
