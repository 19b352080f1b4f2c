import Foundation
import Testing

extension CommandTests {
    /// Bad input ends with a clear error and the right code, and leaves nothing behind.
    @Suite struct BadInputTests {
        /// One wrong thing.
        struct Case: CustomTestStringConvertible, Sendable {
            let testDescription: String
            var row: (@Sendable (Int) -> String)?
            var settings: [String] = []
            let code: Int32
            /// What the message must name.
            let names: [String]
        }

        private static func row(_ bad: Int, _ text: String) -> @Sendable (Int) -> String {
            { index in index == bad ? text : Workspace.goodRow(index) }
        }

        static let cases: [Case] = [
            Case(
                testDescription: "missing data file", settings: ["data.path=missing.csv"], code: 65,
                names: ["missing.csv"]),
            Case(
                testDescription: "ragged row to learn from", row: row(20, "1,2,high,4"), code: 65,
                names: ["table.csv:22"]),
            Case(
                testDescription: "short row to test with", row: row(60, "1,high"), code: 65,
                names: ["table.csv:62"]),
            Case(
                testDescription: "a word for a number, to learn from", row: row(3, "many,2,high"), code: 65,
                names: ["table.csv:5", "many", "'a'"]),
            Case(
                testDescription: "a word for a number, to test with", row: row(63, "1,few,high"), code: 65,
                names: ["table.csv:65", "few", "'b'"]),
            Case(
                testDescription: "label seen in the test rows only", row: row(50, "1,2,middling"), code: 65,
                names: ["table.csv:52", "middling"]),
            Case(
                testDescription: "label missing in the names", settings: ["data.classNames=[low, lofty]"],
                code: 65,
                names: ["high"]),
            Case(
                testDescription: "unknown column", settings: ["data.label=lable"], code: 65,
                names: ["table.csv:1", "lable", "label"]),
            Case(
                testDescription: "NUL byte", row: row(7, "1,\u{0},high"), code: 65, names: ["table.csv:9"]),
            Case(
                testDescription: "unknown key", settings: ["training.epohs=3"], code: 2,
                names: ["training.epohs", "did you mean 'epochs'"]),
            Case(
                testDescription: "unknown group", settings: ["trainig.epochs=3"], code: 2,
                names: ["trainig", "did you mean 'training'"]),
            Case(
                testDescription: "wrong type", settings: ["training.epochs=many"], code: 2,
                names: ["training.epochs", "many", "whole number"]),
            Case(testDescription: "no value", settings: ["training.epochs"], code: 2, names: ["key=value"]),
            Case(testDescription: "no key", settings: ["=3"], code: 2, names: ["--set"]),
            Case(
                testDescription: "rows past the end", settings: ["data.split.test=48..900"], code: 65,
                names: ["64"]),
            Case(
                testDescription: "no rows to train", settings: ["data.split.train=0..0"], code: 2,
                names: ["data.split.train"]),
            Case(
                testDescription: "split by a fraction without rows",
                settings: ["data.split={kind: fractions, train: 0.999, test: 0.001}"], code: 65,
                names: ["test"]),
            Case(
                testDescription: "text model on a table", settings: ["model.kind=pooledText"], code: 2,
                names: ["pooledText", "table"]),
            Case(
                testDescription: "two classes asked of three", row: row(5, "1,2,middling"),
                settings: ["task=binaryClassification"], code: 65, names: ["middling"]),
        ]

        @Test(arguments: cases)
        func endsWithAnError(_ bad: Case) throws {
            let workspace = try Workspace()
            let recipe = try workspace.tableRecipe(Workspace.table(bad.row ?? Workspace.goodRow))
            let words = ["--output", workspace.at("run")] + bad.settings.flatMap { ["--set", $0] }
            for start in [Start.alone(lanes: 1), .supervised(ranks: 2)] {
                let result = try start.train(recipe, words)
                #expect(result.exitCode == bad.code, "\(start.testDescription): \(result.everything)")
                #expect(!result.crashed && result.output.isEmpty)
                #expect(result.errors.contains("lockstep: ") && result.errors.contains("remedy:"))
                for name in bad.names {
                    #expect(result.errors.contains(name), "\(name) in: \(result.errors)")
                }
                #expect(!FileManager.default.fileExists(atPath: workspace.at("run")), "nothing left behind")
            }
        }

        @Test func theGoodTableTrains() throws {
            let workspace = try Workspace()
            let recipe = try workspace.tableRecipe(Workspace.table(Workspace.goodRow))
            let result = try Start.supervised(ranks: 2).train(recipe, ["--output", workspace.at("run")])
            #expect(result.exitCode == 0, "\(result.everything)")
        }

        @Test func missingRecipe() throws {
            let result = try Lockstep.run(["train", "/nowhere/recipe.yaml"])
            #expect(
                result.exitCode == 2 && result.errors.contains("/nowhere/recipe.yaml"), "\(result.everything)"
            )
            #expect(result.errors.contains("remedy:"))
        }

        @Test func brokenRecipes() throws {
            let workspace = try Workspace()
            let good = try String(contentsOfFile: try workspace.tableRecipe(""), encoding: .utf8)
            let broken = [
                ("name: [", "2:1:"), (good.replacingOccurrences(of: "epochs: 4", with: "epochs: x"), "14:"),
                (good + "extra: 1\n", "15:"), ("\u{0}\u{1}", "1:"), ("", "1:"), ("- a\n- b\n", "1:1:"),
                (String(repeating: "[", count: 100_000), "1:"),
            ]
            for (text, place) in broken {
                let recipe = try workspace.write(text, to: "broken.yaml")
                let result = try Lockstep.run(["train", recipe, "--output", workspace.at("run")])
                #expect(result.exitCode == 2, "\(text.prefix(40)): \(result.everything)")
                #expect(result.errors.contains("broken.yaml:" + place), "\(result.errors)")
            }
            #expect(!FileManager.default.fileExists(atPath: workspace.at("run")))
        }

        @Test(.enabled(if: Lockstep.hasData("ag-news/test.csv")))
        func denseModelOnTexts() throws {
            let workspace = try Workspace()
            let words = ["--output", workspace.at("run"), "--set", "model={kind: dense, hidden: [8]}"]
            let result = try Start.alone(lanes: 1).train(Lockstep.recipe("ag-news-pooled"), words)
            #expect(result.exitCode == 2, "\(result.everything)")
            #expect(result.errors.contains("dense") && result.errors.contains("text"), "\(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: workspace.at("run")))
        }

        static let wrongWords: [[String]] = [
            ["trian"], ["train"], ["train", "x.yaml", "--lans", "2"], ["train", "x.yaml", "--ranks", "0"],
            ["train", "x.yaml", "--ranks", "two"], ["train", "x.yaml", "--lanes", "-1"],
            ["train", "x.yaml", "--max-steps", "0"], ["train", "x.yaml", "--coordinator", "both"],
            ["train", "x.yaml", "--folds", "1"], ["train", "x.yaml", "--set"], ["train", "x.yaml", "y.yaml"],
            ["evaluate"], ["predict", "run"], ["inspect"], ["plan"],
            ["bench", "train", "--workload", "none"],
            ["bench", "train", "--precision", "float8"], ["bench", "train", "--rounds", "0"],
            ["bench", "none"],
            ["train", "x.yaml", "--ranks", "99999999999999999999"],
        ]

        @Test(arguments: wrongWords)
        func wrongWordsEndWithTwo(_ words: [String]) throws {
            let result = try Lockstep.run(words)
            #expect(result.exitCode == 2, "\(result.everything)")
            #expect(result.output.isEmpty && !result.errors.isEmpty)
        }
    }
}
