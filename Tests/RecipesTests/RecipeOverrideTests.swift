import Diagnostics
import Foundation
import Recipes
import Testing

@Suite("Recipe overrides and effective keys")
struct RecipeOverrideTests {
    @Test func overridesReachNestedKeysAndLists() throws {
        let recipe = try RecipeSamples.parse(
            RecipeSamples.table,
            [
                "seed=7", "model.hidden=[8, 4]", "training.optimizer.kind=sgd",
                "training.optimizer.rate=1e-2",
                "training.frozen=['*.bias', \"dense.0.*\"]", "coordinator.evaluateEvery.steps=20",
                "training.schedule={kind: cosine, warmupSteps: 5}", "data.features=[a, \"3\", 4]", "seed=8",
            ])
        #expect(recipe.seed == 8)
        #expect(recipe.model == .dense(DensePart(hidden: [8, 4])))
        #expect(recipe.training.optimizer == OptimizerPart(kind: .sgd, rate: 0.01))
        #expect(recipe.training.frozen == ["*.bias", "dense.0.*"])
        #expect(recipe.coordinator.evaluateEvery == .steps(20))
        #expect(recipe.training.schedule == SchedulePart(kind: .cosine, warmupSteps: 5))
        guard case .table(let table) = recipe.data.content else { return #expect(Bool(false)) }
        #expect(table.features == [.name("a"), .name("3"), .index(4)])
    }

    @Test func nullTakesAKeyBack() throws {
        let text = RecipeSamples.table + "\n  logicalShards: 4\n"
        #expect(try RecipeSamples.parse(text).training.logicalShards == 4)
        #expect(try RecipeSamples.parse(text, ["training.logicalShards=null"]).training.logicalShards == nil)
        #expect(try RecipeSamples.parse(text, ["training.logicalShards="]).training.logicalShards == nil)
    }

    /// Recipes that between them use every kind and every optional key.
    static let varied: [(String, [String])] = [
        (RecipeSamples.table, []),
        (
            RecipeSamples.text,
            ["data.classNames=$LOCKSTEP_DATA/classes.txt", "data.truncate=head", "data.pad=left"]
        ),
        (RecipeSamples.table, ["data.path=null", "data.paths=[a.csv, 'b c.csv']", "data.delimiter=\"\\t\""]),
        (
            RecipeSamples.table,
            ["data.features=[a, \"3\", 4, \"null\"]", "data.drop=[x]", "data.categorical=[\"y z\"]"]
        ),
        (
            RecipeSamples.table,
            ["data.missingValues=[\"\", \"1\", \"#N/A\", \"R \\x26x\", \"[\"]", "data.scale=minMax"]
        ),
        (RecipeSamples.table, ["data.fold=3/10", "data.validationFraction=0", "seed=18446744073709551615"]),
        (
            RecipeSamples.table,
            ["data.split={kind: ranges, train: 0..9, test: 9..12}", "data.missing=median"]
        ),
        (
            RecipeSamples.table,
            ["data.split={kind: files, validation: 0.25, seed: 3}", "data.testPath=t.csv"]
        ),
        (RecipeSamples.table, ["training.optimizer={kind: sgd, momentum: 0.9, nesterov: true}"]),
        (RecipeSamples.table, ["training.optimizer={kind: rmsprop, decay: 0.9, epsilon: 1e-7, rate: 1e-05}"]),
        (
            RecipeSamples.table,
            ["training.optimizer={kind: adamW, weightDecay: 0.01}", "training.clipNorm=1"]
        ),
        (RecipeSamples.table, ["training.schedule={kind: step, everySteps: 10, factor: 0.1}"]),
        (
            RecipeSamples.table,
            ["coordinator.earlyStopping={metric: macroF1, patience: 3, minimumDelta: 0.01}"]
        ),
        (RecipeSamples.table, ["coordinator.checkpointEvery={steps: 7}", "coordinator.mode=dedicated"]),
        (
            RecipeSamples.table,
            ["data.classNames=[\"Sci/Tech\", \"true\", \"ü\u{2028}\"]", "data.label=\"a\\nb\""]
        ),
    ]

    @Test(arguments: varied.indices)
    func effectiveKeysReadBack(index: Int) throws {
        let (text, overrides) = Self.varied[index]
        var recipe = try RecipeSamples.parse(text, overrides)
        recipe.source = ""
        let back = try Recipe(effectiveKeys: recipe.effectiveKeys)
        #expect(back == recipe)
        #expect(back.effectiveKeys == recipe.effectiveKeys)
        #expect(back.hashInput == recipe.hashInput)
        try recipe.check()
    }

    /// Every effective key of every variation can be given to `--set`, so none is out of its reach.
    @Test(arguments: varied.indices)
    func everyEffectiveKeyCanBeSet(index: Int) throws {
        let (text, overrides) = Self.varied[index]
        let recipe = try RecipeSamples.parse(text, overrides)
        // The parts of a split depend on one another: they must add up to 1.
        let split = recipe.effectiveKeys.filter { $0.key.hasPrefix("data.split.") }.map {
            "\($0.key)=\($0.value)"
        }
        for (key, value) in recipe.effectiveKeys {
            #expect(throws: Never.self, "\(key)=\(value)") {
                let again = try RecipeSamples.parse(text, overrides + split + ["\(key)=\(value)"])
                #expect(again.effectiveKeys == recipe.effectiveKeys)
            }
        }
    }

    @Test func hashInputIgnoresWhatResumeMayChange() throws {
        let recipe = try RecipeSamples.parse(RecipeSamples.table)
        let free = try RecipeSamples.parse(
            RecipeSamples.table, ["training.epochs=9", "data.path=/x.csv", "coordinator.keepLast=5"])
        #expect(recipe.hashInput == free.hashInput)
        #expect(recipe.hashInput != (try RecipeSamples.parse(RecipeSamples.table, ["seed=1"])).hashInput)
    }
}
