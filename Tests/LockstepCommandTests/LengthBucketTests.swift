import Foundation
import Testing

extension CommandTests {
    /// A translation in batches of like length: 36 steps, twelve an epoch, the smaller one of each anywhere in it.
    @Suite struct LengthBucketTests {
        let workspace: Workspace
        private let recipe: String

        init() throws {
            workspace = try Workspace()
            let words = ["ab", "cd", "ef", "gh", "ij", "kl", "mn", "op", "qr", "st", "uv", "wx"]
            func word(_ line: Int, _ place: Int) -> String {
                let step = 5 + line / 12 % 7
                return words[(line * 7 + place * step) % 12]
            }
            func text(_ count: Int, _ start: Int) -> String {
                var text = ""
                for line in start..<(start + count) {
                    let length = 1 + line * 5 % 9
                    text += (0..<length).map { word(line, $0) }.joined(separator: " ") + "\n"
                }
                return text
            }
            for (name, count, start) in [("train", 139, 0), ("val", 45, 1000)] {
                try workspace.write(text(count, start), to: name + ".a")
                try workspace.write(text(count, start + 3), to: name + ".b")
            }
            recipe = try workspace.write(
                """
                task: translation
                data:
                  format: parallel
                  paths: [train.a, train.b]
                  validationPaths: [val.a, val.b]
                  vocabularySize: 270
                  maximumLength: 40
                  lengthBuckets: [12, 20, 28]
                  cacheFolder: cache
                model: {kind: translation, layers: 1, width: 16, heads: 2, hidden: 24, dropout: 0.1}
                training: {globalBatchSize: 12, logicalShards: 4, epochs: 3}
                coordinator: {evaluateEvery: {epochs: 1}, logEvery: 1}
                """, to: "pairs.yaml")
        }

        private func train(_ start: Start, _ folder: String, _ words: [String]) throws {
            let result = try start.train(recipe, ["--output", workspace.at(folder)] + words)
            #expect(result.exitCode == 0, "\(result.everything)")
        }

        /// Alone, on lanes, ranks and nodes; stopped within an epoch and resumed otherwise.
        @Test func sameBits() throws {
            try train(.alone(lanes: 1), "one", [])
            let (hash, metrics) = (
                try Lockstep.hash(workspace.at("one")), try RunFiles.metrics(workspace.at("one"))
            )
            let others: [(Start, Start?)] = [
                (.alone(lanes: 4), nil), (.mpirun(ranks: 2), nil), (.nodes(ranks: 3, perNode: 1), nil),
                (.alone(lanes: 2), .supervised(ranks: 3)), (.supervised(ranks: 2), .alone(lanes: 1)),
            ]
            for (number, (start, later)) in others.enumerated() {
                let folder = "other-\(number)"
                try train(start, folder, later == nil ? [] : ["--max-steps", "17"])
                if let later { try train(later, folder, ["--resume"]) }
                #expect(try Lockstep.hash(workspace.at(folder)) == hash, "\(start.testDescription)")
                #expect(try RunFiles.metrics(workspace.at(folder)) == metrics, "\(start.testDescription)")
            }
            let plain = ["--set", "data.lengthBuckets=null"]
            try train(.alone(lanes: 1), "plain", plain)
            #expect(try Lockstep.hash(workspace.at("plain")) != hash)
            let steps = try ["plain", "one"].map { try RunFiles.state(workspace.at($0)).step }
            #expect(steps == [36, 36], "as many steps as without buckets")
            let refused = try Start.alone(lanes: 1).train(
                recipe, ["--output", workspace.at("one"), "--resume"] + plain)
            #expect(refused.exitCode == 78 && refused.everything.contains("data.lengthBuckets"))
        }

        /// BLEU and ROUGE of all lines, whoever translated which.
        @Test func scoresMergeExactly() throws {
            try train(.alone(lanes: 2), "run", [])
            let words = ["evaluate", workspace.at("run"), "--json", "-"]
            let alone = try Lockstep.run(words)
            #expect(alone.exitCode == 0, "\(alone.everything)")
            for ranks in [2, 3] {
                let together = try Lockstep.mpirun(ranks, words)
                #expect(together.exitCode == 0 && together.output == alone.output, "\(together.everything)")
            }
            let values = try RunFiles.json(alone.output)
            let rouge = try #require(values["rouge"] as? [String: [String: Double]])
            #expect(values["bleu"] is Double && rouge.count == 3)
            #expect(rouge["one"]?.keys.sorted() == ["f1", "precision", "recall"])
            let text = try Lockstep.run(["evaluate", workspace.at("run")])
            #expect(text.output.contains("ROUGE-L") && text.output.contains("BLEU"), "\(text.everything)")
        }

        @Test func planShowsThem() throws {
            let plan = try Lockstep.run(["plan", recipe, "--lanes", "2"])
            #expect(plan.exitCode == 0, "\(plan.everything)")
            for word in ["length buckets: ", "  12 tokens: ", "only fill texts up", "12 an epoch"] {
                #expect(plan.output.contains(word), "\(word) in: \(plan.output)")
            }
        }
    }
}
