import Foundation
import Testing

extension CommandTests {
    /// Language models and translations from the recipe to text, shortened.
    @Suite struct LanguageTests {
        let workspace: Workspace

        init() throws { workspace = try Workspace() }

        private func train(_ recipe: String, _ words: [String], folder: String) throws -> [String: Any] {
            let cache = "data.cacheFolder=" + workspace.at("cache")
            let result = try Lockstep.run(
                ["train", recipe, "--output", workspace.at(folder), "--json", "--set", cache]
                    + words.flatMap { ["--set", $0] }, limit: 120)
            #expect(result.exitCode == 0, "\(result.everything)")
            return try RunFiles.json(result.output)
        }

        /// The shipped recipe with 150 of its 2,000 steps; the loss of guessing is ln 65 = 4.17.
        @Test(.enabled(if: Lockstep.hasData("tinyshakespeare/input.txt")))
        func shakespeareFor150Steps() throws {
            let run = workspace.at("gpt")
            let metrics = try train(
                Lockstep.recipe("shakespeare-gpt"),
                ["training.maxSteps=150", "coordinator.evaluateEvery={steps: 150}"], folder: "gpt")
            let loss = try #require(metrics["loss"] as? Double)
            print("shakespeare-gpt, 150 steps: validation loss \(loss)")
            #expect(loss < 2.6)
            let words = [
                "generate", run, "--prompt", "ROMEO:", "--tokens", "120", "--temperature", "0.8", "--top-k",
                "20", "--top-p", "0.9", "--seed", "3",
            ]
            let text = try Lockstep.run(words)
            #expect(text.exitCode == 0 && text.output.hasPrefix("ROMEO:"), "\(text.everything)")
            #expect(text.output.count == "ROMEO:".count + 120 + 1)
            let made = try RunFiles.json(try Lockstep.run(words + ["--json"]).output)
            #expect(made["tokens"] as? Int == 120 && made["promptTokens"] as? Int == 6)
            #expect(
                "ROMEO:" + (made["text"] as? String ?? "") + "\n" == text.output,
                "the same seed, the same text")
            let stopped = try RunFiles.json(try Lockstep.run(words + ["--json", "--stop", "e"]).output)
            #expect(stopped["end"] as? String == "stop")
            // Adapters on it write another text, with the cache of keys and values, too.
            _ = try train(
                Lockstep.recipe("shakespeare-gpt"),
                [
                    "training.maxSteps=5", "coordinator.evaluateEvery={steps: 5}", "model.from=" + run,
                    "model.adapters={rank: 4, on: [c_attn, c_fc]}", "training.optimizer.rate=0.01",
                ], folder: "adapted")
            let adapted = try Lockstep.run(["generate", workspace.at("adapted")] + words.dropFirst(2))
            #expect(adapted.exitCode == 0 && adapted.output.hasPrefix("ROMEO:"), "\(adapted.everything)")
            #expect(adapted.output != text.output)
            #expect((stopped["text"] as? String)?.contains("e") == false)
        }

        @Test func wrongWordsForGenerate() throws {
            let run = workspace.at("iris")
            _ = try Lockstep.run(["train", Lockstep.recipe("iris"), "--output", run, "--max-steps", "1"])
            for (words, mention) in [
                (["generate", run], "trained no language model"),
                (["translate", run], "trained no translation"),
                (["generate", run, "--temperature=-1"], "temperature"),
                (["generate", run, "--top-k", "0"], "top-k"),
                (["translate", run, "--beams", "0"], "beams"), (["translate", run, "--best", "2"], "--json"),
            ] {
                let result = try Lockstep.run(words)
                #expect(result.exitCode == 2 && result.everything.contains(mention), "\(result.everything)")
            }
        }

