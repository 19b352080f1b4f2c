/// The trained numbers that a checkpoint builds on without holding them: those that low-rank adapters change.
public struct BaseRecord: Codable, Sendable, Equatable {
    /// The checkpoint's folder, or the file of tensors, as it was when training began.
    public var path: String
    /// The SHA-256 of the file that holds the tensors, in hexadecimal.
    public var sha256: String

    /// Describes a base.
    public init(path: String, sha256: String) { (self.path, self.sha256) = (path, sha256) }
}
