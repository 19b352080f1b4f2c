import Diagnostics

/// What `--resume` may change in a recipe, and what it may not.
public enum RecipeDifference {
    /// Compares the effective keys kept with a checkpoint with those of the recipe given now.
    ///
    /// Epochs, maxSteps, how gradients overlap with backward, `coordinator.*`, `baseline.*` and paths may change. `training.logicalShards` may be left out now:
    /// the checkpoint's number then holds.
    /// - Returns: Warnings for the user, one sentence each.
    /// - Throws: `LockstepError` with code `mismatch` that names every other changed key with both values.
    public static func check(saved: [String: String], new: [String: String]) throws -> [String] {
        // A checkpoint of an earlier version lacks the keys that came since: their defaults held.
        let saved = (try? Recipe(effectiveKeys: saved))?.effectiveKeys ?? saved
        var refused: [String] = []
        for key in Set(saved.keys).union(new.keys).sorted() where saved[key] != new[key] {
            if isFree(key, saved[key], new[key]) { continue }
            refused.append("\(key) was \(saved[key] ?? "not there"), is \(new[key] ?? "not there")")
        }
        guard refused.isEmpty else {
            throw LockstepError(
                .mismatch, "the recipe differs from the checkpoint's: " + refused.joined(separator: "; "),
                remedy:
                    "undo the change to resume, or start a new run in another --output folder; only epochs, "
                    + "maxSteps, coordinator.* and paths may change")
        }
        return stretchWarnings(saved, new)
    }

    /// Whether a key with this value never matters to the numbers of a run, or may grow.
    static func mayChange(_ key: String, _ value: String?) -> Bool {
        if key.hasPrefix("coordinator.") || key.hasPrefix("baseline.") { return true }
        let free = [
            "training.epochs", "training.maxSteps", "training.accumulation", "training.exchange.overlap",
            "training.exchange.bucketMegabytes", "training.exchange.zeroStage",
            "data.path", "data.paths", "data.testPath", "data.labels", "data.testLabels", "data.cacheFolder",
            "data.tokenizerPath", "data.validationPaths", "data.testPaths", "model.from",
            "training.teacher.run",
        ]
        if free.contains(key) { return true }
        // Class names are a path only where they are not a list.
        return key == "data.classNames" && value.map { !$0.hasPrefix("[") && $0 != "null" } == true
    }

    private static func isFree(_ key: String, _ saved: String?, _ new: String?) -> Bool {
        if key == "training.logicalShards", new == "null" { return true }
        if key == "data.testPath" { return saved != "null" && new != "null" }
        return mayChange(key, saved) && mayChange(key, new)
    }

    private static func stretchWarnings(_ saved: [String: String], _ new: [String: String]) -> [String] {
        guard new["training.schedule.kind"] == "cosine" else { return [] }
        return ["training.epochs", "training.maxSteps"].compactMap { key in
            let (before, now) = (saved[key] ?? "null", new[key] ?? "null")
            guard before != now else { return nil }
            return
                "\(key) was \(before), is \(now): the cosine schedule stretches, so the learning rates "
                + "differ from those of the first plan"
        }
    }
}
