import Diagnostics
import Recipes
import Testing

@Suite("RecipeDifference")
struct RecipeDifferenceTests {
    private func keys(_ overrides: [String] = [], of text: String = RecipeSamples.table) throws -> [String:
        String]
    {
        try RecipeSamples.parse(text, overrides).effectiveKeys
    }

    @Test func whatResumeMayChangePassesWithoutWarning() throws {
        let new = try keys([
            "training.epochs=9", "training.maxSteps=40", "data.path=/elsewhere/rows.csv",
            "coordinator.keepLast=9",
            "coordinator.earlyStopping.patience=3", "coordinator.mode=dedicated",
            "coordinator.evaluateEvery.steps=5",
            "training.exchange.overlap=false", "training.exchange.bucketMegabytes=1",
            "training.exchange.zeroStage=2",
        ])
        #expect(try RecipeDifference.check(saved: try keys(), new: new).isEmpty)
    }

    /// Checkpoints of earlier versions lack keys that came since.
    @Test func keysThatAreNewHoldTheirDefaults() throws {
        var saved = try keys()
        saved["training.labelSmoothing"] = nil
        #expect(try RecipeDifference.check(saved: saved, new: try keys()).isEmpty)
        #expect(throws: LockstepError.self) {
            try RecipeDifference.check(saved: saved, new: try keys(["training.labelSmoothing=0.1"]))
        }
    }

    @Test func aStretchedCosineWarns() throws {
        let cosine = "training.schedule={kind: cosine}"
        let warnings = try RecipeDifference.check(
            saved: try keys([cosine]), new: try keys([cosine, "training.epochs=9"]))
        #expect(warnings.count == 1)
        #expect(
            warnings.first?.hasPrefix("training.epochs was 3, is 9: the cosine schedule stretches") == true)
    }

    @Test(arguments: [
        ("seed=1", "seed was 0, is 1"),
        ("training.globalBatchSize=16", "training.globalBatchSize was 32, is 16"),
        ("training.optimizer.rate=0.1", "training.optimizer.rate was 0.001, is 0.1"),
        ("model.hidden=[8]", "model.hidden was [64, 64], is [8]"),
        ("data.scale=minMax", "data.scale was none"),
        ("data.classNames=[a, b]", "data.classNames was null, is [a, b]"),
        ("training.logicalShards=8", "training.logicalShards was null, is 8"),
        ("training.optimizer={kind: sgd}", "training.optimizer.beta1 was 0.9, is not there"),
    ])
    func anyOtherChangeIsRefused(override: String, message: String) throws {
        let (saved, new) = (try keys(), try keys([override]))
        #expect {
            try RecipeDifference.check(saved: saved, new: new)
        } throws: {
            ($0 as? LockstepError)?.code == .mismatch && "\($0)".contains(message)
        }
    }

    @Test func logicalShardsMayBeLeftToTheCheckpoint() throws {
        let saved = try keys(["training.logicalShards=4"])
        #expect(try RecipeDifference.check(saved: saved, new: try keys()).isEmpty)
    }

    @Test func aFileOfClassNamesIsAPathAListIsNot() throws {
        let one = try keys(["data.classNames=/a/classes.txt"])
        let two = try keys(["data.classNames=/b/classes.txt"])
        #expect(try RecipeDifference.check(saved: one, new: two).isEmpty)
        let list = try keys(["data.classNames=[a, b]"])
        #expect { try RecipeDifference.check(saved: one, new: list) } throws: {
            ($0 as? LockstepError)?.code == .mismatch
        }
    }
}
