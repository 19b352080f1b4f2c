import Foundation
import Testing

extension CommandTests {
    /// Every subcommand beside `train`, on a trained run of iris.
    @Suite struct SubcommandTests {
        static let table = Lockstep.root + "/launch/recipes/data/iris.csv"
        let workspace: Workspace
        let folder: String
        /// What `train --json` printed.
        let trained: [String: Any]

        init() throws {
            workspace = try Workspace()
            folder = workspace.at("run")
            let result = try Lockstep.run(
                ["train", Lockstep.recipe("iris"), "--output", folder, "--json", "--lanes", "2"])
            #expect(result.exitCode == 0, "\(result.everything)")
            #expect(result.output.split(separator: "\n").count == 1, "one line: \(result.output)")
            trained = try RunFiles.json(result.output)
        }

        private func evaluate(_ words: [String]) throws -> [String: Any] {
            let result = try Lockstep.run(["evaluate", folder, "--json"] + words)
            #expect(result.exitCode == 0, "\(result.everything)")
            return try RunFiles.json(result.output)
        }

        @Test func trainPrintsOneLineOfJSON() throws {
            #expect(trained["end"] as? String == "completed")
            #expect(trained["folder"] as? String == folder)
            #expect(trained["hash"] as? String == (try Lockstep.hash(folder)))
            let facts = try RunFiles.json(String(contentsOfFile: folder + "/run.json", encoding: .utf8))
            #expect(facts["finalHash"] as? String == trained["hash"] as? String)
            #expect(facts["totalSteps"] as? Int == trained["step"] as? Int)
        }

        @Test func evaluate() throws {
            let test = try evaluate([])
            #expect(test["accuracy"] as? Double == trained["accuracy"] as? Double)
            #expect(test["loss"] as? Double == trained["loss"] as? Double)
            #expect(test["count"] as? Int == 30)
            #expect(try evaluate(["--split", "train"])["count"] as? Int == 120)
            let text = try Lockstep.run(["evaluate", folder])
            #expect(text.exitCode == 0)
            for word in ["precision", "recall", "f1-score", "setosa", "versicolor", "virginica", "accuracy"] {
                #expect(text.output.contains(word), "\(text.output)")
            }
            let report = try String(contentsOfFile: folder + "/report.txt", encoding: .utf8)
            #expect(report.contains("setosa"))
        }

        @Test func evaluateRefuses() throws {
            let empty = try Lockstep.run(["evaluate", folder, "--split", "validation"])
            #expect(empty.exitCode == 65 && empty.errors.contains("validation"), "\(empty.everything)")
            let unknown = try Lockstep.run(["evaluate", folder, "--split", "tset"])
            #expect(unknown.exitCode == 2 && unknown.errors.contains("'test'"), "\(unknown.everything)")
            let nowhere = try Lockstep.run(["evaluate", workspace.at("none")])
            #expect(nowhere.exitCode == 65, "\(nowhere.everything)")
        }

        /// Rows of a CSV without quotes.
        private func rows(_ text: String) -> [[String]] {
            text.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
        }

        private func predict(_ input: String) throws -> [[String]] {
            let result = try Lockstep.run(["predict", folder, "--input", input])
            #expect(result.exitCode == 0, "\(result.everything)")
            return rows(result.output)
        }

        @Test func predictions() throws {
            let predicted = try predict(Self.table)
            let names = ["setosa", "versicolor", "virginica"]
            #expect(
                predicted[0] == ["row", "prediction", "probability"] + names.map { "probability of \($0)" })
            let truth = rows(try String(contentsOfFile: Self.table, encoding: .utf8)).dropFirst().map {
                $0[4]
            }
            #expect(predicted.count == 151 && truth.count == 150)
            for (number, row) in predicted.dropFirst().enumerated() {
                #expect(row[0] == "\(number)")
                let probabilities = row.dropFirst(3).compactMap(Double.init)
                #expect(probabilities.count == 3 && abs(probabilities.reduce(0, +) - 1) < 1e-5)
                let greatest = try #require(probabilities.max())
                #expect(Double(row[2]) == greatest)
                #expect(names[try #require(probabilities.firstIndex(of: greatest))] == row[1])
            }
            // The rows that evaluations call right are right here too.
            let right = zip(predicted.dropFirst(), truth).filter { $0[1] == $1 }.count
            let accuracies = try ["train", "test"].map {
                try #require(try evaluate(["--split", $0])["accuracy"] as? Double)
            }
            #expect(Double(right) == (accuracies[0] * 120 + accuracies[1] * 30).rounded())
        }

