import Foundation
import Testing

extension CommandTests {
    /// What the shipped recipes reach on real data, printed.
    @Suite struct RealDataTests {
        @Test func irisOverThreeSeeds() throws {
            let accuracies = try (0..<3).map { seed in
                let workspace = try Workspace()
                let result = try Lockstep.run([
                    "train", Lockstep.recipe("iris"), "--output", workspace.at("run"), "--json", "--set",
                    "seed=\(seed)",
                ])
                #expect(result.exitCode == 0, "\(result.everything)")
                return try #require(try RunFiles.json(result.output)["accuracy"] as? Double)
            }
            let mean = accuracies.reduce(0, +) / 3
            print("iris: test accuracy of seeds 0, 1, 2: \(accuracies), mean \(mean)")
            #expect(mean >= 0.93)
        }

        @Test func breastCancerOverTenFolds() throws {
            let workspace = try Workspace()
            let result = try Lockstep.run([
                "train", Lockstep.recipe("breast-cancer"), "--folds", "10", "--json", "--output",
                workspace.at("folds"),
            ])
            #expect(result.exitCode == 0, "\(result.everything)")
            let summary = try RunFiles.json(result.output)
            let mean = try #require(summary["accuracyMean"] as? Double)
            let deviation = try #require(summary["accuracyDeviation"] as? Double)
            print("breast-cancer: test accuracy over ten folds: mean \(mean), deviation \(deviation)")
            #expect(mean >= 0.965)
        }

        /// Two epochs only: the full training takes a minute a seed.
        @Test(.enabled(if: Lockstep.hasData("ag-news/test.csv")))
        func agNewsForTwoEpochs() throws {
            let workspace = try Workspace()
            let result = try Lockstep.run([
                "train", Lockstep.recipe("ag-news-pooled"), "--output", workspace.at("run"), "--json",
                "--set",
                "training.epochs=2",
            ])
            #expect(result.exitCode == 0, "\(result.everything)")
            let metrics = try RunFiles.json(result.output)
            let loss = try #require(metrics["loss"] as? Double)
            print("ag-news-pooled, two epochs: test loss \(loss), accuracy \(metrics["accuracy"] ?? "none")")
            // Guessing has ln 4 = 1.386.
            #expect(loss < 1.0)
        }
    }
}
