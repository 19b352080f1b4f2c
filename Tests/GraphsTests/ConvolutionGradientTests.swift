import Graphs
import Testing

/// The gradient rules of convolutions and poolings against central differences of their references, in float64.
@Suite struct ConvolutionGradientTests {
    /// Geometries with the kernel that goes with them, on images [2, 4, 6, 5].
    static let geometries: [(Extents, ConvolutionGeometry)] = [
        (Extents(3, 2), .init()), (1, .init(stride: 2)), (3, .init(stride: Extents(2, 3), padding: 1)),
        (Extents(2, 3), .init(padding: Extents(0, 2), dilation: 2)), (3, .init(padding: 1, groups: 2)),
        (2, .init(stride: 2, groups: 4)),
    ]

    @Test(arguments: 0..<6) func convolutions(number: Int) throws {
        let (kernel, geometry) = Self.geometries[number]
        let check = GradientCheck(seed: number)
        let image = try check.parameter([2, 4, 6, 5])
        let weight = try check.parameter([4, 4 / geometry.groups, kernel.height, kernel.width])
        let result = try image.convolved(with: weight, bias: check.parameter([4]), geometry)
        // The bias's gradient is a companion; a product of two uses makes every gradient depend on the values.
        try check.verify(check.weighted(result * result))
    }

    @Test(arguments: 0..<6) func transposedConvolutions(number: Int) throws {
        let (kernel, geometry) = Self.geometries[number]
        for outputPadding in [Extents(0, 0), Extents(1, 0)] {
            guard outputPadding.height < geometry.stride.height else { continue }
            let check = GradientCheck(seed: number)
            let image = try check.parameter([2, 4, 3, 4])
            let weight = try check.parameter([4, 2, kernel.height, kernel.width])
            let result = try image.transposedConvolved(
                with: weight, geometry, outputPadding: outputPadding)
            let biased = try result.addingChannelBias(check.parameter([2 * geometry.groups]))
            try check.verify(check.weighted(biased * biased))
        }
    }

    /// What a convolution does not reach at the end gets no gradient, and the extents come out again.
    @Test func imagesThatTheStrideDoesNotCover() throws {
        let check = GradientCheck()
        let image = try check.parameter([1, 2, 6, 8])
        let result = try image.convolved(
            with: check.parameter([3, 2, 2, 2]), ConvolutionGeometry(stride: Extents(3, 5)))
        #expect(result.shape == [1, 3, 2, 2])
        try check.verify(check.weighted(result * result))
    }

    static let windows: [PoolingWindow] = [
        PoolingWindow(2), PoolingWindow(3, stride: 2, padding: 1), PoolingWindow(Extents(1, 3), stride: 1),
        PoolingWindow(Extents(6, 5)), PoolingWindow(Extents(3, 2), stride: Extents(1, 3), padding: 1),
    ]

    @Test(arguments: windows) func pooling(window: PoolingWindow) throws {
        let check = GradientCheck()
        let image = try check.parameter([2, 3, 6, 5])
        let maxima = try image.maxPooled(window)
        let (means, inside) = (
            try image.averagePooled(window), try image.averagePooled(window, countsPadding: false)
        )
        try check.verify(check.weighted(maxima * maxima + means * inside))
    }

    @Test func equalPixelsGoToTheFirstAndNaNWins() throws {
        let graph = Graph()
        let pooled = try graph.input("x", TensorType([1, 1, 2, 4])).maxPooled(PoolingWindow(2))
        let places = graph.nodes.count - 1
        let values = graph.evaluate(
            [pooled, Tensor(graph: graph, node: places)],
            inputs: ["x": ReferenceArray([1, 1, 2, 4], [3, 3, 9, .nan, 1, 3, 2, 1])], parameters: [])
        #expect(values[0].values[0] == 3 && values[0].values[1].isNaN)
        #expect(values[1].values == [0, 1])
    }

    @Test func windowsOfManyPixelsCountWiderThanAByte() throws {
        #expect(MaxPool(PoolingWindow(15)).placeElement == .uint8)
        #expect(MaxPool(PoolingWindow(16)).placeElement == .int32)
    }
}
