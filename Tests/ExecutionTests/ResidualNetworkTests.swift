import Execution
import Foundation
import Graphs
import NeuralNetworks
import Testing

/// Residual networks against PyTorch in float64 (NeuralNetworksTests/Recording/record_residual.py): predictions, loss
/// and gradients of whole programs.
@Suite struct ResidualNetworkTests {
    private struct Contents: Decodable {
        struct Case: Decodable {
            let name: String
            let batch: Int
            let size: Int
            /// The key of the images' numbers.
            let images: Int
            let names: [String]
            let predictions: [Double]
            let loss: Double
            let gradients: [Double]
            let evaluation: [Double]
        }
        let cases: [Case]
        let counts: [String: Int]

        static func load() throws -> Contents {
            let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent()
            let file = tests.appendingPathComponent("NeuralNetworksTests/Recorded/residual.json")
            return try JSONDecoder().decode(Contents.self, from: Data(contentsOf: file))
        }
    }

    /// The formula of Recording/recording.py for numbers in [-1, 1), as float32 holds them.
    private func number(_ key: Int, _ index: Int, _ scale: Double = 1) -> Float {
        let wave = sin(Double(index) * 12.9898 + Double(key) * 78.233) * 43758.5453
        return Float(((wave - wave.rounded(.down)) * 2 - 1) * scale)
    }

    private func network(_ name: String) throws -> ResidualNetwork {
        switch name {
        case "cifar": try .cifar(depth: 8)
        case "cifarProjecting": try .cifar(depth: 14, projects: true)
        default: .resNet18(classes: 10)
        }
    }

    private func trace(_ network: ResidualNetwork, _ samples: Int, _ size: Int, isTraining: Bool) throws
        -> ModelTrace
    {
        try ModelTrace(
            network, sampleCount: samples, input: .init("x", [3, size, size]),
            label: .init("y", [], .int32), loss: .softmaxCrossEntropy, isTraining: isTraining)
    }

    /// The script's weights in the engine's layout.
    private func parameters(_ recorded: Contents.Case, _ layout: ParameterLayout) -> [Float] {
        var arena = [Float](repeating: 0, count: layout.elementCount)
        arena.withUnsafeMutableBufferPointer { arena in
            layout.initialize(arena.baseAddress!, seed: 1)
            for segment in layout.segments {
                let (shape, key) = (
                    segment.storedShape, 20 + (recorded.names.firstIndex(of: segment.name) ?? 0)
                )
                let fan = Double(shape.dropFirst().reduce(1, *))
                let scale =
                    shape.count == 4 ? (3 / fan).squareRoot() : shape.count == 2 ? pow(fan, -0.5) : 0.5
                let middle: Float = shape.count == 1 && segment.name.hasSuffix("weight") ? 1 : 0
                let values = (0..<segment.elementCount).map { number(key, $0, scale) + middle }
                layout.restore(segment, from: values, to: arena.baseAddress!)
            }
        }
        return arena
    }

    /// Runs a program on the script's images.
    private func run(
        _ program: Program, _ recorded: Contents.Case, _ parameters: [Float], _ gradients: inout [Float]
    )
        throws
    {
        var images = (0..<(recorded.batch * 3 * recorded.size * recorded.size)).map {
            number(recorded.images, $0)
        }
        var labels = (0..<recorded.batch).map { Int32($0 * 3 % 10) }
        try images.withUnsafeMutableBytes { images in
            try labels.withUnsafeMutableBytes { labels in
                try gradients.withUnsafeMutableBufferPointer { gradients in
                    var fields = [images.baseAddress!, labels.baseAddress!]
                    program.bind(
                        parameters: parameters, gradients: gradients.baseAddress, fields: &fields, seed: 0,
                        step: 0,
                        firstSample: 0)
                    try program.run()
                }
            }
        }
    }

    private func compare(
        _ ours: some Sequence<Float>, _ theirs: [Double], _ tolerance: Double, _ what: String
    ) {
        let ours = ours.map(Double.init)
        let scale = theirs.reduce(1e-3) { max($0, abs($1)) }
        let worst = zip(ours, theirs).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(
            ours.count == theirs.count && worst < tolerance * scale, "\(what): off by \(worst) of \(scale)")
    }

