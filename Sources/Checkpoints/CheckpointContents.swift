/// All that goes into a checkpoint. Tensors keep their caller's names and layouts.
public struct CheckpointContents: Sendable {
    /// Where the run stands.
    public var state: TrainingState
    /// A hash of the recipe, as the caller defines it.
    public var recipeHash: String
    /// The full recipe in effect, as text.
    public var recipeText: String
    /// The recipe's values by dotted key, for the comparison at a resume.
    public var recipeKeys: [String: String]
    /// Parameters and buffers.
    public var parameters: [NamedTensor]
    /// The optimizer's state.
    public var optimizer: [NamedTensor]
    /// What was fitted to the data (scaler, vocabulary), as JSON.
    public var dataJSON: [UInt8]
    /// Seconds trained since the start of the run, over all its resumes.
    public var wallSeconds: Double
    /// The versions of libraries and instruction set that made the numbers.
    public var libraryVersions: [String: String]
    /// What the checkpoint builds on, where `parameters` are not a whole model.
    public var base: BaseRecord?

    /// Gathers the contents of a checkpoint.
    public init(
        state: TrainingState, recipeHash: String = "", recipeText: String = "",
        recipeKeys: [String: String] = [:], parameters: [NamedTensor], optimizer: [NamedTensor] = [],
        dataJSON: [UInt8] = Array("{}\n".utf8), wallSeconds: Double = 0,
        libraryVersions: [String: String] = [:], base: BaseRecord? = nil
    ) {
        self.state = state
        self.recipeHash = recipeHash
        self.recipeText = recipeText
        self.recipeKeys = recipeKeys
        self.parameters = parameters
        self.optimizer = optimizer
        self.dataJSON = dataJSON
        self.wallSeconds = wallSeconds
        self.libraryVersions = libraryVersions
        self.base = base
    }
}
