import Graphs
import Testing

/// The gradient rule of every operation against central differences of its reference, in float64.
@Suite struct GradientTests {
    @Test(arguments: [([1], [1]), ([3, 5], [3, 5]), ([2, 1, 7], [2, 1, 7])] as [([Int], [Int])])
    func elementwise(shapes: ([Int], [Int])) throws {
        let check = GradientCheck()
        let (x, y) = (try check.parameter(Shape(shapes.0)), try check.parameter(Shape(shapes.1)))
        try check.verify(check.weighted((x + y) * x.scaled(by: -2.5) + y * y))
    }

    @Test(arguments: Activation.allCases, [[1], [4, 3], [2, 3, 5]])
    func activations(activation: Activation, shape: [Int]) throws {
        let check = GradientCheck(seed: shape.count)
        let x = try check.parameter(Shape(shape))
        try check.verify(check.weighted(x.activated(activation)))
    }

    @Test(arguments: [(1, 1, 1), (3, 4, 5), (1, 7, 2), (5, 1, 3), (2, 6, 1)])
    func products(extents: (Int, Int, Int)) throws {
        let (m, n, k) = extents
        for (left, right) in [(false, false), (true, false), (false, true), (true, true)] {
            let check = GradientCheck(seed: m + n * 10)
            let a = try check.parameter(left ? [k, m] : [m, k])
            let b = try check.parameter(right ? [n, k] : [k, n])
            let product = try a.matmul(b, transposesLeft: left, transposesRight: right)
            #expect(product.shape == [m, n])
            try check.verify(check.weighted(product))
        }
    }

    @Test(arguments: [[5], [3, 5], [2, 3, 5], [1, 1]]) func bias(shape: [Int]) throws {
        let check = GradientCheck()
        let (x, b) = (try check.parameter(Shape(shape)), try check.parameter([shape.last ?? 1]))
        try check.verify(check.weighted(x.addingBias(b)))
    }

    @Test(arguments: [nil, 0, 1, 2] as [Int?]) func sumsMeansAndBroadcasts(axis: Int?) throws {
        let check = GradientCheck()
        let x = try check.parameter([2, 3, 4])
        let (sum, mean) = (try x.sum(axis: axis), try x.mean(axis: axis))
        // Squares, so that the gradient of the reduction is not a constant.
        try check.verify(try check.weighted(sum * sum) + check.weighted(mean * mean))
        let spread = GradientCheck()
        let shape: Shape = [2, 3, 4]
        let small = try spread.parameter(axis.map { shape.removing(axis: $0) } ?? .scalar)
        let wide = try spread.graph.apply(Broadcast(shape: shape, axis: axis), to: [small])
        try spread.verify(spread.weighted(wide * wide))
    }

    @Test func reshapeAndScalarFactor() throws {
        let check = GradientCheck()
        let (x, s) = (try check.parameter([2, 6]), try check.parameter(.scalar))
        let reshaped = try x.reshaped(to: [3, 4]).multiplied(byScalar: s)
        try check.verify(check.weighted(reshaped * reshaped))
    }

    @Test(arguments: [0, 0.3, 0.9]) func dropout(rate: Double) throws {
        let check = GradientCheck()
        let x = try check.parameter([3, 17])
        let dropped = try x.droppingOut(rate: rate).droppingOut(rate: rate / 2)
        try check.verify(check.weighted(dropped * dropped))
    }

    @Test func embeddingWithRepeatedAndForeignIDs() throws {
        let check = GradientCheck()
        let table = try check.parameter([5, 3])
        let rows = try table.lookup(check.ids([2, 4], [1, 1, 4, 0, 3, -1, 5, 1]))
        #expect(rows.shape == [2, 4, 3])
        try check.verify(check.weighted(rows * rows))
    }