        /// Guessing hidden words, then classes from what was learned: two epochs each, of a part of the rows.
        @Test(.enabled(if: Lockstep.hasData("ag-news/test.csv")))
        func maskedLanguageThenClasses() throws {
            let short = [
                "data.split={kind: ranges, train: 0..1200, validation: 1200..1500}", "data.maximumLength=32",
                "model.width=32", "model.feedForward=64", "training.epochs=3",
                "training.schedule.warmupSteps=20",
                "coordinator.evaluateEvery={epochs: 3}",
            ]
            func train(_ recipe: String, _ words: [String], folder: String? = nil) throws
                -> (metrics: [String: Any], text: String)
            {
                let result = try Lockstep.run(
                    [
                        "train", Lockstep.recipe(recipe), "--output", workspace.at(folder ?? recipe),
                        "--json",
                    ]
                        + (short + words).flatMap { ["--set", $0] }, limit: 120)
                #expect(result.exitCode == 0, "\(result.everything)")
                return (try RunFiles.json(result.output), result.everything)
            }
            let masked = try train("ag-news-masked", ["training.optimizer.rate=0.003"])
            let loss = try #require(masked.metrics["loss"] as? Double)
            print("ag-news-masked, shortened: validation loss \(loss)")
            // Some 2,900 words: guessing has 8.0, their frequencies about 6.4.
            #expect(loss < 7.3)
            // A tenth of the rows, yet the words and their numbers are those of the earlier run.
            let tuned = try train(
                "ag-news-finetuned",
                ["model.from=" + workspace.at("ag-news-masked"), "data.split.train=0..300"])
            #expect(tuned.text.contains("tensors begin as in"), "\(tuned.text)")
            #expect((tuned.metrics["loss"] as? Double ?? 9) < 1.5)
            let adapted = try train(
                "ag-news-finetuned",
                [
                    "model.from=" + workspace.at("ag-news-masked"), "data.split.train=0..300",
                    "model.adapters={rank: 2, on: [query, value]}",
                ], folder: "adapted")
            #expect((adapted.metrics["loss"] as? Double ?? 9) < 1.5)
            func size(_ run: String) throws -> Int {
                let last = try #require(RunFiles.checkpoints(workspace.at(run)).last)
                return try RunFiles.contents(last)["model.safetensors"]?.count ?? 0
            }
            #expect(try 50 * size("adapted") < size("ag-news-finetuned"), "a small part of the whole")
            let student = try train(
                "distilled",
                [
                    "training.teacher.run=" + workspace.at("ag-news-finetuned"), "model.width=16",
                    "data.split.train=0..600",
                ])
            #expect((student.metrics["loss"] as? Double ?? 9) < 1.5)
            for (teacher, settings, says) in [
                ("ag-news-masked", [], "tells no classes apart"),
                ("ag-news-finetuned", ["data.classNames=[a, b, c, d]"], "knows the classes World"),
                ("nowhere", [], "nowhere"),
            ] {
                let result = try Lockstep.run(
                    ["train", Lockstep.recipe("distilled"), "--output", workspace.at("taught"), "--set"]
                        + ["training.teacher.run=" + workspace.at(teacher)]
                        + (settings + ["data.split.train=0..600"]).flatMap { ["--set", $0] })
                #expect([65, 78].contains(result.exitCode), "\(result.everything)")
                #expect(result.everything.contains(says), "\(result.everything)")
            }
            let rows = try Lockstep.run(["predict", workspace.at("ag-news-masked"), "--text", "a b"])
            #expect(rows.exitCode == 2 && rows.everything.contains("foretells tokens"), "\(rows.everything)")
            let wrong = try Lockstep.run(
                [
                    "train", Lockstep.recipe("ag-news-finetuned"), "--output", workspace.at("wrong"), "--set",
                    "data.maximumLength=40", "--set", "model.from=" + workspace.at("ag-news-masked"),
                ])
            #expect(wrong.exitCode == 78 && wrong.everything.contains("data.maximumLength: 32"))
        }

        /// A language of twelve words that reverses every sentence: learned in seconds, and translated without a fault.
        @Test func aToyTranslationIsLearned() throws {
            let words = ["ab", "cd", "ef", "gh", "ij", "kl", "mn", "op", "qr", "st", "uv", "wx"]
            func lines(_ count: Int, from start: Int) -> [[String]] {
                (start..<(start + count)).map { line in
                    (0..<(2 + line % 3)).map { words[(line * 7 + $0 * (5 + line / 12 % 7)) % 12] }
                }
            }
            func write(_ lines: [[String]], _ name: String) throws {
                try lines.map { $0.joined(separator: " ") + "\n" }.joined()
                    .write(toFile: workspace.at(name), atomically: true, encoding: .utf8)
            }
            for (name, count, start) in [("train", 400, 0), ("val", 40, 1000)] {
                let sentences = lines(count, from: start)
                try write(sentences, name + ".a")
                try write(sentences.map { $0.reversed() }, name + ".b")
            }
            let recipe = workspace.at("toy.yaml")
            try """
            task: translation
            data:
              format: parallel
              paths: [train.a, train.b]
              validationPaths: [val.a, val.b]
              vocabularySize: 290
              maximumLength: 12
            model: {kind: translation, layers: 1, width: 64, heads: 4, hidden: 128, dropout: 0}
            training:
              globalBatchSize: 20
              logicalShards: 2
              epochs: 25
              optimizer: {kind: adam, rate: 0.003}
            coordinator: {evaluateEvery: {epochs: 25}}
            """.write(toFile: recipe, atomically: true, encoding: .utf8)
            let metrics = try train(recipe, [], folder: "toy")
            let loss = try #require(metrics["loss"] as? Double)
            print("toy translation: validation loss \(loss)")
            #expect(loss < 0.2)
            let report = try RunFiles.json(
                try Lockstep.run(["evaluate", workspace.at("toy"), "--json"]).output)
            let bleu = try #require(report["bleu"] as? Double)
            #expect(bleu > 80)
            let text = try Lockstep.run(["translate", workspace.at("toy"), workspace.at("val.a")])
            let expected = try String(contentsOfFile: workspace.at("val.b"), encoding: .utf8)
            let pairs = zip(text.output.split(separator: "\n"), expected.split(separator: "\n"))
            #expect(pairs.filter { $0 == $1 }.count >= 32, "\(text.everything)")
            let best = try Lockstep.run(
                ["translate", workspace.at("toy"), workspace.at("val.a"), "--json", "--best", "2"])
            let first = try RunFiles.json(String(best.output.split(separator: "\n")[0]))
            #expect((first["translations"] as? [[String: Any]])?.count == 2)
        }
    }
}
