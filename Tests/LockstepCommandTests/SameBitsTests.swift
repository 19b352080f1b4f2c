import Foundation
import Testing

extension CommandTests {
    /// With V = 4 every way to start a training gives the same bits: 60 steps of breast-cancer with dropout, 13 an epoch,
    /// the last batch of each smaller.
    @Suite struct SameBitsTests {
        static let recipe = Lockstep.recipe("breast-cancer")
        static let words = ["--set", "model.dropout=0.2"]
        /// The run that all others are compared with, made once.
        static let reference = Result { try Reference(words) }

        /// An unbroken run on one lane.
        struct Reference: Sendable {
            let hash: String
            let metrics: [String]

            init(_ words: [String], recipe: String = SameBitsTests.recipe, steps: Int = 60) throws {
                let workspace = try Workspace()
                let folder = workspace.at("run")
                let result = try Start.alone(lanes: 1).train(
                    recipe, ["--output", folder, "--max-steps", "\(steps)"] + words)
                #expect(result.exitCode == 0, "\(result.everything)")
                hash = try Lockstep.hash(folder)
                metrics = try RunFiles.metrics(folder)
                withExtendedLifetime(workspace) {}
            }
        }

        static let starts: [Start] = [
            .alone(lanes: 2), .alone(lanes: 3), .alone(lanes: 4),
            .supervised(ranks: 1, lanes: 1), .supervised(ranks: 1, lanes: 2), .supervised(ranks: 2),
            .supervised(ranks: 3), .supervised(ranks: 4), .supervised(ranks: 2, lanes: 2),
            .supervised(ranks: 2, isDedicated: true), .supervised(ranks: 1, lanes: 3, isDedicated: true),
            .mpirun(ranks: 2), .mpirun(ranks: 3, isDedicated: true),
            .nodes(ranks: 3, perNode: 1), .nodes(ranks: 4, perNode: 2), .nodes(ranks: 4, perNode: 3),
        ]

        @Test(arguments: starts)
        func sixtySteps(_ start: Start) throws {
            let reference = try Self.reference.get()
            let workspace = try Workspace()
            let folder = workspace.at("run")
            let result = try start.train(Self.recipe, ["--output", folder, "--max-steps", "60"] + Self.words)
            #expect(result.exitCode == 0, "\(result.everything)")
            #expect(try Lockstep.hash(folder) == reference.hash)
            #expect(try RunFiles.metrics(folder) == reference.metrics)
            #expect(try RunFiles.state(folder).step == 60)
        }

        /// When and in how many pieces gradients travel between nodes.
        @Test(arguments: [
            ["training.exchange.overlap=false"], ["training.exchange.bucketMegabytes=0.004"],
            ["training.exchange.overlap=false", "training.exchange.bucketMegabytes=0.004"],
            ["training.exchange.zeroStage=1"],
            ["training.exchange.zeroStage=2", "training.exchange.bucketMegabytes=0.004"],
        ])
        func exchangeBetweenNodes(_ change: [String]) throws {
            let reference = try Self.reference.get()
            for start in [
                Start.nodes(ranks: 2, perNode: 1), .nodes(ranks: 3, perNode: 1), .nodes(ranks: 4, perNode: 1),
            ] {
                let workspace = try Workspace()
                let folder = workspace.at("run")
                let result = try start.train(
                    Self.recipe,
                    ["--output", folder, "--max-steps", "60"] + Self.words + change.flatMap { ["--set", $0] })
                #expect(result.exitCode == 0, "\(result.everything)")
                #expect(try Lockstep.hash(folder) == reference.hash, "\(start.testDescription)")
            }
        }

        /// Accumulation is another way to say how many shards a lane has; a resume takes the number from the checkpoint.
        @Test(arguments: [(1, 4), (2, 2)]) func accumulation(lanes: Int, count: Int) throws {
            let workspace = try Workspace()
            let folder = workspace.at("run")
            let words =
                Self.words + [
                    "--set", "training.logicalShards=null", "--set", "training.accumulation=\(count)",
                ]
            let first = try Start.alone(lanes: lanes).train(
                Self.recipe, ["--output", folder, "--max-steps", "37"] + words)
            #expect(first.exitCode == 0, "\(first.everything)")
            let second = try Start.alone(lanes: 1).train(
                Self.recipe, ["--output", folder, "--max-steps", "60", "--resume"] + words)
            #expect(second.exitCode == 0, "\(second.everything)")
            #expect(try Lockstep.hash(folder) == Self.reference.get().hash)
        }

        /// A hash that never changed would pass all of the above.
        @Test(arguments: [
            ["--set", "seed=1"], ["--set", "training.logicalShards=2"], ["--set", "model.dropout=0.3"],
        ])
        func otherRunsHaveOtherBits(_ change: [String]) throws {
            let other = try Reference(Self.words + change)
            #expect(try Self.reference.get().hash != other.hash)
        }

        static let rules: [[String]] = [
            [
                "training.optimizer.kind=sgd", "training.optimizer.momentum=0.9",
                "training.optimizer.rate=0.05",
            ],
            [
                "training.optimizer.kind=sgd", "training.optimizer.momentum=0.9",
                "training.optimizer.nesterov=true", "training.optimizer.rate=0.05",
                "training.optimizer.weightDecay=0.001", "training.regularization.l1=0.0001",
            ],
            ["training.optimizer.kind=rmsprop", "training.clipNorm=0.5"],
            [
                "training.optimizer.kind=adamW", "training.optimizer.weightDecay=0.01",
                "training.clipNorm=0.3",
                "training.schedule.kind=cosine", "training.schedule.warmupSteps=20", "training.epochs=6",
            ],
        ]

        /// Other optimizers, schedules and clipping: over ranks, over nodes, and stopped and resumed.
        @Test(arguments: rules)
        func otherRules(_ rule: [String]) throws {
            let words = Self.words + rule.flatMap { ["--set", $0] }
            let reference = try Reference(words)
            #expect(try Self.reference.get().hash != reference.hash, "the rule has an effect")
            for start in [Start.supervised(ranks: 3), .nodes(ranks: 2, perNode: 1), .alone(lanes: 4)] {
                let workspace = try Workspace()
                let output = ["--output", workspace.at("run")]
                let first = try start.train(Self.recipe, output + ["--max-steps", "37"] + words)
                #expect(first.exitCode == 0, "\(first.everything)")
                let second = try Start.supervised(ranks: 2).train(
                    Self.recipe, output + ["--max-steps", "60", "--resume"] + words)
                #expect(second.exitCode == 0, "\(second.everything)")
                #expect(try Lockstep.hash(workspace.at("run")) == reference.hash, "\(start.testDescription)")
            }
        }

        @Test(.enabled(if: Lockstep.hasData("ag-news/test.csv")))
        func texts() throws {
            let recipe = Lockstep.recipe("ag-news-pooled")
            let reference = try Reference([], recipe: recipe, steps: 12)
            for start in [Start.supervised(ranks: 2), .alone(lanes: 3)] {
                let workspace = try Workspace()
                let folder = workspace.at("run")
                let result = try start.train(recipe, ["--output", folder, "--max-steps", "12"])
                #expect(result.exitCode == 0, "\(result.everything)")
                #expect(try Lockstep.hash(folder) == reference.hash, "\(start.testDescription)")
            }
        }
    }
}
