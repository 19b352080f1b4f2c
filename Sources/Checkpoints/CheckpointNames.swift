/// The names of folders and files of checkpoints.
enum CheckpointNames {
    static let model = "model.safetensors"
    static let optimizer = "optimizer.safetensors"
    static let data = "data.json"
    static let manifest = "manifest.json"
    /// One line as `sha256sum` writes it, so that `sha256sum -c manifest.sha256` checks the manifest.
    static let manifestDigest = "manifest.sha256"
    /// The files that a manifest speaks of.
    static let recorded = [model, optimizer, data]

    private static let prefix = "step-"
    private static let digitCount = 8

    /// `step-00000040`
    static func folder(step: Int) -> String {
        let digits = String(max(0, step))
        return prefix + String(repeating: "0", count: max(0, digitCount - digits.count)) + digits
    }

    /// The step of a folder's name; `nil` where the name is none of ours.
    static func step(ofFolder name: String) -> Int? {
        guard name.hasPrefix(prefix), let step = Int(name.dropFirst(prefix.count)), folder(step: step) == name
        else { return nil }
        return step
    }

    /// A checkpoint being written.
    static func temporary(step: Int) -> String { ".tmp-" + folder(step: step) }

    /// A checkpoint being replaced by another of the same step.
    static func replaced(step: Int) -> String { ".old-" + folder(step: step) }

    /// The step of a hidden folder with one of our prefixes.
    static func step(ofHidden name: String, prefix: String) -> Int? {
        name.hasPrefix(prefix) ? step(ofFolder: String(name.dropFirst(prefix.count))) : nil
    }

    static func digestLine(_ sha256: String) -> [UInt8] { Array("\(sha256)  \(manifest)\n".utf8) }
}