    @Test(arguments: ["cifar", "cifarProjecting", "resNet18"]) func equalsPyTorch(name: String) throws {
        let recorded = try #require(try Contents.load().cases.first { $0.name == name })
        let network = try network(name)
        let trace = try trace(network, recorded.batch, recorded.size, isTraining: true)
        let layout = ParameterLayout(trace)
        #expect(Set(layout.segments.map(\.name)) == Set(recorded.names))
        let parameters = parameters(recorded, layout)
        var gradients = [Float](repeating: 0, count: layout.elementCount)
        let program = try Program(try Plan(trace, layout: layout))
        try run(program, recorded, parameters, &gradients)
        compare(program.predictions, recorded.predictions, 1e-4, "\(name) predictions")
        compare([program.lossSum], [recorded.loss], 1e-5, "\(name) loss")
        for (segment, wanted) in layout.segments.compactMap({ segment in
            recorded.names.firstIndex(of: segment.name).map { (segment, recorded.gradients[$0]) }
        }) {
            let values = gradients.withUnsafeBufferPointer { layout.export(segment, from: $0.baseAddress!) }
            let sum = values.enumerated().reduce(0.0) {
                $0 + Double($1.element) * Double(number(7, $1.offset))
            }
            let length = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(abs(sum - wanted) < 1e-3 * length, "\(name) \(segment.name): \(sum), PyTorch \(wanted)")
        }
        try evaluate(network, recorded, layout, parameters, gradients)
    }

    /// After one step with momentum 0.1 on the same images.
    private func evaluate(
        _ network: ResidualNetwork, _ recorded: Contents.Case, _ layout: ParameterLayout,
        _ parameters: [Float],
        _ gradients: [Float]
    ) throws {
        var (parameters, nothing) = (parameters, [Float](repeating: 0, count: 16))
        for segment in layout.buffers {
            for index in segment.offset..<(segment.offset + segment.elementCount) {
                parameters[index] = parameters[index] * 0.9 + gradients[index] / Float(recorded.batch) * 0.1
            }
        }
        let trace = try trace(network, recorded.batch, recorded.size, isTraining: false)
        let program = try Program(try Plan(trace, layout: layout))
        try run(program, recorded, parameters, &nothing)
        compare(program.predictions, recorded.evaluation, 1e-4, "\(recorded.name) evaluation")
    }

    @Test func parameterCounts() throws {
        let counts = try Contents.load().counts
        #expect(counts["resNet18"] == 11_689_512)
        let networks: [(String, ResidualNetwork, Int)] = [
            ("resNet18", .resNet18(), 64), ("cifar20", try .cifar(depth: 20), 32),
            ("cifar56", try .cifar(depth: 56), 32),
        ]
        for (name, network, size) in networks {
            let layout = ParameterLayout(try trace(network, 1, size, isTraining: false))
            #expect(layout.parameterCount == counts[name], "\(name)")
        }
    }

    @Test func smallImagesKeepTheirResolution() throws {
        let trace = try trace(.resNet18(classes: 10, smallImages: true), 2, 32, isTraining: true)
        let images = trace.graph.nodes.map(\.type.shape).filter { $0.rank == 4 }
        #expect(images.contains([2, 64, 32, 32]) && images.contains([2, 512, 4, 4]))
        #expect(trace.predictions.shape == [2, 10])
    }

    /// The plan of a training step: every norm takes its ReLU along, in both directions.
    @Test func normsAndActivationsAreFused() throws {
        let trace = try trace(try .cifar(depth: 20), 4, 32, isTraining: true)
        let names = try Plan(trace, layout: ParameterLayout(trace)).plannedSteps.map(\.name)
        #expect(names.count { $0 == "batch-norm+relu" } == 10)
        #expect(names.count { $0 == "batch-norm+add+relu" } == 9)
        #expect(names.count { $0 == "batch-norm-gradient+relu-gradient" } == 19)
        #expect(!names.contains { $0 == "relu" || $0 == "relu-gradient" })
    }
}
