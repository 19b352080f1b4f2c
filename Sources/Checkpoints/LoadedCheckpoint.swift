/// A checkpoint that was found whole: every size and digest was right when it was opened.
public struct LoadedCheckpoint: Sendable {
    /// The checkpoint's folder.
    public let path: String
    /// What it says about itself.
    public let manifest: Manifest
    /// Parameters and buffers.
    public let model: SafetensorsFile
    /// The optimizer's state.
    public let optimizer: SafetensorsFile
    /// What was fitted to the data (scaler, vocabulary), as the caller's JSON.
    public let dataJSON: [UInt8]

    /// The SHA-256 of the file of parameters and buffers, in hexadecimal.
    public var modelDigest: String { manifest.files[CheckpointNames.model]?.sha256 ?? "" }
    /// Where the run stood.
    public var state: TrainingState { manifest.state }
    /// The number of updates done.
    public var step: Int { manifest.state.step }
}
