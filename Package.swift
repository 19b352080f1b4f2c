// swift-tools-version: 6.1
import PackageDescription

/// The house of Lockstep: one target a room, imports only ever point downwards (see CONTRIBUTING.md).
/// `.ci/run` builds with `--explicit-target-dependency-import-check error`, so this table is enforced.
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

/// A Swift room with its imports; C headers of the system libraries reach it through module maps.
func room(_ name: String, _ imports: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: imports)
}

/// The tests of a room. Folders of scripts that recorded outside numbers, and the numbers, are not compiled.
func tests(_ name: String, _ imports: [Target.Dependency] = [], recorded: [String] = []) -> Target {
    .testTarget(name: name + "Tests", dependencies: [.target(name: name)] + imports, exclude: recorded)
}

let package = Package(
    name: "lockstep",
    products: [
        .library(name: "Lockstep", targets: ["Lockstep"]),
        .executable(name: "lockstep", targets: ["LockstepCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
        .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
        .systemLibrary(name: "CImages", providers: [.apt(["libjpeg62-turbo-dev", "libpng-dev"])]),
        .target(name: "CKernels"),
        room("Diagnostics"),
        room("Graphs", ["Diagnostics"]),
        room("Execution", ["Diagnostics", "Graphs", "COneDNN", "CKernels"]),
        room("NeuralNetworks", ["Diagnostics", "Graphs"]),
        room("Collectives", ["Diagnostics", "CMPI", "CKernels"]),
        room(
            "DataParallel",
            ["Diagnostics", "Graphs", "Execution", "NeuralNetworks", "Collectives", "CKernels"]),
        room("DataPipeline", ["Diagnostics", "CImages", "CKernels"]),
        room("Metrics", ["Diagnostics"]),
        room("Baselines", ["Diagnostics", "DataPipeline", "Metrics"]),
        room("Checkpoints", ["Diagnostics", crypto]),
        room("Recipes", ["Diagnostics", yams]),
        room("Reports", ["Diagnostics", "Metrics"]),
        room("Supervision", ["Diagnostics"]),
        room(
            "Scenarios",
            ["Diagnostics", "Graphs", "NeuralNetworks", "DataParallel", "DataPipeline", "Metrics", "Recipes"]),
        room(
            "Coordination",
            [
                "Diagnostics", "Graphs", "Execution", "DataParallel", "DataPipeline", "Checkpoints",
                "Metrics",
                "Recipes",
            ]),
        room(
            "Inference",
            [
                "Diagnostics", "Graphs", "Execution", "NeuralNetworks", "DataParallel", "DataPipeline",
                "Checkpoints",
                "Coordination", "Metrics", "Recipes", "Scenarios",
            ]),
        room(
            "Training",
            [
                "Diagnostics", "Baselines", "CKernels", "COneDNN", "Checkpoints", "Collectives",
                "Coordination",
                "DataParallel",
                "DataPipeline", "Execution", "Graphs", "Inference", "Metrics", "NeuralNetworks", "Recipes",
                "Reports",
                "Scenarios",
                "Supervision", crypto,
            ]),
        room(
            "Sweeps",
            [
                "Diagnostics", "Checkpoints", "Collectives", "Recipes", "Reports", "Supervision", "Training",
            ]),
        room(
            "Benchmarks",
            [
                "Diagnostics", "Graphs", "Execution", "NeuralNetworks", "Collectives", "DataParallel",
                "DataPipeline", "CKernels", "Supervision",
            ]),
        room(
            "Lockstep",
            [
                "Collectives", "DataPipeline", "Diagnostics", "Graphs", "Inference", "NeuralNetworks",
                "Recipes",
                "Training",
            ]),
        .executableTarget(
            name: "LockstepCommand",
            dependencies: [
                "Benchmarks", "Checkpoints", "Diagnostics", "Graphs", "Inference", "Recipes", "Reports",
                "Supervision", "Sweeps",
                "Training", argumentParser,
            ]),
        .executableTarget(name: "OwnModel", dependencies: ["Lockstep"], path: "launch/examples/own-model"),

        tests("CKernels", ["Graphs"]),
        tests("Graphs", ["Diagnostics"]),
        tests("NeuralNetworks", ["Diagnostics", "Graphs"], recorded: ["Recording", "Recorded"]),
        tests("Execution", ["CKernels", "Diagnostics", "Graphs", "NeuralNetworks"]),
        .target(
            name: "CollectivesContract", dependencies: ["Diagnostics", "Collectives"],
            path: "Tests/CollectivesContract"),
        .executableTarget(
            name: "CollectivesContractRunner",
            dependencies: ["Diagnostics", "Collectives", "CollectivesContract"],
            path: "Tests/CollectivesContractRunner"),
        tests(
            "Collectives", ["CKernels", "Diagnostics", "CollectivesContract", "CollectivesContractRunner"]),
        tests(
            "DataParallel",
            ["Collectives", "Diagnostics", "DataPipeline", "Execution", "Graphs", "NeuralNetworks"]),
        tests("DataPipeline", ["CKernels", "Diagnostics"], recorded: ["Recording", "Recorded"]),
        tests("Metrics", ["Diagnostics"], recorded: ["Recording"]),
        tests("Baselines", ["DataPipeline", "Diagnostics", "Metrics"], recorded: ["Recording"]),
        tests("Checkpoints", ["Diagnostics"], recorded: ["Recording"]),
        tests("Reports", ["Metrics", "Diagnostics"]),
        tests("Recipes", ["Diagnostics"]),
        tests(
            "Scenarios",
            [
                "Coordination", "DataPipeline", "Diagnostics", "Execution", "Graphs", "Metrics",
                "NeuralNetworks", "Recipes",
            ]),
        tests("Supervision", ["Diagnostics"]),
        tests(
            "Coordination",
            [
                "Checkpoints", "DataParallel", "DataPipeline", "Diagnostics", "Execution", "Graphs",
                "Metrics",
                "NeuralNetworks", "Recipes",
            ]),
        tests(
            "Inference", ["DataPipeline", "Diagnostics", "Execution", "Graphs", "NeuralNetworks"]),
        tests("Sweeps", ["Diagnostics"]),
        tests("Benchmarks", ["DataParallel", "Diagnostics"]),
        tests("LockstepCommand", ["Checkpoints"]),
    ]
)
