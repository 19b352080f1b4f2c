import Graphs
import Testing

/// The gradient rules of indexing, shape, broadcasting and reducing operations against central differences.
@Suite struct ShapeGradientTests {
    /// Σ weights ⊙ value², so that the gradient depends on the value.
    private func verify(_ check: GradientCheck, _ value: Tensor, location: SourceLocation = #_sourceLocation)
        throws
    {
        try check.verify(check.weighted(value * value), location: location)
    }

    @Test(arguments: [0, 1, 2, -1]) func concatenations(axis: Int) throws {
        let check = GradientCheck()
        var shapes: [[Int]] = Array(repeating: [2, 3, 4], count: 3)
        let front = axis < 0 ? 2 : axis
        shapes[1][front] = 1
        shapes[2][front] = 5
        let parts = try shapes.map { try check.parameter(Shape($0)) }
        let joined = try check.graph.concatenate(parts, axis: axis)
        var expected = shapes[0]
        expected[front] = shapes.reduce(0) { $0 + $1[front] }
        #expect(joined.shape == Shape(expected))
        try verify(check, joined)
        let twice = GradientCheck()
        let x = try twice.parameter([2, 3])
        try verify(twice, x.concatenated(with: x, axis: axis == 2 ? 0 : axis))
    }

    @Test(arguments: [0, 1, -1]) func slicesAndSplits(axis: Int) throws {
        let check = GradientCheck()
        let x = try check.parameter([4, 5, 3])
        let extent = x.shape[axis]
        let part = try x.sliced(axis: axis, 1..<extent)
        let pieces = try part.split([1, extent - 2], axis: axis)
        #expect(pieces.map { $0.shape[axis] } == [1, extent - 2])
        try check.verify(
            check.weighted(pieces[0] * pieces[0])
                + check.weighted(pieces[1] * part.split([extent - 2, 1], axis: axis)[0]))
        let box = GradientCheck()
        let cut = try box.parameter([4, 5, 3]).sliced([1..<3, 0..<5, 2..<3])
        #expect(cut.shape == [2, 5, 1])
        try verify(box, cut)
    }

    @Test(arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    func transposes(order: [Int]) throws {
        let check = GradientCheck()
        let moved = try check.parameter([2, 3, 4]).permuted(order)
        #expect(moved.shape == Shape(order.map { [2, 3, 4][$0] }))
        try verify(check, moved)
        let exchanged = GradientCheck()
        let x = try exchanged.parameter([3, 2])
        try verify(exchanged, x.transposed().matmul(x))
    }

    @Test func padding() throws {
        let check = GradientCheck()
        let padded = try check.parameter([2, 3]).padded(before: [1, 0], after: [0, 2], value: 1.5)
        #expect(padded.shape == [3, 5])
        try verify(check, padded)
    }

    @Test(arguments: [0, 1, 2]) func gathers(axis: Int) throws {
        let check = GradientCheck()
        let rows = try check.parameter([3, 4, 2]).gathered(check.ids([2, 2], [1, 0, -1, 1]), axis: axis)
        #expect(rows.shape.rank == 4)
        try verify(check, rows)
    }

    @Test func gathersWithinSamples() throws {
        let check = GradientCheck()
        let rows = try check.parameter([2, 3, 2]).gatheredWithin(
            check.ids([2, 4], [1, 0, 1, 2, 2, 2, -1, 0]))
        #expect(rows.shape == [2, 4, 2])
        try verify(check, rows)
    }

    @Test(arguments: BinaryFunction.allCases) func broadcasts(function: BinaryFunction) throws {
        let shapes: [(Shape, Shape)] = [
            ([2, 3], [2, 3]), ([2, 3], [3]), ([2, 1], [1, 3]), ([], [2, 2]), ([2, 3, 2], [3, 1]),
            ([4, 1, 2], [3, 1]),
        ]
        for (left, right) in shapes {
            let check = GradientCheck(seed: left.rank * 7 + right.rank)
            var (x, y) = (try check.parameter(left), try check.parameter(right))
            if function == .power { x = try x.absolute() }
            if function == .maximum || function == .minimum { y = try y.scaled(by: 0.9) }
            let value = try check.graph.apply(BinaryOperation(function), to: [x, y])
            #expect(value.shape == left.broadcast(with: right))
            // Comparisons have no gradient; their product with x does.
            try check.verify(check.weighted(value * x + y))
        }
    }

    @Test func powersByNumbersAndTies() throws {
        let check = GradientCheck()
        let x = try check.parameter([3, 2])
        try check.verify(check.weighted(x.raised(to: 3) + x.absolute().raised(to: -0.5) + x.raised(to: 2)))
        // At ties each operand gets half, as in PyTorch.
        let tie = GradientCheck()
        let y = try tie.parameter([2])
        let both = try tie.graph.gradients(of: y.maximum(y).sum() + y.minimum(y.scaled(by: 1)).sum())
        let value = tie.graph.evaluate(both.compactMap { $0 }, inputs: [:], parameters: tie.values)[0]
        #expect(value.values == [2, 2])
        // 0⁰ and 0² have the derivatives 0; a constant exponent keeps NaN away.
        let zero = GradientCheck()
        let z = try zero.parameter([1])
        let slopes = try zero.graph.gradients(of: (z.raised(to: 0) + z.raised(to: 2)).sum()).compactMap { $0 }
        #expect(
            zero.graph.evaluate(slopes, inputs: [:], parameters: [ReferenceArray([1], [0])])[0].values == [0])
    }

    @Test(arguments: UnaryFunction.allCases) func unary(function: UnaryFunction) throws {
        let check = GradientCheck()
        var x = try check.parameter([3, 4])
        if function == .log || function == .squareRoot { x = try x.absolute() }
        if function == .reciprocal { x = try x.squared() + check.graph.constant(0.5) }
        try check.verify(check.weighted(check.graph.apply(UnaryOperation(function), to: [x])))
    }

    @Test(arguments: [[], [0], [1], [2], [0, 1], [0, 2], [-1, 1], [0, 1, 2]], [true, false])
    func reductions(axes: [Int], keeps: Bool) throws {
        let check = GradientCheck()
        let x = try check.parameter([2, 3, 4])
        let (sum, mean) = (try x.sum(axes: axes, keepsAxes: keeps), try x.mean(axes: axes, keepsAxes: keeps))
        let (max, min) = (try x.max(axes: axes, keepsAxes: keeps), try x.min(axes: axes, keepsAxes: keeps))
        let front = axes.map { $0 < 0 ? $0 + 3 : $0 }
        let expected = [2, 3, 4].enumerated().compactMap { axis, extent in
            front.contains(axis) ? (keeps ? 1 : nil) : extent
        }
        for value in [sum, mean, max, min] { #expect(value.shape == Shape(expected)) }
        try check.verify(check.weighted(sum * mean) + check.weighted(max * max) + check.weighted(min * sum))
    }

    @Test func equalGreatestShareTheGradient() throws {
        let check = GradientCheck()
        let x = try check.parameter([2, 2, 2])
        let slope = try #require(try check.graph.gradients(of: x.max(axes: [0, 2]).sum())[0])
        let values = ReferenceArray([2, 2, 2], [5, 1, 3, 3, 5, 5, 3, 0])
        let result = check.graph.evaluate([slope], inputs: [:], parameters: [values])[0]
        let expected = [1, 0, 1, 1, 1, 1, 1, 0].map { Double($0) / 3 }
        #expect(result.values == expected)
    }

    @Test func selectionsAndOneHot() throws {
        let check = GradientCheck()
        let (x, y) = (try check.parameter([2, 3]), try check.parameter([3]))
        let chosen = try x.greater(than: y).select(x * x, y)
        let marked = try check.ids([2], [2, 0]).oneHot(classes: 3) * x
        let spread = try y.broadcast(to: [2, 3])
        try check.verify(check.weighted(chosen) + check.weighted(marked) + check.weighted(spread * spread))
        #expect(try x.argMax().type == TensorType([2], .int32) && x.argMax(axis: 0).shape == [3])
    }

    @Test(arguments: [[1], [5], [2, 3], [2, 3, 4]]) func softmaxes(shape: [Int]) throws {
        let check = GradientCheck()
        let x = try check.parameter(Shape(shape))
        let (probabilities, logarithms) = (try x.softmax(), try x.logSoftmax())
        try check.verify(check.weighted(probabilities) + check.weighted(logarithms * probabilities))
    }

    /// References by hand.
    @Test func knownValues() throws {
        let graph = Graph()
        let x = graph.input("x", TensorType([2, 3]))
        let inputs = ["x": ReferenceArray([2, 3], [1, 2, 3, 6, 5, 4]), "i": ReferenceArray([2], [2, 0])]
        let ids = graph.input("i", TensorType([2], .int32))
        let cases: [(Tensor, [Double])] = [
            (try x.transposed(), [1, 6, 2, 5, 3, 4]), (try x.sliced(axis: 1, 1..<3), [2, 3, 5, 4]),
            (try x.padded(before: [0, 1], after: [1, 0]), [0, 1, 2, 3, 0, 6, 5, 4, 0, 0, 0, 0]),
            (try graph.concatenate([x, x], axis: 1), [1, 2, 3, 1, 2, 3, 6, 5, 4, 6, 5, 4]),
            (try x.gathered(ids, axis: 1), [3, 1, 4, 6]),
            (
                try x.reshaped(to: [2, 3, 1]).gatheredWithin(ids.reshaped(to: [2, 1])).reshaped(to: [2]),
                [3, 6]
            ), (try x.argMax(), [2, 0]),
            (try x.argMax(axis: 0), [1, 1, 1]),
            (try x.max(), [6]), (try x.min(axes: [0]), [1, 2, 3]), (try x.mean(axes: [0, 1]), [3.5]),
            (try ids.oneHot(classes: 3), [0, 0, 1, 1, 0, 0]),
            (try x - x.mean(axes: [1], keepsAxes: true), [-1, 0, 1, 1, 0, -1]),
            (try x.less(than: graph.constant(3)), [1, 1, 0, 0, 0, 0]),
            (try x.sum(axes: [1], keepsAxes: true) / x, [6, 3, 2, 2.5, 3, 3.75]),
        ]
        let results = graph.evaluate(cases.map(\.0), inputs: inputs, parameters: [])
        for (result, (_, expected)) in zip(results, cases) { #expect(result.values == expected) }
    }
}
