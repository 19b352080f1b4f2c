import Checkpoints
import DataParallel
import Diagnostics

/// What is the same in every checkpoint of a run.
public struct RunIdentity: Sendable {
    /// SHA-256 of the keys that a resume may not change.
    public var recipeHash: String
    /// The recipe as written.
    public var recipeText: String
    /// All keys in effect.
    public var recipeKeys: [String: String]
    /// What was fitted to the data.
    public var dataJSON: [UInt8]
    /// Versions of what computed the numbers.
    public var libraryVersions: [String: String]
    /// Where low-rank adapters have their base, and the names of its parameters: checkpoints do not hold those.
    public var base: (record: BaseRecord, parameters: Set<String>)?

    /// Gathers an identity.
    public init(
        recipeHash: String, recipeText: String, recipeKeys: [String: String], dataJSON: [UInt8],
        libraryVersions: [String: String], base: (record: BaseRecord, parameters: Set<String>)? = nil
    ) {
        self.recipeHash = recipeHash
        self.recipeText = recipeText
        self.recipeKeys = recipeKeys
        self.dataJSON = dataJSON
        self.libraryVersions = libraryVersions
        self.base = base
    }

    /// The contents of a checkpoint.
    public func contents(_ snapshot: Snapshot, state: TrainingState, wallSeconds: Double)
        -> CheckpointContents
    {
        let left = base?.parameters ?? []
        func named(_ tensors: [Snapshot.Tensor]) -> [NamedTensor] {
            tensors.filter { !left.contains($0.parameter) }
                .map { tensor in NamedTensor(tensor.name, shape: tensor.shape) { tensor.values() } }
        }
        return CheckpointContents(
            state: state, recipeHash: recipeHash, recipeText: recipeText, recipeKeys: recipeKeys,
            parameters: named(snapshot.parameterTensors), optimizer: named(snapshot.optimizerTensors),
            dataJSON: dataJSON,
            wallSeconds: wallSeconds, libraryVersions: libraryVersions, base: base?.record)
    }
}

extension TrainedState {
    /// The tensors of a checkpoint.
    /// - Throws: `LockstepError` (65) where one cannot be read.
    public init(_ checkpoint: LoadedCheckpoint) throws {
        self.init()
        parameters = try Self.tensors(checkpoint.model)
        optimizer = try Self.tensors(checkpoint.optimizer)
    }

    /// The tensors of a file, as parameters.
    /// - Throws: `LockstepError` (65) where one cannot be read.
    public init(_ file: SafetensorsFile) throws { self.init(parameters: try Self.tensors(file)) }

    private static func tensors(_ file: SafetensorsFile) throws -> [String: StoredTensor] {
        var result: [String: StoredTensor] = [:]
        for entry in file.entries where !isCounter(entry) {
            result[entry.name] = StoredTensor(shape: entry.shape, values: try file.floats(of: entry.name))
        }
        return result
    }

    /// Whether an entry of integers is one of those that PyTorch's files hold beside parameters.
    private static func isCounter(_ entry: SafetensorsEntry) -> Bool {
        [.int64, .int32, .uint8].contains(entry.elementType) && NamesakeTensors.holdsNoParameter(entry.name)
    }
}
