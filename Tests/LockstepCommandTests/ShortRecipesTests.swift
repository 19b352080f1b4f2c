import Foundation
import Testing

extension CommandTests {
    /// Each recipe that trains on data outside the package, shortened, with a bound on its loss.
    @Suite(.enabled(if: Lockstep.hasData("sign-digits") && Lockstep.hasData("rt-polarity")))
    struct ShortRecipesTests {
        struct Case: CustomTestStringConvertible, Sendable {
            let recipe: String
            let steps: Int
            /// Guessing has ln 10 = 2.303, ln 4 = 1.386 or ln 2 = 0.693.
            let bound: Double
            var settings: [String] = []
            var testDescription: String { recipe }
        }

        static let cases = [
            Case(
                recipe: "sign-digits-cnn", steps: 150, bound: 2.0,
                settings: [
                    "data.size=24", "data.augmentation.cropPadding=2", "model.hidden=[64]", "model.dropout=0",
                ]),
            Case(
                recipe: "sign-digits-resnet", steps: 100, bound: 2.1,
                settings: ["data.size=24", "data.augmentation.cropPadding=2", "model.depth=8"]),
            Case(recipe: "ag-news-transformer", steps: 120, bound: 1.1),
            Case(recipe: "ag-news-lstm", steps: 120, bound: 0.8),
            Case(recipe: "ag-news-gru", steps: 120, bound: 0.8),
            Case(recipe: "rt-polarity-cnn", steps: 100, bound: 0.67),
        ]

        @Test(arguments: cases)
        func reachesItsBound(_ short: Case) throws {
            let workspace = try Workspace()
            let settings =
                ["training.maxSteps=\(short.steps)", "training.schedule.warmupSteps=5"] + short.settings
            let result = try Lockstep.run(
                ["train", Lockstep.recipe(short.recipe), "--output", workspace.at("run"), "--json"]
                    + settings.flatMap { ["--set", $0] })
            #expect(result.exitCode == 0, "\(result.everything)")
            let metrics = try RunFiles.json(result.output)
            let loss = try #require(metrics["loss"] as? Double)
            print(
                "\(short.recipe), \(short.steps) steps: test loss \(loss), accuracy \(metrics["accuracy"] ?? "")"
            )
            #expect(loss < short.bound)
        }

        /// Batch norm, dropout, shuffling and pictures varied anew in every epoch: the same bits however it is started.
        @Test(arguments: [
            ["sign-digits-cnn", "model.batchNorm=true", "model.hidden=[16]", "model.dropout=0.3"],
            ["sign-digits-resnet", "model.depth=8"],
        ])
        func picturesHaveTheSameBitsEverywhere(_ words: [String]) throws {
            let (photos, cache) = (try Self.somePictures(), try Workspace())
            let settings =
                Array(words.dropFirst()) + [
                    "data.path=\(photos.path)", "data.size=24", "data.augmentation.cropPadding=2",
                    "data.cacheFolder=\(cache.path)", "training.globalBatchSize=24",
                    "training.logicalShards=4", "training.schedule.warmupSteps=2",
                ]
            let recipe = Lockstep.recipe(words[0])
            var hashes: [String: String] = [:]
            let starts: [Start] = [
                .alone(lanes: 1), .alone(lanes: 3), .supervised(ranks: 2), .supervised(ranks: 2, lanes: 2),
                .nodes(ranks: 3, perNode: 2),
            ]
            for start in starts {
                let workspace = try Workspace()
                let folder = workspace.at("run")
                let result = try start.train(
                    recipe, ["--output", folder, "--max-steps", "7"] + settings.flatMap { ["--set", $0] })
                #expect(result.exitCode == 0, "\(start.testDescription): \(result.everything)")
                hashes[start.testDescription] = try Lockstep.hash(folder)
            }
            #expect(Set(hashes.values).count == 1, "\(hashes)")
            let stopped = try Workspace()
            for (start, steps) in [(Start.supervised(ranks: 2), "3"), (.alone(lanes: 2), "7")] {
                let resumes = steps == "7" ? ["--resume"] : []
                let result = try start.train(
                    recipe,
                    ["--output", stopped.at("run"), "--max-steps", steps] + resumes
                        + settings.flatMap { ["--set", $0] })
                #expect(result.exitCode == 0, "\(result.everything)")
            }
            #expect(try Lockstep.hash(stopped.at("run")) == hashes.values.first, "stopped and resumed")
            let workspace = try Workspace()
            let other = settings + ["data.augmentation.rotation=16"]
            let result = try Start.alone(lanes: 1).train(
                recipe,
                ["--output", workspace.at("run"), "--max-steps", "7"] + other.flatMap { ["--set", $0] })
            #expect(result.exitCode == 0, "\(result.everything)")
            #expect(try Lockstep.hash(workspace.at("run")) != hashes.values.first, "variation has an effect")
            withExtendedLifetime((photos, cache)) {}
        }

        /// The first ten pictures of each class.
        private static func somePictures() throws -> Workspace {
            let workspace = try Workspace()
            let files = FileManager.default
            for number in 0..<10 {
                let folder = "\(Lockstep.data)/sign-digits/\(number)"
                try files.createDirectory(
                    atPath: workspace.at("\(number)"), withIntermediateDirectories: true)
                for name in try files.contentsOfDirectory(atPath: folder).sorted().prefix(10) {
                    try files.createSymbolicLink(
                        atPath: workspace.at("\(number)/\(name)"), withDestinationPath: "\(folder)/\(name)")
                }
            }
            return workspace
        }
    }
}
