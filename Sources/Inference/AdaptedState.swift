import Checkpoints
import Coordination
import DataParallel
import Diagnostics
import Execution
import Recipes

extension TrainedState {
    /// The tensors of a checkpoint; where it holds adapters alone, with those of their base.
    ///
    /// The base is looked for where the recipe's `model.from` says, then in the folder where it lay when training began;
    /// only numbers with the SHA-256 of those that the adapters were trained on are taken.
    /// - Parameters:
    ///   - start: the recipe's `model.from`.
    ///   - layout: of the model.
    ///   - base: where the base lies now, if the user says so.
    /// - Throws: `LockstepError` (65) where the base cannot be read; (78) where it has other numbers.
    public init(
        _ checkpoint: LoadedCheckpoint, start: StartPart?, layout: ParameterLayout, base: String? = nil
    ) throws {
        try self.init(checkpoint)
        guard let record = checkpoint.manifest.base else {
            guard let base else { return }
            throw LockstepError(
                .usage, "a base for a checkpoint that is whole", at: FileLocation(base),
                remedy: "leave --base out: it is for runs with model.adapters")
        }
        let places = base.map { [$0] } ?? [start?.path, record.path].compactMap { $0 }
        var failure: LockstepError?
        for place in places {
            do {
                let weights = try Self.base(place, record, without: Array(parameters.keys), layout)
                parameters.merge(weights.state.parameters) { own, _ in own }
                self.base = Set(weights.frozen)
                return
            } catch {
                failure = failure ?? LockstepError.wrapping(error)
            }
        }
        throw failure ?? LockstepError(.internalError, "adapters without a place of their base")
    }

    private static func base(
        _ place: String, _ record: BaseRecord, without own: [String], _ layout: ParameterLayout
    ) throws -> StartingWeights {
        let remedy =
            "put it back, or say where it is: --base PATH, or with --resume --set model.from=PATH "
            + "(a run, a checkpoint or a safetensors file)"
        let weights: StartingWeights
        do {
            weights = try StartingWeights(StartPart(path: place, exclude: own), layout: layout)
        } catch {
            var failure = LockstepError.wrapping(error)
            if failure.code != .mismatch { failure.code = .badData }
            failure.message =
                "the checkpoint holds adapters alone, and their base cannot be used: " + failure.message
            failure.location = failure.location ?? FileLocation(place)
            failure.remedy = remedy
            throw failure
        }
        guard weights.source.sha256 == record.sha256 else {
            throw LockstepError(
                .mismatch,
                "the adapters were trained on other numbers: SHA-256 \(record.sha256.prefix(16))… of \(record.path), "
                    + "here \(weights.source.sha256.prefix(16))…", at: FileLocation(place), remedy: remedy)
        }
        return weights
    }
}
