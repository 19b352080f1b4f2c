import Foundation
import Testing

extension CommandTests {
    /// Predictions of texts that stand in no file of the training data's form, and of lines and pictures.
    @Suite struct PredictTests {
        private func linesRecipe(_ workspace: Workspace) throws -> String {
            let endings = ["film", "story", "cast", "end"]
            func lines(_ word: String) -> String {
                (0..<40).map { "a \(word) \(endings[$0 % 4]) number \($0)\n" }.joined()
            }
            try workspace.write(lines("dull"), to: "bad.txt")
            try workspace.write(lines("bright"), to: "good.txt")
            return try workspace.write(
                """
                task: classification
                data:
                  format: lines
                  paths: [bad.txt, good.txt]
                  maximumLength: 6
                  split: {kind: everyNth, every: 5}
                model: {kind: gru, embedding: 6, width: 6, pooling: mean}
                training: {globalBatchSize: 8, logicalShards: 2, epochs: 6, optimizer: {rate: 0.02}}
                """, to: "lines.yaml")
        }

        @Test func textsAndLines() throws {
            let workspace = try Workspace()
            let run = workspace.at("run")
            let trained = try Lockstep.run(["train", try linesRecipe(workspace), "--output", run])
            #expect(trained.exitCode == 0, "\(trained.everything)")
            let texts = try Lockstep.run([
                "predict", run, "--text", "a dull film", "--text", "a bright, bright end",
            ])
            #expect(texts.exitCode == 0, "\(texts.everything)")
            let rows = texts.output.split(separator: "\n")
            #expect(rows.count == 3 && rows[0].hasPrefix("row,prediction,probability,"))
            #expect(rows[1].hasPrefix("0,bad,") && rows[2].hasPrefix("1,good,"), "\(texts.output)")
            let file = try workspace.write("a dull film\na bright, bright end\n", to: "two.txt")
            for option in ["--lines", "--input"] {
                let lines = try Lockstep.run(["predict", run, option, file])
                #expect(lines.output == texts.output, "\(lines.everything)")
            }
            let many = try workspace.write(
                (0..<5_000).map { "a \($0 % 2 == 0 ? "dull" : "bright") film\n" }.joined(), to: "many.txt")
            let all = try Lockstep.run(["predict", run, "--lines", many]).output.split(separator: "\n")
            #expect(
                all.count == 5_001 && all[5_000].hasPrefix("4999,good,") && all[4_097].hasPrefix("4096,bad,"))
            let none = try Lockstep.run(["predict", run])
            #expect(none.exitCode == 2 && none.errors.contains("--lines"), "\(none.everything)")
        }

        @Test func aTableReadsNoTexts() throws {
            let workspace = try Workspace()
            let recipe = try workspace.tableRecipe(Workspace.table(Workspace.goodRow))
            #expect(try Lockstep.run(["train", recipe, "--output", workspace.at("run")]).exitCode == 0)
            let result = try Lockstep.run(["predict", workspace.at("run"), "--text", "hello"])
            #expect(result.exitCode == 2 && result.errors.contains("--input"), "\(result.everything)")
        }

        @Test(.enabled(if: Lockstep.hasData("sign-digits")))
        func aPictureAndAFolder() throws {
            let workspace = try Workspace()
            let words = [
                "training.maxSteps=2", "data.size=16", "model={kind: cnn, convolutions: [4], hidden: [4]}",
                "data.augmentation=null", "data.cacheFolder=\(workspace.at("cache"))",
            ]
            let trained = try Lockstep.run(
                ["train", Lockstep.recipe("sign-digits-cnn"), "--output", workspace.at("run")]
                    + words.flatMap { ["--set", $0] })
            #expect(trained.exitCode == 0, "\(trained.everything)")
            let folder = Lockstep.data + "/sign-digits/3"
            let all = try Lockstep.run(["predict", workspace.at("run"), "--input", folder])
            let rows = all.output.split(separator: "\n").map(String.init)
            #expect(rows.count > 100 && rows[0].hasPrefix("file,prediction,"), "\(all.errors)")
            let picture = try #require(rows[1].split(separator: ",").first.map(String.init))
            #expect(picture.hasPrefix(folder + "/"))
            let one = try Lockstep.run(["predict", workspace.at("run"), "--input", picture])
            #expect(one.output.split(separator: "\n").map(String.init) == [rows[0], rows[1]])
        }
    }
}