    @Test(arguments: [nil, 0, 1] as [Int?]) func maskedMean(paddingID: Int?) throws {
        let check = GradientCheck()
        let values = try check.parameter([3, 4, 2])
        let ids = check.ids([3, 4], [1, 2, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
        let pooled = try values.maskedMean(TokenMask(ids: ids.node, paddingID: paddingID))
        try check.verify(check.weighted(pooled * pooled))
    }

    @Test(arguments: [(1, 2), (4, 3), (2, 9)]) func softmaxCrossEntropy(samples: Int, classes: Int) throws {
        let check = GradientCheck()
        let logits = try check.parameter([samples, classes])
        let labels = check.ids([samples], (0..<samples).map { $0 * 5 % classes })
        // Twice the loss: the loss's own gradient must be multiplied in.
        try check.verify(logits.softmaxCrossEntropy(labels: labels).scaled(by: 2))
    }

    @Test(arguments: [nil, 1, -100] as [Int?], [0, 0.25, 1]) func crossEntropyOfSequences(
        ignored: Int?, smoothing: Double
    ) throws {
        let check = GradientCheck()
        let logits = try check.parameter([2, 3, 4])
        let labels = check.ids([2, 3], [1, 0, 3, -100, 1, 2])
        try check.verify(
            logits.softmaxCrossEntropy(labels: labels, ignoredLabel: ignored, labelSmoothing: smoothing)
                .scaled(by: 1.5))
    }

    @Test func otherLosses() throws {
        let check = GradientCheck()
        let (x, y) = (try check.parameter([4, 1]), try check.parameter([4, 2]))
        let yesNo = try x.sigmoidCrossEntropy(targets: check.ids([4], [0, 1, 1, 0])).scaled(by: 3)
        let soft = try x.sigmoidCrossEntropy(targets: check.input([4]))
        try check.verify(yesNo + soft + (try y.squaredError(targets: check.input([4, 2])).scaled(by: -0.5)))
    }

    @Test func sharedAndTiedParameters() throws {
        let check = GradientCheck()
        let (x, w) = (check.input([3, 4]), try check.parameter([4, 4]))
        // The same matrix twice, then transposed (tied), with an activation between.
        let hidden = try x.matmul(w).activated(.tanh).matmul(w).activated(.gelu)
        try check.verify(check.weighted(hidden.matmul(w, transposesRight: true)))
        let tied = GradientCheck()
        let table = try tied.parameter([6, 3])
        let looked = try table.lookup(tied.ids([5], [0, 2, 2, 5, 1]))
        let logits = try looked.activated(.tanh).matmul(table, transposesRight: true)
        try tied.verify(logits.softmaxCrossEntropy(labels: tied.ids([5], [1, 2, 3, 4, 5])))
    }

    @Test func aParameterThatTheLossDoesNotReachHasNoGradient() throws {
        let check = GradientCheck()
        let (used, unused) = (try check.parameter([2, 2]), try check.parameter([3]))
        _ = try unused.activated(.relu)
        let loss = try check.weighted(used)
        #expect(try check.graph.gradients(of: loss)[1] == nil)
        try check.verify(loss)
    }

    @Test func aParameterAloneIsItsOwnLoss() throws {
        let check = GradientCheck()
        let p = try check.parameter(.scalar)
        try check.verify(p)
        try check.verify(p + p)
    }

    /// Random graphs: operations that keep a shape, in any order, with values used several times.
    @Test(arguments: 0..<25) func randomGraphs(seed: Int) throws {
        let check = GradientCheck(seed: seed)
        let shape: Shape = [[2, 3], [1, 5], [4, 1], [3, 3]][seed % 4]
        var pool = [try check.parameter(shape), try check.parameter(shape), check.input(shape)]
        let bias = try check.parameter([shape[1]])
        let square = try check.parameter([shape[1], shape[1]])
        func pick() -> Tensor { pool[Int(abs(check.number()) * 1000) % pool.count] }
        for _ in 0..<8 {
            let next: Tensor =
                switch Int(abs(check.number()) * 1000) % 8 {
                case 0: try pick() + pick()
                case 1: try (pick() * pick()).activated(.tanh)
                case 2: try pick().activated([.sigmoid, .tanh, .gelu][seed % 3])
                case 3: try pick().addingBias(bias)
                case 4: try pick().matmul(square).activated(.tanh)
                case 5: try pick().droppingOut(rate: 0.25)
                case 6: try pick().multiplied(byScalar: pick().mean())
                default: try pick().scaled(by: -0.7)
                }
            pool.append(next)
        }
        try check.verify(check.weighted(pool[pool.count - 1]) + pick().sum())
    }

    @Test func lossesThatAreNotScalarsAreRefused() throws {
        let check = GradientCheck()
        let x = try check.parameter([2])
        let error = #expect(throws: (any Error).self) { try check.graph.gradients(of: x) }
        #expect("\(error.map { "\($0)" } ?? "")".contains("[2]"))
    }
}