        @Test func predictWithoutTheLabel() throws {
            let lines = try String(contentsOfFile: Self.table, encoding: .utf8).split(separator: "\n")
            let unlabelled = lines.map { $0.split(separator: ",").dropLast().joined(separator: ",") + "\n" }
            let input = try workspace.write(unlabelled.joined(), to: "unlabelled.csv")
            let expected = try predict(Self.table)
            #expect(try predict(input) == expected)
            let output = workspace.at("predictions.csv")
            let result = try Lockstep.run(["predict", folder, "--input", input, "--output", output])
            #expect(result.exitCode == 0 && result.output.isEmpty, "\(result.everything)")
            #expect(rows(try String(contentsOfFile: output, encoding: .utf8)) == expected)
        }

        @Test func predictRefusesABadRow() throws {
            let input = try workspace.write(
                "sepal length,sepal width,petal length,petal width\n1,2,3,4\n1,two,3,4\n", to: "bad.csv")
            let output = try workspace.write("kept\n", to: "out.csv")
            let result = try Lockstep.run(["predict", folder, "--input", input, "--output", output])
            #expect(result.exitCode == 65 && result.errors.contains("bad.csv:3"), "\(result.everything)")
            #expect(try String(contentsOfFile: output, encoding: .utf8) == "kept\n")
            let missing = try Lockstep.run(["predict", folder, "--input", workspace.at("none.csv")])
            #expect(missing.exitCode == 65 && missing.errors.contains("none.csv"), "\(missing.everything)")
            let noColumn = try workspace.write("sepal length,petal length\n1,2\n", to: "columns.csv")
            let lacking = try Lockstep.run(["predict", folder, "--input", noColumn])
            #expect(lacking.exitCode == 65 && lacking.errors.contains("sepal width"), "\(lacking.everything)")
            let nowhere = workspace.at("none/out.csv")
            let unwritable = try Lockstep.run(["predict", folder, "--input", Self.table, "--output", nowhere])
            #expect(
                unwritable.exitCode == 74 && unwritable.errors.contains(nowhere), "\(unwritable.everything)")
        }

        @Test func inspect() throws {
            let result = try Lockstep.run(["inspect", folder])
            #expect(result.exitCode == 0)
            let hash = try Lockstep.hash(folder)
            for word in [hash, "step", "layers.0.weight", "F32 [64, 4]", "layers.2.bias", "exp_avg"] {
                #expect(result.output.contains(word), "\(word) in: \(result.output)")
            }
            let checkpoint = try #require(RunFiles.checkpoints(folder).last)
            #expect(try Lockstep.run(["inspect", checkpoint, "--hash"]).output == hash + "\n")
        }

        @Test func plan() throws {
            let result = try Lockstep.run(["plan", Lockstep.recipe("breast-cancer"), "--ranks", "2"])
            #expect(result.exitCode == 0, "\(result.everything)")
            for word in [
                "parameters: 6209", "fus", "matmul+bias+relu", "FLOP", "memory", "bucket", "2 ranks",
            ] {
                #expect(result.output.contains(word), "\(word) in: \(result.output)")
            }
            let many = try Lockstep.run(["plan", Lockstep.recipe("iris"), "--ranks", "9"])
            #expect(many.exitCode == 78, "\(many.everything)")
            let unknown = try Lockstep.run(["plan", Lockstep.recipe("iris"), "--set", "model.hiden=[3]"])
            #expect(unknown.exitCode == 2 && unknown.errors.contains("'hidden'"), "\(unknown.everything)")
        }

        /// What `plan` says of memory, against the peak of a real run with 9 million parameters: within a fifth.
        @Test(arguments: [1, 2]) func plannedMemoryIsWhatARunTakes(lanes: Int) throws {
            let words = [
                Lockstep.recipe("breast-cancer"), "--lanes", "\(lanes)", "--set", "model.hidden=[3000,3000]",
                "--set", "training.logicalShards=\(lanes)",
            ]
            let planned = try Self.planned(words)
            let workspace = try Workspace()
            let run = try RunningCommand(
                [
                    "/bin/bash", "-c", Self.watch, "watch", workspace.at("peak"), try Lockstep.program(),
                    "train",
                ]
                    + words + ["--output", workspace.at("run"), "--max-steps", "3"], environment: [:]
            ).wait(limit: 60)
            #expect(run.exitCode == 0, "\(run.everything)")
            let real = try Self.megabytes(workspace.at("peak"))
            #expect(abs(planned / real - 1) < 0.2, "planned \(planned) MB, took \(real) MB")
        }

        /// The same on the first of two nodes that share out state and gradients: 8 million parameters in small buckets.
        @Test(arguments: [0, 1, 2]) func plannedMemoryOfANode(zeroStage: Int) throws {
            let words = [
                Lockstep.recipe("breast-cancer"), "--lanes", "1", "--set", "training.logicalShards=2",
                "--set", "model.hidden=[1000,1000,1000,1000,1000,1000,1000,1000,1000]",
                "--set", "training.exchange.zeroStage=\(zeroStage)",
            ]
            let planned = try Self.planned(words + ["--ranks", "2", "--nodes", "2"])
            let workspace = try Workspace()
            let run = try RunningCommand(
                [
                    "mpirun", "-n", "2", "--oversubscribe", "--bind-to", "none", "-x",
                    "LOCKSTEP_RANKS_PER_NODE=1", "bash", "-c",
                ]
                    + [#"peak=$1.$OMPI_COMM_WORLD_RANK; shift; set -- $peak "$@"; "# + Self.watch, "watch"]
                    + [workspace.at("peak"), try Lockstep.program(), "train"] + words
                    + ["--output", workspace.at("run"), "--max-steps", "3"], environment: [:]
            ).wait(limit: 60)
            #expect(run.exitCode == 0, "\(run.everything)")
            let real = try Self.megabytes(workspace.at("peak.0"))
            #expect(abs(planned / real - 1) < 0.2, "planned \(planned) MB, took \(real) MB")
        }

        /// Keeps the last peak that the kernel tells of a process while it lives: FILE COMMAND.
        private static let watch =
            #"peak=$1; shift; "$@" & while grep -s VmHWM /proc/$!/status > $peak.new; do mv $peak.new $peak; "#
            + "sleep 0.02; done; wait $!"

        /// The megabytes of a node that `plan` foretells.
        private static func planned(_ words: [String]) throws -> Double {
            let plan = try Lockstep.run(["plan"] + words)
            let line = try #require(
                plan.output.split(separator: "\n").first { $0.hasPrefix("memory of a node: ") },
                "\(plan.everything)")
            return try #require(line.split(separator: " ").dropFirst(4).first.flatMap { Double($0) })
        }

        private static func megabytes(_ file: String) throws -> Double {
            let status = try String(contentsOfFile: file, encoding: .utf8)
            return try #require(status.split(separator: " ").compactMap { Double($0) }.first) * 1024 / 1e6
        }

        @Test func doctor() throws {
            let result = try Lockstep.run(["doctor"])
            #expect(result.exitCode == 0, "\(result.everything)")
            for word in ["MPI", "thread", "oneDNN", "cores", "shared memory"] {
                #expect(result.output.contains(word), "\(word) in: \(result.output)")
            }
            let json = try Lockstep.run(["doctor", "--json"])
            #expect(json.exitCode == 0)
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(json.output.utf8)) }
        }

        @Test func bench() throws {
            let words = ["bench", "train", "--workload", "mlp", "--rounds", "2", "--json"]
            for (result, ranks) in [(try Lockstep.run(words), 1), (try Lockstep.mpirun(2, words), 2)] {
                #expect(result.exitCode == 0, "\(result.everything)")
                let line = try RunFiles.json(result.output)
                #expect(line["peer"] as? String == "lockstep" && line["workload"] as? String == "mlp")
                #expect(line["ranks"] as? Int == ranks && line["precision"] as? String == "float32")
                #expect(line["unit"] as? String == "samples")
                let milliseconds = try #require(line["step_ms"] as? Double)
                let rate = try #require(line["per_s"] as? Double)
                #expect(milliseconds > 0 && milliseconds < 50)
                // Both are rounded; the batch is 32 a lane.
                #expect(abs(rate * milliseconds / 1000 / Double(32 * ranks) - 1) < 0.02, "\(result.output)")
                // What the rounds allocate around their steps is shared out over the steps.
                // An unoptimised build allocates for what the optimiser leaves out.
                #if !DEBUG
                    #expect(try #require(line["allocations_per_step"] as? Double) < 0.05)
                #endif
            }
        }

        @Test func benchData() throws {
            let words = ["bench", "data", "--recipe", Lockstep.recipe("iris"), "--seconds", "0.2"]
            let result = try Lockstep.run(words + ["--json", "--lanes", "2"])
            #expect(result.exitCode == 0, "\(result.everything)")
            let line = try RunFiles.json(result.output)
            #expect(line["samples"] as? Int == 120 && line["sample_bytes"] as? Int == 20)
            #expect(line["resident"] as? Bool == true)
            for key in ["first", "later"] {
                let samples = try #require(line[key + "_samples_per_s"] as? Double)
                let batches = try #require(line[key + "_batches_per_s"] as? Double)
                // Steps of 16 in 4 shards, the last step of an epoch of 8.
                #expect(
                    samples > 1000 && samples / batches > 3 && samples / batches < 4.1, "\(result.output)")
            }
            let (wait, step) = (line["wait_ms"] as? Double ?? 9, line["step_ms"] as? Double ?? 0)
            #expect(wait > 0 && wait < step)
            let text = try Lockstep.run(words)
            #expect(text.exitCode == 0 && text.output.contains("waits"), "\(text.everything)")
        }

        @Test func folds() throws {
            let words = ["train", Lockstep.recipe("iris"), "--set", "training.epochs=20"]
            let output = workspace.at("folds")
            let result = try Lockstep.run(words + ["--folds", "3", "--output", output, "--json"])
            #expect(result.exitCode == 0, "\(result.everything)")
            #expect(result.output.split(separator: "\n").count == 1, "\(result.output)")
            let summary = try RunFiles.json(result.output)
            #expect(summary["folds"] as? Int == 3)
            let single = try (1...3).map { fold in
                let folder = workspace.at("fold\(fold)")
                let one = try Lockstep.run(
                    words + ["--set", "data.fold=\(fold)/3", "--output", folder, "--json", "--ranks", "2"])
                #expect(one.exitCode == 0, "\(one.everything)")
                return try #require(try RunFiles.json(one.output)["accuracy"] as? Double)
            }
            let mean = single.reduce(0, +) / 3
            #expect(abs(try #require(summary["accuracyMean"] as? Double) - mean) < 1e-12)
            let squares = single.map { ($0 - mean) * ($0 - mean) }.reduce(0, +)
            let deviation = (squares / 2).squareRoot()
            #expect(abs(try #require(summary["accuracyDeviation"] as? Double) - deviation) < 1e-12)
        }

        static let helps = [
            [], ["train"], ["evaluate"], ["predict"], ["inspect"], ["plan"], ["doctor"], ["bench"],
            ["bench", "train"],
        ]

        @Test(arguments: helps)
        func help(_ words: [String]) throws {
            let result = try Lockstep.run(words + ["--help"])
            #expect(result.exitCode == 0 && result.output.contains("USAGE: lockstep"), "\(result.everything)")
        }

        @Test func version() throws {
            let result = try Lockstep.run(["--version"])
            #expect(result.exitCode == 0 && result.output.contains("."), "\(result.everything)")
        }
    }
}
