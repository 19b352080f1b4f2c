import Execution
import Graphs
import NeuralNetworks
import Testing

/// Programs of indexing, shape, broadcasting and reducing operations against the float64 reference.
@Suite struct ShapeProgramTests {
    private struct Custom: Layer {
        let layers: [any Layer]
        let body: ([any Layer], Tensor) throws -> Tensor
        func callAsFunction(_ input: Tensor) throws -> Tensor { try body(layers, input) }
    }

    /// Trains a layer in front of the body, so that gradients pass through everything that it does.
    private func verify(
        _ width: Int, _ shape: Shape, tolerance: Double = 1e-4, _ comment: String = "",
        location: SourceLocation = #_sourceLocation, _ body: @escaping (Tensor) throws -> Tensor
    ) throws {
        let model = Custom(layers: [Dense(shape.elementCount, activation: .tanh), Dense(1)]) { layers, x in
            let value = try layers[0](x).reshaped(to: Shape([x.shape[0]] + shape.dimensions))
            return try layers[1](Flatten()(body(value)))
        }
        for isTraining in [true, false] {
            let trace = try ModelTrace(
                model, sampleCount: 3, input: .init("x", [width]), label: .init("y", []),
                loss: .sigmoidCrossEntropy,
                isTraining: isTraining)
            try ProgramCheck(trace).verify(tolerance: tolerance, location: location, comment)
        }
    }

    @Test func movingElements() throws {
        try verify(4, [5, 17]) { x in
            let swapped = try x.permuted([0, 2, 1])
            let pieces = try swapped.split([4, 1, 12], axis: 1)
            let joined = try x.graph.concatenate([pieces[2], pieces[0], pieces[2]], axis: 1)
            return try joined.sliced([0..<3, 2..<27, 1..<4]).padded(
                before: [0, 1, 2], after: [0, 0, 3], value: 0.5)
        }
        try verify(4, [2, 16, 3, 32]) { try $0.permuted([0, 3, 1, 4, 2]).permuted([0, 2, 3, 1, 4]) }
    }

    @Test func functionsOfOneNumber() throws {
        try verify(4, [19]) { x in
            let positive = try x.squared() + x.graph.constant(0.3)
            return try positive.logarithm() + positive.squareRoot() * x.exponential() - positive.reciprocal()
                + x.absolute()
        }
        try verify(4, [2, 9]) { try $0.softmax() * $0.logSoftmax() - -$0 }
    }

    @Test func reductionsAndSelections() throws {
        try verify(4, [3, 5, 7]) { x in
            let least = try x.min(axes: [1, 3], keepsAxes: true) + x.max(axes: [2], keepsAxes: true)
            let centred = try x - x.mean(axes: [2, 3], keepsAxes: true)
            let scaled =
                try centred
                / (centred.squared().sum(axes: [1], keepsAxes: true) + x.graph.constant(1)).squareRoot()
            return try x.greater(than: least).select(scaled, least)
                + x.maximum(x.graph.constant(0.1)).minimum(centred)
        }
    }

    /// Integers are moved, numbered and turned into numbers, in one program.
    @Test func idsAndRows() throws {
        let model = Custom(layers: [Embedding(9, 5), Dense(1)]) { layers, ids in
            let first = try ids.sliced(axis: 1, 0..<3)
            let moved = try ids.graph.concatenate(
                [first.permuted([0, 1]), ids.sliced(axis: 1, 4..<6)], axis: 1)
            let rows = try layers[0](moved)
            let picked = try rows.gathered(rows.sliced(axis: 1, 0..<1).argMax().reshaped(to: [4]), axis: 1)
            let marked = try ids.sliced(axis: 1, 0..<5).oneHot(classes: 5)
            return try layers[1](Flatten()(rows * marked + picked.mean(axes: [1], keepsAxes: true)))
        }
        let trace = try ModelTrace(
            model, sampleCount: 4, input: .init("x", [6], .int32), label: .init("y", []),
            loss: .sigmoidCrossEntropy,
            isTraining: true)
        try ProgramCheck(trace, idLimit: 9).verify()
    }

    /// Every sample's own rows.
    @Test func rowsWithinSamples() throws {
        struct Guess: Layer {
            let embedding = Embedding(9, 24)
            let output = Dense(5)

            func callAsFunction(_ input: Tensor) throws -> Tensor { try trace(inputs: [input, input]) }

            func trace(inputs: [Tensor]) throws -> Tensor {
                let rows = try embedding(inputs[0]) * embedding(inputs[0])
                return try output(rows.gatheredWithin(inputs[1]))
            }
        }
        let trace = try ModelTrace(
            Guess(), sampleCount: 4, inputs: [.init("x", [6], .int32), .init("places", [3], .int32)],
            label: .init("y", [3], .int32), loss: .softmaxCrossEntropy, isTraining: true)
        try ProgramCheck(trace, idLimit: 5).verify()
    }

    /// Random shapes, repeated along random axes on either side.
    @Test(arguments: 0..<40) func broadcasting(seed: Int) throws {
        var numbers = TestNumbers(seed)
        let rank = 1 + numbers.word() % 4
        let full = (0..<rank).map { _ in [1, 2, 3, 5, 16, 17][numbers.word() % (rank > 2 ? 4 : 6)] }
        func thinned() -> Shape {
            let extents = full.map { numbers.word() % 3 == 0 ? 1 : $0 }
            return Shape(Array(extents.dropFirst(numbers.word() % 2 == 0 ? 0 : numbers.word() % rank)))
        }
        let (left, right) = (thinned(), thinned())
        let function = BinaryFunction.allCases[numbers.word() % BinaryFunction.allCases.count]
        try verify(3, Shape([left.elementCount + right.elementCount]), "\(left) \(right) \(function)") {
            value in
            func part(_ start: Int, _ shape: Shape) throws -> Tensor {
                let piece = try value.sliced(axis: 1, start..<(start + shape.elementCount))
                // Aligned behind the samples: lacking axes are put in by hand.
                let ones = Array(repeating: 1, count: rank - shape.rank)
                return try piece.reshaped(to: Shape([value.shape[0]] + ones + shape.dimensions))
            }
            let (x, y) = (try part(0, left), try part(left.elementCount, right))
            let safe =
                try function == .divide || function == .power ? y.absolute() + y.graph.constant(0.5) : y
            let base = try function == .power ? x.absolute() + x.graph.constant(0.5) : x
            let result = try x.graph.apply(BinaryOperation(function), to: [base, safe])
            return try result + x
        }
    }

    @Test func layersOfShapes() throws {
        let model = Sequential {
            Concatenated {
                Dense(6, activation: .elu)
                Sequential {
                    Dense(4); Activated(.softplus)
                }
            }
            Reshaped(to: [5, 2]); Permuted([0, 2, 1]); Activated(.leakyReLU)
            Concatenated(axis: 1) {
                Dense(3); Dense(3, activation: .geluTanh)
            }
            Flatten(); Dense(1)
        }
        let trace = try ModelTrace(
            model, sampleCount: 4, input: .init("x", [7]), label: .init("y", []), loss: .sigmoidCrossEntropy,
            isTraining: true)
        #expect(trace.graph.parameters.map(\.name).contains("0.1.0.weight"))
        #expect(trace.graph.parameters.map(\.name).contains("4.1.bias"))
        try ProgramCheck(trace).verify()
    }
}
